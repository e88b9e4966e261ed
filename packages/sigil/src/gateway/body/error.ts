/** Why a body cannot be read. */

/** What is wrong with a body: a closed list of words. */
export type BodyErrorCode =
  | "not_utf8"
  | "not_json"
  | "duplicate_key"
  | "too_deep"
  | "too_many_values"
  | "not_an_object"
  | "bad_field";

/** A body that has no reading, or more than one. It is answered with 400. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly status = 400;
  readonly code: BodyErrorCode;

  constructor(code: BodyErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
