/**
 * Pages of other origins: which of them may send requests from a browser and read the answers. A
 * browser asks with `Origin`, and before most requests with a preflight. Fetch Standard §3.3.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { isOfCors, valuesOf, without } from "./core/fields.ts";
import { hasBody } from "./core/request.ts";

/** What a service allows to pages. */
export interface CorsRule {
  /** As browsers write them in `Origin`; `*` stands for all. */
  readonly origins: ReadonlySet<string>;
  /** How long a browser may keep the answer to a preflight. */
  readonly maxAgeSeconds: number;
}

/**
 * Whether a browser asks if a page may send a request. The vendor never sees it: its answer would
 * be about its own origin, and it presents no credential. An OPTIONS that is none is a request.
 */
export const isPreflight = (incoming: IncomingMessage): boolean =>
  incoming.method === "OPTIONS" &&
  incoming.headers.origin !== undefined &&
  incoming.headers["access-control-request-method"] !== undefined &&
  !hasBody(incoming);

/** Answers a preflight: 204, and what is allowed. Nothing is judged, counted or written down. */
export function answerPreflight(
  rule: CorsRule | undefined,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const fields = allowed(rule, incoming);
  if (rule !== undefined && fields.length > 0) {
    // All of them: the request itself is judged, and its refusal can be read.
    fields.push(...asked(incoming, "method", METHOD), ...asked(incoming, "headers", NAMES));
    fields.push("access-control-max-age", String(rule.maxAgeSeconds));
  }
  outgoing.writeHead(204, [...fields, "vary", PREFLIGHT_VARIES, "cache-control", "no-store"]);
  outgoing.end();
}

const PREFLIGHT_VARIES = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const METHOD = new RegExp(`^${TOKEN}$`);
const NAMES = new RegExp(`^${TOKEN}(?:[ \\t]*,[ \\t]*${TOKEN})*$`);

/** What a preflight asks for, as it is allowed: a star would not stand for `Authorization`. */
function asked(
  { rawHeaders }: IncomingMessage,
  what: "method" | "headers",
  form: RegExp,
): readonly string[] {
  const values = valuesOf(rawHeaders, `access-control-request-${what}`).join(", ");
  const name = what === "method" ? "methods" : what;
  return form.test(values) ? [`access-control-allow-${name}`, values] : [];
}

/** The origin of the page that sent a request, if it is allowed. */
function originOf(rule: CorsRule, { rawHeaders }: IncomingMessage): string | undefined {
  const [origin, ...others] = valuesOf(rawHeaders, "origin");
  if (origin === undefined || others.length > 0) return undefined;
  return rule.origins.has("*") || rule.origins.has(origin) ? origin : undefined;
}

/** That this page may read an answer; empty if it may not. */
function allowed(rule: CorsRule | undefined, incoming: IncomingMessage): string[] {
  if (rule === undefined) return [];
  const origin = rule.origins.has("*") ? "*" : originOf(rule, incoming);
  return origin === undefined ? [] : ["access-control-allow-origin", origin];
}

/**
 * Whether `name` is a field by which a vendor would judge the page that sent a request. Of an
 * allowed page it is not sent on: some vendors refuse every origin that is not their own. Of any
 * other it is, because it may be all that keeps a page from a vendor without keys.
 */
export function judgesPage(
  rule: CorsRule | undefined,
  incoming: IncomingMessage,
): (name: string) => boolean {
  if (rule === undefined || originOf(rule, incoming) === undefined) return () => false;
  return (name) => OF_A_PAGE.has(name) || name.startsWith("sec-fetch-");
}

const OF_A_PAGE: ReadonlySet<string> = new Set(["origin", "referer"]);

/**
 * Lets the pages of a rule read whatever is answered, refusals and their challenges too. Without
 * cookies: `Access-Control-Allow-Credentials` is never written, so a page presents its key itself.
 */
export function openToPages(
  rule: CorsRule,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const fields = allowed(rule, incoming);
  if (fields.length > 0) fields.push("access-control-expose-headers", "*");
  // A cache must not give the answer for one origin to another.
  if (!rule.origins.has("*")) fields.push("vary", "Origin");
  // Each head, of whatever part of the gateway, is written by this method.
  const writeHead = outgoing.writeHead.bind(outgoing);
  const withFields = (status: number, head?: readonly string[] | OutgoingHttpHeaders) =>
    writeHead(status, [...without(linesOf(head), isOfCors), ...fields]);
  outgoing.writeHead = withFields as ServerResponse["writeHead"];
}

const isLines = (head: readonly string[] | OutgoingHttpHeaders): head is readonly string[] =>
  Array.isArray(head);

function linesOf(head: readonly string[] | OutgoingHttpHeaders = []): readonly string[] {
  if (isLines(head)) return head;
  return Object.entries(head).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((one) => [name, String(one)]),
  );
}
