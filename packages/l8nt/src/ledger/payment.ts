/**
 * Payments as pure functions: which may begin, how one ends, which order may use it.
 * spec/4-purchase.md §4.
 */
import type { Amount } from "../amount.ts";
import type { Reservation } from "../ports/ledger.ts";
import type {
  BeginAnswer,
  PaymentMark,
  PaymentRecord,
  Settled,
  Settlement,
} from "../ports/payments.ts";
import { type Counters, type CountStep, reserve, resolve, spend, unchanged } from "./count.ts";
import type { LedgerEvent } from "./event.ts";
import { LATE } from "./valid.ts";

export interface PaymentState extends Counters {
  payment(paymentHash: string): PaymentRecord | undefined;
  /** The open payment of an intent. */
  openFor(intent: string): PaymentRecord | undefined;
  /** The payment of an order that did not fail. */
  ordered(order: string): PaymentRecord | undefined;
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
  const ordered = state.ordered(payment.order);
  if (ordered !== undefined) return unchanged({ reserved: false, ordered } as const);
  const repeated = state.payment(payment.paymentHash);
  if (repeated !== undefined && repeated.status !== "failed")
    return unchanged({ reserved: false, repeated } as const);
  const open = state.openFor(payment.intent);
  if (open !== undefined) return unchanged({ reserved: false, open } as const);
  const held = reserve(state, reservation);
  if (!held.answer.reserved) return held;
  // Otherwise a payment could be made that nothing is held for.
  if (held.reservation === undefined) throw new TypeError("the attempt id was used before");
  return { ...held, payment, journal: [...held.journal, entry(payment)] };
}

/** @throws TypeError for a hash that was never begun, or a fee in another unit than the payment */
export function settle(
  state: PaymentState,
  paymentHash: string,
  attemptId: string,
  { at: settledAt, ...outcome }: Settlement,
): PaymentStep<Settled> {
  const before = known(state, paymentHash);
  if (outcome.status === "failed") {
    // An attempt that wakes up late knows nothing about the one that was made since.
    if (before.status !== "open" || before.attemptId !== attemptId)
      return unchanged(settledOf(before));
    return settled(resolve(state, attemptId, undefined, settledAt), {
      ...before,
      ...outcome,
      settledAt,
    });
  }
  if (before.status !== "open" && before.status !== "failed") return unchanged(settledOf(before));
  const spent = withFee(before, outcome.fee);
  return settled(spend(state, before.attemptId, spent, settledAt), {
    ...before,
    ...outcome,
    settledAt,
    ...(before.status === "failed" && { order: lateOrder(paymentHash) }),
  });
}

const settled = (ended: CountStep<unknown>, payment: PaymentRecord): PaymentStep<Settled> => ({
  ...ended,
  payment,
  journal: [...ended.journal, entry(payment)],
  answer: settledOf(payment),
});

export const settledOf = (payment: PaymentRecord): Settled => ({
  payment,
  late: payment.order === lateOrder(payment.paymentHash),
});

const lateOrder = (paymentHash: string): string => `${LATE}${paymentHash}`;

export function take(
  state: PaymentState,
  { paymentHash, from, to, orUsed }: Extract<LedgerEvent, { readonly type: "take" }>,
): PaymentStep<boolean> {
  const payment = state.payment(paymentHash);
  const isOfStatus = payment?.status === "paid" || (orUsed && payment?.status === "used");
  return isOfStatus && payment?.order === from && state.ordered(to) === undefined
    ? { ...unchanged(true), payment: { ...payment, order: to } }
    : unchanged(false);
}

/** @throws TypeError for a hash that was never begun */
export function mark(
  state: PaymentState,
  paymentHash: string,
  { status, delivered, closed }: PaymentMark,
): PaymentStep<PaymentRecord> {
  const before = known(state, paymentHash);
  const changes =
    (status === "used" && before.status === "paid") ||
    (status === "undelivered" && (before.status === "paid" || before.status === "used"));
  const after: PaymentRecord = {
    ...before,
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
