/** The text of `/llms.txt`: what an API sells and how an agent pays. llmstxt.org. */
import { checkKeys, type Keys } from "../internal/keys.ts";
import { WELL_KNOWN_PATH } from "../wire/paths.ts";
import type { RouteDescription } from "./open-routes.ts";
import { isSold } from "./openapi.ts";

/** What an owner says in `/llms.txt`. */
export interface LlmsText {
  /** The name of the API. */
  readonly title: string;
  /** A sentence about it. */
  readonly summary?: string;
  /** Markdown without headings, before what is sold. */
  readonly details?: string;
  /** More pages, such as the OpenAPI document. */
  readonly links?: readonly {
    readonly title: string;
    readonly url: string;
    readonly about?: string;
  }[];
}

const TEXT = { title: true, summary: true, details: true, links: true } satisfies Keys<LlmsText>;

/** @throws TypeError for a text without a title, or with headings in its details */
export function llmsText(
  text: LlmsText,
  routes: readonly RouteDescription[],
  location: string,
): string {
  checkKeys(text, TEXT, "llmsText");
  const { title, summary, details, links = [] } = text;
  if (typeof title !== "string" || oneLine(title) === "")
    throw new TypeError("llmsText needs the title of the API");
  if (details !== undefined && hasHeading(details))
    throw new TypeError("llmsText.details has no headings: sections of links are below it");
  const listed = routes.flatMap(({ path, ...offer }) =>
    path === undefined ? [] : [item(path, location + pathOf(path), words(offer))],
  );
  const more = links.map((link) => item(link.title, link.url, link.about));
  const prices = item("Prices", location + WELL_KNOWN_PATH, "what is sold and enforced, as JSON");
  return `${[
    `# ${oneLine(title)}`,
    ...(summary === undefined ? [] : [`> ${oneLine(summary)}`]),
    ...(details === undefined ? [] : [details.trim()]),
    HOW,
    ...(listed.length === 0 ? [] : [`## Routes\n\n${listed.join("\n")}`]),
    `## Reference\n\n${[prices, ...more].join("\n")}`,
  ].join("\n\n")}\n`;
}

const HOW = `Requests are paid for with L402, over Lightning, without an account:

1. Send the request. An answer 402 has the field \`WWW-Authenticate: L402 … macaroon="…", invoice="…"\`; with \`Prefer: no-invoice\` it states the price without one.
2. Check the amount of the invoice, and pay it. The payment gives a preimage.
3. Send the same request again with \`Authorization: L402 <macaroon>:<preimage>\`. Keep the credential: it may be good for more requests.

A request that fails (4xx, 5xx) is not counted. A holder may narrow a credential offline, for another agent.`;

function words({ price, grants, free }: Omit<RouteDescription, "path">): string {
  const { uses, usesPerMinute, usesPerHour, usesPerDay, budget, validFor } = grants;
  const buys = [
    uses === undefined ? undefined : `${uses} requests`,
    usesPerMinute === undefined ? undefined : `${usesPerMinute} requests a minute`,
    usesPerHour === undefined ? undefined : `${usesPerHour} requests an hour`,
    usesPerDay === undefined ? undefined : `${usesPerDay} requests a day`,
    budget === undefined ? undefined : `${budget} to be spent`,
    validFor === undefined ? undefined : `for ${validFor}`,
  ].filter((one) => one !== undefined);
  const cost = price === null ? "needs a credential of the owner" : `price: ${price}`;
  return [
    isSold(price) || price === null ? cost : `${cost}, for credentials of the owner`,
    ...(isSold(price) && buys.length > 0 ? [`a payment buys ${buys.join(", ")}`] : []),
    ...(free === undefined
      ? []
      : [`${free.requests} requests in each ${free.per} are free, by ${free.by}`]),
  ].join("; ");
}

/** The path of a pattern: its stars stay, for a reader. */
const pathOf = (pattern: string): string => pattern.slice(pattern.indexOf(" ") + 1);

const item = (title: string, url: string, about?: string): string => {
  const safe = oneLine(url).replace(/[()<>\s]/g, percentEncoded);
  const name = oneLine(title).replace(/[[\]\\*]/g, "\\$&");
  return `- [${name}](${safe})${about === undefined ? "" : `: ${oneLine(about)}`}`;
};

const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, " ").trim();

/** What ends a line for any reader: CommonMark's line endings, and other control characters. */
const LINE_END = /\r\n|[\p{Zl}\p{Zp}]|(?!\t)\p{Cc}/u;
/** Of quotes and lists, which may have headings inside. */
const CONTAINERS = /^(?:\s*(?:>|[-+*](?=\s)|\d{1,9}[.)](?=\s)))*\s*/;

/** CommonMark §4.2, §4.3 and §4.6: with number signs, underlined, or in HTML. */
function hasHeading(markdown: string): boolean {
  const lines = markdown.split(LINE_END).map((line) => line.replace(CONTAINERS, ""));
  return lines.some((line, at) => {
    const isUnderlined = /^(?:=+|-+)\s*$/.test(line) && (lines[at - 1] ?? "").trim() !== "";
    return isUnderlined || /^#|<h[1-6]\b/i.test(line);
  });
}

const percentEncoded = (char: string): string =>
  `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
