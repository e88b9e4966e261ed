/**
 * The one rule for what consumes a use: an answer, and not a refusal. The service settles its claim
 * by it, and the client and the treasury know by it what they may use again. spec/5-ledger.md §5.
 */

/** What a handler said about the use, against the rule of the status. */
export type Declared = "consumed" | "released";

/** The head of a response, and the method that it answers. */
export interface AnswerHead {
  readonly method: string;
  readonly status: number;
}

/**
 * Whether a use is consumed. What the handler declared decides. Otherwise the head of a 2xx answer
 * consumes, except to HEAD, which transfers nothing, and so does 101, behind which a connection is
 * used.
 *
 * @param head undefined if the exchange ended before any head was sent
 */
export function isConsumed(head: AnswerHead | undefined, declared?: Declared): boolean {
  if (declared !== undefined) return declared === "consumed";
  if (head === undefined || head.method === "HEAD") return false;
  return head.status === SWITCHING_PROTOCOLS || (head.status >= 200 && head.status <= 299);
}

const SWITCHING_PROTOCOLS = 101;

/** Field of a response whose handler declared what became of the use. */
export const USE_FIELD = "sigil-use";

export function declaredIn(headers: Headers): Declared | undefined {
  const value = headers.get(USE_FIELD);
  return value === "consumed" || value === "released" ? value : undefined;
}
