/**
 * The rules of the ledger as one pure function: an event and the rows it touches go in; the changed
 * rows and the answer come out. spec/5-ledger.md.
 */
import { reserve, resolve } from "./count.ts";
import type { Answers, LedgerEvent } from "./event.ts";
import { begin, mark, type PaymentState, type PaymentStep, settle, take } from "./payment.ts";
import { demandValid } from "./valid.ts";

export type LedgerState = PaymentState;
export type Step<Answer> = PaymentStep<Answer>;

/**
 * Applies one event.
 *
 * @throws TypeError for an unknown reservation or payment, and for amounts that are negative, too
 * large, or of several units, and AdapterError `ERR_STORE` if a counter would not hold an amount;
 * nothing changes then
 */
export function step<Type extends LedgerEvent["type"]>(
  state: LedgerState,
  event: Extract<LedgerEvent, { readonly type: Type }>,
): Step<Answers[Type]> {
  demandValid(event);
  return (stepAny as (state: LedgerState, event: LedgerEvent) => Step<never>)(state, event);
}

function stepAny(state: LedgerState, event: LedgerEvent): Step<Answers[keyof Answers]> {
  switch (event.type) {
    case "reserve":
      return reserve(state, event.reservation);
    case "commit":
      return resolve(state, event.id, event.amount, event.at);
    case "release":
      return resolve(state, event.id, undefined, event.at);
    case "begin":
      return begin(state, event.reservation, event.payment);
    case "settle":
      return settle(state, event.paymentHash, event.attemptId, event.settlement);
    case "mark":
      return mark(state, event.paymentHash, event.mark);
    case "take":
      return take(state, event);
  }
}
