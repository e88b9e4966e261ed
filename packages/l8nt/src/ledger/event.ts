/** The events that change the books, and their answers. spec/5-ledger.md. */
import type { Amount } from "../amount.ts";
import type { Reservation, ReserveAnswer, Resolution } from "../ports/ledger.ts";
import type {
  BeginAnswer,
  PaymentMark,
  PaymentRecord,
  Settled,
  Settlement,
} from "../ports/payments.ts";

/** The answer to each type of event. */
export interface Answers {
  readonly reserve: ReserveAnswer;
  readonly commit: Resolution;
  readonly release: Resolution;
  readonly begin: BeginAnswer;
  readonly settle: Settled;
  readonly mark: PaymentRecord;
  readonly take: boolean;
}

export type LedgerEvent =
  | { readonly type: "reserve"; readonly reservation: Reservation }
  | {
      readonly type: "commit";
      readonly id: string;
      readonly amount: Amount;
      readonly at: number;
    }
  | { readonly type: "release"; readonly id: string; readonly at: number }
  | { readonly type: "begin"; readonly reservation: Reservation; readonly payment: PaymentRecord }
  | {
      readonly type: "settle";
      readonly paymentHash: string;
      readonly attemptId: string;
      readonly settlement: Settlement;
    }
  | { readonly type: "mark"; readonly paymentHash: string; readonly mark: PaymentMark }
  | {
      readonly type: "take";
      readonly paymentHash: string;
      readonly from: string;
      readonly to: string;
      /** Also if it is used. */
      readonly orUsed?: "or used" | undefined;
    };

/** Unix seconds at which an event happened; undefined if it has no time of its own. */
export function timeOf(event: LedgerEvent): number | undefined {
  switch (event.type) {
    case "reserve":
    case "begin":
      return event.reservation.at;
    case "settle":
      return event.settlement.at;
    case "mark":
    case "take":
      return undefined;
    default:
      return event.at;
  }
}
