/**
 * Reads what a service says of a use that it does not serve, for the treasury and for the client.
 * spec/4-purchase.md §4.5.
 */
import { prefersNoInvoice } from "../http/prefer.ts";
import { problemPlace } from "./problem-place.ts";

/** Why a service refused, if it says so. The response can still be passed on. */
async function codeIn(response: Response): Promise<string | undefined> {
  if (problemPlace(response.headers.get("content-type")) === undefined) return undefined;
  // Loaded here, because a page whose requests are served never reads a problem.
  const { codeOf } = await import("./problem-code.ts");
  return codeOf(response.clone());
}

/**
 * Whether a service refuses what was presented, and would take another one. A 401 without a problem
 * of ours may be the handler's own, for a caller that has not logged in. A 403 or a 400 is the
 * answer: paying cannot help.
 */
export async function isRefusal(response: Response): Promise<boolean> {
  if (response.status !== 401) return response.status === 402;
  return /^ERR_(?:TOKEN_|REVOKED$|EXPIRED$)/.test((await codeIn(response)) ?? "");
}

/** What a 402 says of a credential that the service does not know or take, and of none. */
const OF_CREDENTIAL = /^ERR_(?:TOKEN_|REVOKED$|EXPIRED$|PAYMENT_REQUIRED$)/;

/** Whether a 402 says that a condition of what was presented denies, such as a capability. */
export async function deniesCondition(response: Response): Promise<boolean> {
  if (response.status !== 402) return false;
  const code = (await codeIn(response)) ?? "";
  return code.startsWith("ERR_") && !OF_CREDENTIAL.test(code);
}

/**
 * Whether a service that sells nothing asks for a credential of an issuer that it trusts.
 * spec/9-public-key.md §6.
 */
export const asksForIssued = async (response: Response): Promise<boolean> =>
  response.status === 401 &&
  /\bissuers=/i.test(response.headers.get("www-authenticate") ?? "") &&
  (await codeIn(response)) === "ERR_TOKEN_MISSING";

/**
 * Whether a 402 may come from a service that has not read what was presented. One that has says
 * what is wrong with it.
 */
export async function mayBeUnread(response: Response): Promise<boolean> {
  if (response.status !== 402) return false;
  const code = await codeIn(response);
  return code === undefined || code === "ERR_PAYMENT_REQUIRED";
}

const CHALLENGE = /(?:^|,)[ \t]*(?:l402|lsat)[ \t]/i;

/** Whether a 402 is about L402, and not about an account at an API. */
export async function isForSale(response: Response): Promise<boolean> {
  const { status, headers } = response;
  if (status !== 402) return false;
  if (CHALLENGE.test(headers.get("www-authenticate") ?? "")) return true;
  // Of a service whose problems have another form than ours, as those of a vendor's SDK.
  if (prefersNoInvoice(headers.get("preference-applied"))) return true;
  return (await codeIn(response))?.startsWith("ERR_") ?? false;
}

/** Whether an earlier request with the same `Idempotency-Key` is still being answered. */
export const isRunning = async (response: Response): Promise<boolean> =>
  response.status === 409 && (await codeIn(response)) === "ERR_REQUEST_RUNNING";

/**
 * The seconds after which a service gives a challenge again, which has given too many that are not
 * paid; undefined for any other response.
 */
export async function challengeAfter(response: Response): Promise<number | undefined> {
  if (response.status !== 429 || (await codeIn(response)) !== "ERR_RATE_LIMITED") return undefined;
  const after = response.headers.get("retry-after") ?? "";
  return /^[0-9]{1,9}$/.test(after) ? Number(after) : undefined;
}

/** Whether the `Idempotency-Key` was used before, and no answer is given again under it. */
export const isKnownKey = async (response: Response): Promise<boolean> =>
  response.status === 422 && (await codeIn(response)) === "ERR_IDEMPOTENCY_KEY";
