/**
 * The books of a treasury as the treasury sees them: what is written is wrapped, and what is read
 * is unwrapped. spec/4-purchase.md §4.7.
 */
import { type Soon, soon } from "../internal/aead.ts";
import { Lru } from "../internal/lru.ts";
import type { PaymentRecord, Payments, Settled, Settlement } from "../ports/payments.ts";
import type { ReceiptBook } from "../ports/receipts.ts";
import type { Store } from "../ports/store.ts";
import type { Alarm } from "./alarm.ts";
import { type Bound, placeOf, type Wrapping } from "./wrapping.ts";

type Wrapped = Pick<
  Payments & ReceiptBook,
  | "begin"
  | "settle"
  | "mark"
  | "payment"
  | "ordered"
  | "openFor"
  | "openPayments"
  | "purchases"
  | "payments"
  | "unreceipted"
>;

/** More payments than are under way at once. */
const REMEMBERED = 1024;

/** The store, with the methods of `Payments` that show or take what can be presented. */
export function wrappedStore(store: Store, wrapping: Wrapping, alarm: Alarm): Store {
  const own: Wrapped = wrappedPayments(store, wrapping, alarm);
  return new Proxy(store, {
    get(books, name) {
      if (Object.hasOwn(own, name)) return own[name as keyof Wrapped];
      const member = Reflect.get(books, name, books);
      return typeof member === "function" ? member.bind(books) : member;
    },
  });
}

function wrappedPayments(store: Store, wrapping: Wrapping, alarm: Alarm): Wrapped {
  /** Opened once for as long as a store keeps the record. */
  const opened = new WeakMap<PaymentRecord, PaymentRecord>();
  let isReported = false;

  const unwrapped = (record: PaymentRecord): Soon<PaymentRecord> => {
    const known = opened.get(record);
    if (known !== undefined) return known;
    const { token, preimage } = record;
    return soon(wrapping.unwrap(token, placeOf(record, "token")), (clearToken) =>
      soon(
        preimage === undefined ? undefined : wrapping.unwrap(preimage, placeOf(record, "preimage")),
        (clearPreimage) => {
          const clear = clearOf(record, clearToken, clearPreimage);
          opened.set(record, clear);
          return clear;
        },
      ),
    );
  };

  function clearOf(
    record: PaymentRecord,
    token: string | undefined,
    preimage: string | undefined,
  ): PaymentRecord {
    if (token !== undefined && (preimage !== undefined || record.preimage === undefined))
      return { ...record, token, ...(preimage !== undefined && { preimage }) };
    if (!isReported)
      alarm(
        "what was bought cannot be decrypted, and is not used: the treasury's secret was replaced, and the old one is not in previousSecrets, or the database was changed",
      );
    isReported = true;
    const { preimage: _, ...unusable } = record;
    return unusable;
  }

  const each = async (reading: Promise<readonly PaymentRecord[]>) => {
    const records: PaymentRecord[] = [];
    for (const record of await reading) {
      const clear = unwrapped(record);
      records.push(clear instanceof Promise ? await clear : clear);
    }
    return records;
  };
  const one = async (reading: Promise<PaymentRecord | undefined>) => {
    const record = await reading;
    return record && unwrapped(record);
  };
  /** Where the payments of this process belong, so that a settlement reads none. */
  const begun = new Lru<string, Bound>(REMEMBERED);

  /** In this turn, if it can be: a store writes the changes of one turn in one step. */
  async function settlePaid(
    paymentHash: string,
    attemptId: string,
    settlement: Settlement & { readonly status: "paid" },
  ): Promise<Settled> {
    const bound = begun.get(paymentHash) ?? (await store.payment(paymentHash));
    if (bound === undefined) throw new TypeError("a payment that was never begun is settled");
    const wrapIn = (row: Bound) => wrapping.wrap(settlement.preimage, placeOf(row, "preimage"));
    let written: string | undefined;
    const settled = await soon(wrapIn(bound), (preimage) => {
      written = preimage;
      return store.settle(paymentHash, attemptId, { ...settlement, preimage });
    });
    const { payment } = settled;
    const { token, preimage } = payment;
    if (preimage !== written || placeOf(payment, "token") === placeOf(bound, "token"))
      return settled;
    // The attempt had failed, and the hash was begun again for another request.
    const from = { token, preimage: written! };
    const to = { token, preimage: await wrapIn(payment) };
    await store.rewrap(paymentHash, from, to);
    return { ...settled, payment: { ...payment, ...to } };
  }

  return {
    async begin(reservation, payment) {
      const token = wrapping.wrap(payment.token, placeOf(payment, "token"));
      const answer = await soon(token, (wrapped) =>
        store.begin(reservation, { ...payment, token: wrapped }),
      );
      if (answer.reserved) begun.set(payment.paymentHash, payment);
      if ("repeated" in answer) return { ...answer, repeated: await unwrapped(answer.repeated) };
      if ("ordered" in answer) return { ...answer, ordered: await unwrapped(answer.ordered) };
      if ("open" in answer) return { ...answer, open: await unwrapped(answer.open) };
      return answer;
    },
    async settle(paymentHash, attemptId, settlement) {
      const settled = await (settlement.status === "failed"
        ? store.settle(paymentHash, attemptId, settlement)
        : settlePaid(paymentHash, attemptId, settlement));
      return { ...settled, payment: await unwrapped(settled.payment) };
    },
    async mark(paymentHash, mark, pace) {
      return unwrapped(await store.mark(paymentHash, mark, pace));
    },
    payment: (paymentHash) => one(store.payment(paymentHash)),
    ordered: (order) => one(store.ordered(order)),
    openFor: (intent) => one(store.openFor(intent)),
    openPayments: () => each(store.openPayments()),
    purchases: (nodeIds, query) => each(store.purchases(nodeIds, query)),
    payments: (query) => each(store.payments(query)),
    unreceipted: (limit) => each(store.unreceipted(limit)),
  };
}
