/** Why a request that a credential would allow is not sent. */

/** What is wrong with a request: a closed list of words. */
export type RefusalCode =
  | "bad_request"
  | "model_missing"
  | "model_mismatch"
  | "field_not_metered"
  | "tool_not_metered"
  | "query_not_allowed";

const STATUS: Readonly<Record<RefusalCode, 400 | 403>> = {
  bad_request: 400,
  model_missing: 400,
  model_mismatch: 400,
  query_not_allowed: 400,
  field_not_metered: 403,
  tool_not_metered: 403,
};

/**
 * A request that has a cost which nothing bounds, or that has no one reading.
 *
 * The status is never 409, 422, 429 or 5xx, because clients repeat those.
 */
export class RequestRefused extends Error {
  override readonly name = "RequestRefused";
  readonly code: RefusalCode;
  readonly status: 400 | 403;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
  }
}
