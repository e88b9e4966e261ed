/** A request that the gateway refuses, by the code of an error or by the reason for it. */
import { AdapterError, BudgetError, DeniedError, explain, SigilError, TokenError } from "l8nt";
import { BodyError } from "./body/error.ts";
import { UnreadBody } from "./core/body.ts";
import { NoSlot } from "./core/slots.ts";
import type { DenialFacts } from "./presets/dialect.ts";
import { RequestRefused } from "./presets/refused.ts";

/** Thrown where a request is refused, and shown in the dialect of its route. */
export class Denied extends Error {
  override readonly name = "Denied";
  readonly facts: DenialFacts;
  readonly retryAfterSeconds: number | undefined;
  /** More lines of the head, such as a challenge: name, value, name, value. */
  readonly fields: readonly string[];

  constructor(facts: DenialFacts, retryAfterSeconds?: number, fields: readonly string[] = []) {
    super(facts.detail);
    this.fields = fields;
    this.facts = facts;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** What an agent must present. */
export const TAKES = "this gateway takes a Sigil credential as the API key, sk-sigil-….";

/** Words and titles for the library's codes. A code that is not listed is `denied`. */
const WORDS: Readonly<Record<string, readonly [code: string, title: string]>> = {
  ERR_TOKEN_MISSING: ["credential_missing", "No credential"],
  ERR_TOKEN_AMBIGUOUS: ["credential_ambiguous", "Two credentials"],
  ERR_BUDGET: ["budget_exhausted", "Budget exhausted"],
  ERR_USES: ["uses_exhausted", "No use left"],
  ERR_PRICE: ["price_above_limit", "Price above the limit"],
  ERR_MODEL: ["model_not_allowed", "Model not allowed"],
  ERR_CAPABILITY: ["capability_not_allowed", "Not allowed"],
  ERR_ENDPOINT: ["endpoint_not_allowed", "Not allowed"],
  ERR_EXPIRED: ["credential_expired", "Credential expired"],
  ERR_REVOKED: ["credential_revoked", "Credential revoked"],
  ERR_FROZEN: ["credential_frozen", "Credential frozen"],
  ERR_RATE_LIMITED: ["rate_limited", "Too many requests"],
  ERR_STORE: ["books_unavailable", "Books unavailable"],
  ERR_WALLET: ["wallet_unavailable", "No invoice"],
  ERR_REVOCATION_UNKNOWN: ["revocations_unknown", "Revocations unknown"],
};

/** The same request passes once there is more of it. */
const OF_A_BUDGET: ReadonlySet<string> = new Set(["ERR_BUDGET", "ERR_USES", "ERR_PRICE"]);
/** SDKs wait no longer, and try again meanwhile. */
const LONGEST_RETRY_SECONDS = 60;

/** The denial that an error means here. @throws an error that is a fault of the gateway */
export function denialOf(error: unknown): Denied {
  if (error instanceof Denied) return error;
  if (error instanceof UnreadBody)
    return new Denied(
      {
        status: error.status,
        code: error.status === 503 ? "overloaded" : "body_refused",
        title: "The body was not read",
        detail: error.message,
      },
      error.status === 503 ? 1 : undefined,
    );
  if (error instanceof NoSlot)
    return new Denied(
      {
        status: 503,
        code: "overloaded",
        title: "Too many requests wait",
        detail: "Sigil: too many requests of this key wait for the vendor. Try again.",
      },
      1,
    );
  if (error instanceof BodyError || error instanceof RequestRefused)
    return new Denied({
      status: error.status,
      code: error.code,
      title: "The request was not sent",
      detail: error.message,
    });
  if (!(error instanceof SigilError)) throw error;
  const fallback = error instanceof TokenError ? "credential_invalid" : "denied";
  const [code, title] = WORDS[error.code] ?? [fallback, "Denied"];
  const status = statusOf(error);
  // The store is away, or is asked again in this time.
  const { retryAfterSeconds = status === 503 ? 1 : undefined } = error;
  return new Denied(
    { status, code, title, detail: textOf(error), members: { sigil: error.code } },
    retryAfterSeconds && Math.min(LONGEST_RETRY_SECONDS, Math.ceil(retryAfterSeconds)),
  );
}

/** Never 409, 422, 429 or 5xx for what no retry mends: SDKs send those again. */
function statusOf(error: SigilError): number {
  if (error.code === "ERR_TOKEN_AMBIGUOUS") return 400;
  if (error instanceof TokenError) return 401;
  if (OF_A_BUDGET.has(error.code)) return 402;
  if (error.code === "ERR_RATE_LIMITED") return 429;
  return error instanceof AdapterError || error.code === "ERR_REVOCATION_UNKNOWN" ? 503 : 403;
}

function textOf(error: SigilError): string {
  // Most often the vendor's own key, of an agent that was not changed over.
  if (error.code === "ERR_TOKEN_MALFORMED")
    return `Sigil: the API key is no Sigil credential, or not a whole one: ${TAKES}`;
  if (!(error instanceof DeniedError)) return `Sigil: ${error.message}`;
  const lead = error instanceof BudgetError ? "This key has too little left. " : "";
  return `Sigil: ${lead}${error.refusals.map(explain).join(". ")}.`;
}
