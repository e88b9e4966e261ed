/**
 * What each code of the library is at the gateway: status, code, title, and when it is worth
 * another try. The one table of it.
 */
import type { ErrorCode } from "l8nt";

export interface Shown {
  /** Never 409, 422, 429 or 5xx for what no retry mends: SDKs send those again. */
  readonly status: number;
  readonly code: string;
  readonly title: string;
  /** Of what passes by itself, as a store that is away, if the error does not say. */
  readonly retryAfterSeconds?: number;
}

const shown = (status: number, code: string, title: string, retryAfterSeconds?: number): Shown => ({
  status,
  code,
  title,
  ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
});

const INVALID = "credential_invalid";

/** By code of the library. A code that is not here is a fault of the gateway: 500. */
export const SHOWN: { readonly [Code in ErrorCode]?: Shown } = {
  ERR_TOKEN_MISSING: shown(401, "credential_missing", "No credential"),
  ERR_TOKEN_MALFORMED: shown(401, INVALID, "Not a Sigil credential"),
  ERR_TOKEN_TOO_LARGE: shown(401, INVALID, "Credential too large"),
  ERR_TOKEN_FORGED: shown(401, INVALID, "Credential not of this gateway"),
  ERR_TOKEN_THIRD_PARTY: shown(401, INVALID, "Credential with a third party"),
  ERR_TOKEN_SEALED: shown(401, INVALID, "Credential sealed"),
  ERR_TOKEN_ALGORITHM: shown(401, INVALID, "Credential of another algorithm"),
  ERR_TOKEN_DATALOG: shown(401, INVALID, "Credential with foreign rules"),
  ERR_TOKEN_ISSUER: shown(401, INVALID, "Credential of an unknown issuer"),
  ERR_TOKEN_KEY: shown(401, INVALID, "Credential of an unknown key"),
  ERR_TOKEN_AMBIGUOUS: shown(400, "credential_ambiguous", "Two credentials"),

  ERR_BUDGET: shown(402, "budget_exhausted", "Budget exhausted"),
  ERR_USES: shown(402, "uses_exhausted", "No use left"),
  ERR_PRICE: shown(402, "price_above_limit", "Price above the limit"),

  ERR_IN_FLIGHT: shown(403, "too_many_in_flight", "Too much in flight"),
  ERR_AGENT_UNKNOWN: shown(403, "agent_unknown", "Agent unknown"),
  ERR_SCOPE_WIDER: shown(403, "scope_wider", "Scope wider than allowed"),
  ERR_ENDPOINT: shown(403, "endpoint_not_allowed", "Endpoint not allowed"),
  ERR_SERVICE: shown(403, "service_not_allowed", "Service not allowed"),
  ERR_CAPABILITY: shown(403, "capability_not_allowed", "Capability not allowed"),
  ERR_MODEL: shown(403, "model_not_allowed", "Model not allowed"),
  ERR_PAYEE: shown(403, "payee_not_allowed", "Payee not allowed"),
  ERR_DEPTH: shown(403, "delegated_too_deep", "Delegated too deep"),
  ERR_LEDGER: shown(403, "ledger_elsewhere", "Counted elsewhere"),
  ERR_HOLDER: shown(403, "key_not_proven", "Key not proven"),
  ERR_EXPIRED: shown(403, "credential_expired", "Credential expired"),
  ERR_NOT_YET_VALID: shown(403, "credential_not_yet_valid", "Credential not yet valid"),
  ERR_REVOKED: shown(403, "credential_revoked", "Credential revoked"),
  ERR_FROZEN: shown(403, "credential_frozen", "Credential frozen"),
  ERR_PREIMAGE_CAVEAT: shown(403, "preimage_missing", "Preimage missing"),
  ERR_CHECK: shown(403, "check_failed", "Check of the credential failed"),
  ERR_CAVEAT_UNKNOWN: shown(403, "condition_unknown", "Condition unknown"),
  ERR_CAVEAT_MALFORMED: shown(403, "condition_malformed", "Condition malformed"),

  ERR_RATE_LIMITED: shown(429, "rate_limited", "Too many requests", 1),
  ERR_REVOCATION_UNKNOWN: shown(503, "revocations_unknown", "Revocations unknown", 1),
  ERR_STORE: shown(503, "books_unavailable", "Books unavailable", 1),
  ERR_CHECKPOINT: shown(503, "books_unavailable", "Books unavailable", 1),
  ERR_FEED: shown(503, "revocations_unknown", "Revocations unknown", 1),
  ERR_SECRET: shown(503, "secret_unavailable", "The gateway has no secret", 1),
  ERR_KEYS_UNREACHABLE: shown(503, "keys_unavailable", "Keys of the issuer unavailable", 1),
  ERR_WALLET: shown(503, "wallet_unavailable", "No invoice", 1),
  ERR_PRICE_FUNCTION: shown(503, "price_unavailable", "No price", 1),
};
