/**
 * Payments as pure functions: which may begin, how one ends, which order may use it.
 * spec/4-purchase.md §4.
 */
import type { Amount } from "../amount.ts";
import type { Reservation } from "../ports/ledger.ts";
import type { BeginAnswer, PaymentMark, PaymentRecord, Settlement } from "../ports/payments.ts";
import { type Counters, type CountStep, reserve, resolve, unchanged } from "./count.ts";

export interface PaymentState extends Counters {
  payment(paymentHash: string): PaymentRecord | undefined;
  /** The open payment of an intent. */
  openFor(intent: string): PaymentRecord | undefined;
}

export interface PaymentStep<Answer> extends CountStep<Answer> {
  /** The record as it is from now on. */
  readonly payment?: PaymentRecord;
}

export function begin(
  state: PaymentState,
  reservation: Reservation,
  payment: PaymentRecord,
): PaymentStep<BeginAnswer> {
  const repeated = state.payment(payment.paymentHash);
  if (repeated !== undefined && repeated.status !== "failed")
    return unchanged({ reserved: false, repeated } as const);
  const open = state.openFor(payment.intent);
  if (open !== undefined) return unchanged({ reserved: false, open } as const);
  const held = reserve(state, reservation);
  return held.answer.reserved
    ? { ...held, payment, journal: [...held.journal, entry(payment)] }
    : held;
}

/** @throws TypeError for a hash that was never begun, or a fee in another unit than the payment */
export function settle(
  state: PaymentState,
  paymentHash: string,
  settlement: Settlement,
): PaymentStep<PaymentRecord> {
  const open = known(state, paymentHash);
  if (open.status !== "open") return unchanged(open);
  const { at: settledAt, ...outcome } = settlement;
  const { claim: _, ...rest } = open;
  const payment: PaymentRecord =
    outcome.status === "paid"
      ? { ...open, ...outcome, settledAt }
      : { ...rest, ...outcome, settledAt };
  const ended =
    outcome.status === "paid"
      ? resolve(state, open.reservationId, withFee(open, outcome.fee), settledAt)
      : resolve(state, open.reservationId, undefined, settledAt);
  return { ...ended, payment, journal: [...ended.journal, entry(payment)], answer: payment };
}

/** @throws TypeError for a hash that was never begun */
export function mark(
  state: PaymentState,
  paymentHash: string,
  { status, delivered, closed, unclaim }: PaymentMark,
): PaymentStep<PaymentRecord> {
  const before = known(state, paymentHash);
  const { claim, ...rest } = before;
  const changes =
    (status === "used" && before.status === "paid") ||
    (status === "undelivered" && (before.status === "paid" || before.status === "used"));
  const after: PaymentRecord = {
    ...rest,
    ...(claim !== undefined && claim.by !== unclaim && { claim }),
    ...(changes && { status }),
    ...(changes && closed !== undefined && { closed }),
    delivered: before.delivered || delivered === true,
  };
  return {
    ...unchanged(after),
    payment: after,
    journal: after.status === before.status ? [] : [entry(after)],
  };
}

export function claim(
  state: PaymentState,
  paymentHash: string,
  by: string,
  at: number,
  until: number,
): PaymentStep<boolean> {
  const payment = state.payment(paymentHash);
  const isFree =
    payment?.status === "paid" &&
    (payment.claim === undefined || payment.claim.by === by || payment.claim.until <= at);
  return isFree
    ? { ...unchanged(true), payment: { ...payment, claim: { by, until } } }
    : unchanged(false);
}

function withFee({ amount }: PaymentRecord, fee: Amount): Amount {
  if (fee.unit !== amount.unit)
    throw new TypeError(`the payment is in ${amount.unit}, and its fee is in ${fee.unit}`);
  return { unit: amount.unit, value: amount.value + fee.value };
}

const entry = ({ paymentHash, status }: PaymentRecord) =>
  ({ type: "payment", paymentHash, status }) as const;

function known(state: PaymentState, paymentHash: string): PaymentRecord {
  const payment = state.payment(paymentHash);
  if (payment === undefined) throw new TypeError("no such payment");
  return payment;
}
