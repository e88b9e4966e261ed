/**
 * A connection that breaks around a commit: it is not known whether the batch was written, and
 * nothing may happen twice.
 */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { msat } from "../../packages/l8nt/src/amount.ts";
import { auditLedger } from "../../packages/l8nt/src/ledger/index.ts";
import type { Store } from "../../packages/l8nt/src/ports/store.ts";
import {
  beginPayment,
  buy,
  paymentOf,
  settle,
} from "../../packages/l8nt/src/testing/payment-laws.ts";
import { order, START, spend } from "../../packages/l8nt/src/testing/store-laws.ts";
import { Books } from "./support/books.ts";
import { type Cut, Wire } from "./support/wire.ts";

let books: Books;
let wire: Wire;
/** A store whose connections pass through the proxy. */
let store: Store;
/** A store that connects to the server itself. */
let other: Store;

beforeEach(async () => {
  books = new Books();
  wire = await Wire.open(books.url);
  other = await books.open();
  store = await books.open({ url: wire.url });
});

afterEach(async () => {
  await wire.close();
  await books.close();
});

const limit = spend("a", 100n);
const PAID = { status: "paid", preimage: "ab".repeat(32), fee: msat(1n), at: START } as const;

describe.each<Cut>(["before", "after"])("broken %s the commit", (cut) => {
  test("a call with an id is repeated, and counted once", async () => {
    const first = order([limit], 30n);
    await other.reserve(first);
    const begun = paymentOf({ amount: msat(5n), maxFee: msat(0n) });
    await beginPayment(other, begun, [spend("b")]);
    const bought = paymentOf({ amount: msat(5n), maxFee: msat(0n) });
    await beginPayment(other, bought, [spend("b")]);
    await settle(other, bought, PAID);
    const marked = await buy(other, { amount: msat(5n), maxFee: msat(0n) });
    const fresh = paymentOf({ amount: msat(10n), maxFee: msat(0n) });
    const isCut = wire.cutNext(cut);
    const answers = await Promise.all([
      store.reserve(order([limit], 40n)),
      store.commit(first.id, msat(25n), START),
      beginPayment(store, fresh, [limit]),
      settle(store, begun, PAID),
      store.take(bought.paymentHash, bought.order, "scout taker"),
      store.mark(marked.paymentHash, { status: "used", delivered: true }),
    ]);
    await isCut;
    expect(answers).toMatchObject([
      { reserved: true },
      { outcome: "committed", amount: msat(25n) },
      { reserved: true },
      { status: "paid", fee: msat(1n) },
      true,
      { status: "used", delivered: true },
    ]);
    expect(await other.usage([limit], START)).toEqual([{ id: "a", used: 75n, reserved: 50n }]);
    expect((await auditLedger(other)).faults).toEqual([]);
  });

  test("a call without an id is not repeated, and its error says that the outcome is unknown", async () => {
    const isCut = wire.cutNext(cut);
    const calls = [
      store.addDirective({ kind: "freeze", nodeId: "*", at: START }),
      store.note("somebody looked", START),
      store.allowPayee("https://api.example", "02aa", START),
    ];
    for (const call of calls)
      await expect(call).rejects.toMatchObject({
        code: "ERR_STORE",
        message: expect.stringMatching(/not known whether it was written/),
      });
    await isCut;
    expect(await other.directives(0)).toHaveLength(cut === "after" ? 1 : 0);
  });

  test("the next call has a new connection", async () => {
    const isCut = wire.cutNext(cut);
    await expect(store.note("lost", START)).rejects.toMatchObject({ code: "ERR_STORE" });
    await isCut;
    expect(await store.reserve(order([limit], 1n))).toEqual({ reserved: true });
  });
});

test("a payment that was ended while its begin was in doubt is not begun [case 56]", async () => {
  const record = paymentOf({ amount: msat(5n), maxFee: msat(0n) });
  let open = () => {};
  const gate = new Promise<void>((done) => {
    open = done;
  });
  const isCut = wire.cutNext("after", gate);
  const begun = beginPayment(store, record, [limit]);
  await isCut;
  // Another treasury asks the wallet, which has never heard of it.
  await settle(other, record, { status: "failed", at: START });
  open();
  await expect(begun).rejects.toMatchObject({
    code: "ERR_STORE",
    message: expect.stringMatching(/Nothing may be sent/),
  });
  expect(await other.usage([limit], START)).toEqual([{ id: "a", used: 0n, reserved: 0n }]);
  expect(await other.openPayments()).toEqual([]);
});

test("a connection that died while idle is replaced", async () => {
  await store.note("one", START);
  await books.sql(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()",
    [books.schema],
  );
  expect(await store.reserve(order([limit], 1n))).toEqual({ reserved: true });
  expect(await other.usage([limit], START)).toEqual([{ id: "a", used: 1n, reserved: 1n }]);
});

test("the error of a read that fails does not speak of writing", async () => {
  await wire.close();
  const error = await store.latest().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "ERR_STORE",
    message: expect.stringMatching(
      /could not be read: nothing listens there \(ECONNREFUSED\)\. Start Postgres/,
    ),
  });
  wire = await Wire.open(books.url);
});
