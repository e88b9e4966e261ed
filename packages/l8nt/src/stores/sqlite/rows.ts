/** Converts reservations, counters and payments to and from their rows. */
import type { SQLInputValue } from "node:sqlite";
import type { Unit } from "../../amount.ts";
import { hexBytes, hexText } from "../../internal/bytes.ts";
import type { Counter } from "../../ledger/index.ts";
import type { JournalEntry, JournalEvent } from "../../ports/journal.ts";
import type { Reservation } from "../../ports/ledger.ts";
import type { PaymentRecord, PaymentStatus } from "../../ports/payments.ts";
import { valueOfText } from "./texts.ts";

/** Integers are `bigint`. */
export type Row = Readonly<Record<string, unknown>>;
type Columns = Readonly<Record<string, SQLInputValue>>;

/** Of a journal's entry. */
export const reservationIn = ({ event }: Row): Reservation =>
  (valueOfText<JournalEvent>(event) as Extract<JournalEvent, { readonly type: "reserve" }>)
    .reservation;

export const entryIn = ({ seq, at, event }: Row): JournalEntry => ({
  seq: Number(seq),
  at: Number(at),
  event: valueOfText<JournalEvent>(event),
});

export const slotsText = (slots: Counter["slots"]): string =>
  JSON.stringify(slots.map(([slot, amount]) => [slot, `${amount}`]));

export const slotsIn = ({ slots }: Row): Counter["slots"] =>
  (JSON.parse(String(slots)) as [number, string][]).map(([slot, amount]) => [slot, BigInt(amount)]);

export const isHash = (text: string): boolean => hexBytes(text) !== undefined;

/** @throws TypeError for what is no payment hash */
export function hashBytes(paymentHash: string): Uint8Array {
  const bytes = hexBytes(paymentHash);
  if (bytes === undefined) throw new TypeError("a payment hash is hex digits");
  return bytes;
}

export const hashIn = ({ payment_hash }: Row): string => hexText(payment_hash as Uint8Array);

/** The columns that a payment is looked for by, which never change. */
export const keysOf = (payment: PaymentRecord): Columns => ({
  payment_hash: hashBytes(payment.paymentHash),
  intent: payment.intent,
  node_id: payment.nodeIds.at(-1)!,
  origin: payment.origin,
  method: payment.method,
  path: payment.path,
  any_path: Number(payment.anyPath),
});

/** The columns that change. */
export const statesOf = (payment: PaymentRecord): Columns => ({
  status: payment.status,
  order_key: payment.status === "failed" ? null : payment.order,
  preimage: payment.preimage ?? null,
  fee: payment.fee?.value ?? null,
  settled_at: payment.settledAt ?? null,
  delivered: Number(payment.delivered),
  closed_to: payment.closed?.to ?? null,
  closed_until: payment.closed?.until ?? null,
});

/** What the columns above leave, as JSON. All amounts of a payment are of one unit. */
export function bodyOf(payment: PaymentRecord): string {
  const {
    paymentHash: _,
    intent: __,
    origin: ___,
    method: ____,
    path: _____,
    anyPath: ______,
    status: _______,
    preimage: ________,
    fee: _________,
    settledAt: __________,
    delivered: ___________,
    closed: ____________,
    amount,
    maxFee,
    ...rest
  } = payment;
  return JSON.stringify({
    ...rest,
    unit: amount.unit,
    amount: `${amount.value}`,
    maxFee: `${maxFee.value}`,
  });
}

/** Of a row of `payments` with its body. */
export function paymentIn(row: Row): PaymentRecord {
  const { unit, amount, maxFee, order, enforced, ...rest } = JSON.parse(String(row.body)) as {
    readonly unit: Unit;
    readonly amount: string;
    readonly maxFee: string;
  } & Omit<PaymentRecord, "amount" | "maxFee">;
  return {
    ...rest,
    paymentHash: hashIn(row),
    intent: String(row.intent),
    origin: String(row.origin),
    method: String(row.method),
    path: String(row.path),
    anyPath: row.any_path === 1n,
    // A payment that failed was never taken, so its order is the one that it was begun for.
    order: row.order_key === null ? order : String(row.order_key),
    amount: { unit, value: BigInt(amount) },
    maxFee: { unit, value: BigInt(maxFee) },
    enforced,
    status: row.status as PaymentStatus,
    delivered: row.delivered === 1n,
    ...(row.preimage !== null && { preimage: String(row.preimage) }),
    ...(row.fee !== null && { fee: { unit, value: row.fee as bigint } }),
    ...(row.settled_at !== null && { settledAt: Number(row.settled_at) }),
    ...(row.closed_to !== null && {
      closed: { to: String(row.closed_to), until: Number(row.closed_until) },
    }),
  };
}
