/**
 * The law of the ledger, pure: one event and the rows it touches in, the changed rows and the
 * answer out.
 */
import type { Reservation, ReserveAnswer, Resolution } from "../ports/ledger.ts";
import type { BeginAnswer, PaymentMark, PaymentRecord, Settlement } from "../ports/payments.ts";
import { reserve, resolve } from "./count.ts";
import { begin, claim, mark, type PaymentState, type PaymentStep, settle } from "./payment.ts";

export type LedgerState = PaymentState;
export type Step<Answer> = PaymentStep<Answer>;

/** Every event, with what answers it. */
export interface Answers {
  readonly reserve: ReserveAnswer;
  readonly commit: Resolution;
  readonly release: Resolution;
  readonly begin: BeginAnswer;
  readonly settle: PaymentRecord;
  readonly mark: PaymentRecord;
  readonly claim: boolean;
}

export type LedgerEvent =
  | { readonly type: "reserve"; readonly reservation: Reservation }
  | {
      readonly type: "commit";
      readonly id: string;
      readonly amountMsat: bigint;
      readonly at: number;
    }
  | { readonly type: "release"; readonly id: string; readonly at: number }
  | { readonly type: "begin"; readonly reservation: Reservation; readonly payment: PaymentRecord }
  | { readonly type: "settle"; readonly paymentHash: string; readonly settlement: Settlement }
  | { readonly type: "mark"; readonly paymentHash: string; readonly mark: PaymentMark }
  | {
      readonly type: "claim";
      readonly paymentHash: string;
      readonly by: string;
      readonly at: number;
      readonly until: number;
    };

/**
 * One event.
 *
 * @throws TypeError for a reservation or a payment that there is not, or a negative amount; nothing
 * changes then
 */
export function step<Type extends LedgerEvent["type"]>(
  state: LedgerState,
  event: Extract<LedgerEvent, { readonly type: Type }>,
): Step<Answers[Type]> {
  return (stepAny as (state: LedgerState, event: LedgerEvent) => Step<never>)(state, event);
}

function stepAny(state: LedgerState, event: LedgerEvent): Step<Answers[keyof Answers]> {
  switch (event.type) {
    case "reserve":
      return reserve(state, event.reservation);
    case "commit":
      return resolve(state, event.id, "committed", event.amountMsat, event.at);
    case "release":
      return resolve(state, event.id, "released", 0n, event.at);
    case "begin":
      return begin(state, event.reservation, event.payment);
    case "settle":
      return settle(state, event.paymentHash, event.settlement);
    case "mark":
      return mark(state, event.paymentHash, event.mark);
    case "claim":
      return claim(state, event.paymentHash, event.by, event.at, event.until);
  }
}

/** The time that an event happened at, where it has one. */
export function timeOf(event: LedgerEvent): number | undefined {
  switch (event.type) {
    case "reserve":
    case "begin":
      return event.reservation.at;
    case "settle":
      return event.settlement.at;
    case "mark":
      return undefined;
    default:
      return event.at;
  }
}
