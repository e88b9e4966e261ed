/**
 * The schemes that a 402 offers beside L402, and what they would have cost, for people:
 * x402, MPP (`Payment`), and others by their name.
 */
import { readBody } from "../http/body.ts";
import { readChallenges } from "../http/header.ts";
import { limited } from "../http/limited-stream.ts";
import { base64Bytes, utf8Text } from "../internal/bytes.ts";

const LIMITS = { maxBytes: 65_536, idleSeconds: 1, totalSeconds: 1 };
const MAX_FIELD = 32_768;
const MAX_SHOWN = 4;

/**
 * Such as `["x402 (10000 of the smallest unit of USDC, on base)"]`. Ends the response. Never fails:
 * nothing depends on it but a message.
 */
export async function otherSchemes(response: Response): Promise<readonly string[]> {
  const { headers } = response;
  const x402 = [
    ...acceptsIn(jsonInBase64(headers.get("payment-required"))),
    ...acceptsIn(await jsonBody(response)),
  ].map(({ network, amount, maxAmountRequired, asset, extra }) => {
    const unit = wordOf(objectOf(extra).name) ?? wordOf(asset);
    return priceOf(amount ?? maxAmountRequired, unit, ["on", network]);
  });
  const field = headers.get("www-authenticate") ?? "";
  const items = field.length > MAX_FIELD ? [] : readChallenges(field);
  const schemes = new Set(items.map(({ scheme }) => scheme).filter((name) => name !== ""));
  const mpp = items
    .filter(({ scheme }) => scheme === "payment")
    .map(({ parameters }) => {
      const given = new Map(parameters);
      const { amount, currency } = objectOf(jsonInBase64(given.get("request")));
      return priceOf(amount, wordOf(currency), ["by", given.get("method")]);
    });
  const others = [...schemes]
    .filter((name) => !OWN.has(name))
    .flatMap((name) => wordOf(name) ?? []);
  return [...described("x402", x402), ...described("MPP", mpp), ...others].slice(0, 2 * MAX_SHOWN);
}

/** Those that are told by their price, and ours. */
const OWN: ReadonlySet<string> = new Set(["l402", "lsat", "payment", "x402"]);

function described(name: string, prices: readonly (string | undefined)[]): readonly string[] {
  if (prices.length === 0) return [];
  const known = [...new Set(prices.filter((price) => price !== undefined))].slice(0, MAX_SHOWN);
  return [known.length === 0 ? name : `${name} (${known.join("; ")})`];
}

/** Undefined without an amount. Neither scheme says how many decimals a unit has. */
function priceOf(
  amount: unknown,
  unit: string | undefined,
  [word, where]: readonly [string, unknown],
): string | undefined {
  const count = typeof amount === "number" ? String(amount) : amount;
  if (typeof count !== "string" || !/^[0-9]{1,40}(?:\.[0-9]{1,20})?$/.test(count)) return undefined;
  const place = wordOf(where);
  const what = unit === undefined ? "" : ` of the smallest unit of ${unit}`;
  return `${count}${what}${place === undefined ? "" : `, ${word} ${place}`}`;
}

/** The text is a stranger's: what could forge a line of a log is left out. */
const wordOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}$/.test(value)
    ? value
    : undefined;

const acceptsIn = (value: unknown): readonly Record<string, unknown>[] => {
  const { accepts } = objectOf(value);
  return Array.isArray(accepts) ? accepts.slice(0, MAX_SHOWN).map(objectOf) : [];
};

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

function jsonInBase64(text: string | null | undefined): unknown {
  if (text === null || text === undefined || text.length > MAX_FIELD) return undefined;
  const bytes = base64Bytes(text);
  return bytes === undefined ? undefined : parsed(bytes);
}

async function jsonBody(response: Response): Promise<unknown> {
  const { body, headers } = response;
  if (body === null) return undefined;
  try {
    if (!(headers.get("content-type") ?? "").includes("json")) {
      await body.cancel();
      return undefined;
    }
    const bounded = limited(body as ReadableStream<Uint8Array<ArrayBuffer>>, LIMITS, () => {});
    return parsed(await readBody(new Response(bounded), LIMITS.maxBytes));
  } catch {
    return undefined;
  }
}

function parsed(bytes: Uint8Array<ArrayBuffer>): unknown {
  try {
    return JSON.parse(utf8Text(bytes) ?? "");
  } catch {
    return undefined;
  }
}
