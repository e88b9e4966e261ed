/**
 * Random batches of events that conflict: few ids, tight limits, a clock that jumps forward and
 * back.
 */

import fc from "fast-check";
import { type Amount, msat, type Unit } from "../../../packages/l8nt/src/amount.ts";
import type { LedgerEvent } from "../../../packages/l8nt/src/ledger/index.ts";
import type { Reservation } from "../../../packages/l8nt/src/ports/ledger.ts";
import type { Counted } from "../../../packages/l8nt/src/ports/limit.ts";
import type { PaymentRecord } from "../../../packages/l8nt/src/ports/payments.ts";

/** As a plain object, which is what a port gets. */
const record = <Value extends object>(
  model: { readonly [Key in keyof Value]: fc.Arbitrary<Value[Key]> },
): fc.Arbitrary<Value> => fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<Value>;

const LONG_INTENT = `i${"/long".repeat(2000)}`;
/** At the edge of a slot of each window. */
const START = 1_900_000_020;
const HOUR = 3600;

const LIMITS: readonly Counted[] = [
  { id: "root", kind: "spend", unit: "msat", max: 2000n },
  { id: "root-hour", kind: "spend", unit: "msat", max: 60n, windowSeconds: HOUR },
  { id: "root-minute", kind: "uses", max: 2n, windowSeconds: 60 },
  { id: "minute", kind: "spend", unit: "msat", max: 50n, windowSeconds: 60 },
  { id: "root-uses", kind: "uses", max: 40n },
  { id: "total", kind: "spend", unit: "msat" },
  { id: "dollars", kind: "spend", unit: "usd_micro", max: 150n },
  { id: "dollars-minute", kind: "spend", unit: "usd_micro", max: 50n, windowSeconds: 60 },
  { id: "total-dollars", kind: "spend", unit: "usd_micro" },
  { id: "flying", kind: "in-flight", max: 5n },
  { id: "flying-msat", kind: "in-flight-amount", unit: "msat", max: 200n },
  { id: "flying-dollars", kind: "in-flight-amount", unit: "usd_micro", max: 90n },
  { id: "odd", kind: "spend", unit: "msat", max: 90n, windowSeconds: 0.7 },
  {
    id: "wide",
    kind: "spend",
    unit: "msat",
    max: 9_999_999_999_999_999_999n,
    windowSeconds: 86_400,
  },
  // The same place with another kind of limit: it is allowed, so both implementations must agree.
  { id: "root", kind: "uses", max: 50n },
  { id: "root-hour", kind: "spend", unit: "msat", max: 40n },
  { id: "root", kind: "spend", unit: "usd_micro", max: 100n },
  { id: "flying", kind: "in-flight-amount", unit: "msat" },
];

/** Mostly the edges of the windows, where a second more or less decides. */
const EDGES = [0, 1, 59, 60, 61, 120, HOUR - 1, HOUR, HOUR + 59, HOUR + 60, HOUR + 61, -1, -61];
const at = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...EDGES).map((seconds) => START + seconds) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: -2 * HOUR, max: 3 * HOUR }).map((seconds) => START + seconds),
  },
  { weight: 1, arbitrary: fc.double({ min: START, max: START + 200, noNaN: true }) },
);

const unit = fc.oneof(
  { weight: 2, arbitrary: fc.constant("msat" as const) },
  { weight: 1, arbitrary: fc.constant("usd_micro" as const) },
);
const MOST = 2_100_000_000_000_000_000n;
const value = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: 0n, max: 120n }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, MOST, MOST + 1n, -1n) },
);
const amount = record<Amount>({ unit, value });

const reservationOf = (maxLength: number): fc.Arbitrary<Reservation> =>
  record({
    id: fc.integer({ min: 0, max: 19 }).map((n) => `r${n}`),
    at,
    amount,
    uses: fc.constantFrom(1n, 1n, 1n, 0n, 2n),
    counted: fc.array(fc.constantFrom(...LIMITS), { maxLength }),
  });

const paymentHash = fc.integer({ min: 1, max: 4 }).map((n) => `${n}`.padStart(64, "0"));
/** What is paid by one hash is mostly of one unit, so that most settlements fit what was begun. */
const unitOf = (hash: string): Unit => (hash.endsWith("3") ? "usd_micro" : "msat");
const person = fc.constantFrom("me.1", "me.2", "you.1");

const orderKey = fc.constantFrom("root o1", "root o2", "root o3");

const payment = (
  hash: string,
  intent: string,
  order: string,
  { id, at, amount }: Reservation,
): PaymentRecord => ({
  paymentHash: hash,
  intent,
  nodeIds: ["root", `child of ${intent}`],
  lineage: ["child"],
  method: "GET",
  origin: "https://api.example",
  path: "/ümläut/\u0000",
  invoice: "lnbcrt10n1…",
  payee: `02${hash.slice(2)}`,
  amount,
  maxFee: { unit: amount.unit, value: 7n },
  attemptId: id,
  order,
  request: "00",
  anyPath: intent === "i1",
  limitIds: ["root"],
  macaroon: "AgE=",
  enforced: undefined,
  createdAt: at,
  status: "open",
  delivered: false,
});

const event: fc.Arbitrary<LedgerEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: reservationOf(4).map((one) => ({ type: "reserve", reservation: one }) as const),
  },
  {
    weight: 8,
    arbitrary: record({
      type: fc.constant("commit" as const),
      id: fc.integer({ min: 0, max: 20 }).map((n) => `r${n}`),
      amount,
      at,
    }),
  },
  {
    weight: 2,
    arbitrary: record({
      type: fc.constant("release" as const),
      id: fc.integer({ min: 0, max: 20 }).map((n) => `r${n}`),
      at,
    }),
  },
  {
    weight: 5,
    arbitrary: fc
      .record({
        hash: paymentHash,
        intent: fc.constantFrom("i1", "i2", LONG_INTENT),
        order: orderKey,
        drawn: reservationOf(1),
      })
      .chain(({ hash, intent, order, drawn }) =>
        fc.option(person).map((by): LedgerEvent => {
          const { value } = drawn.amount;
          const one = { ...drawn, amount: { unit: unitOf(hash), value } };
          const record = payment(hash, intent, order, one);
          const claimed = by === null ? record : { ...record, claim: { by, until: one.at + 60 } };
          return { type: "begin", reservation: one, payment: claimed };
        }),
      ),
  },
  {
    weight: 7,
    arbitrary: paymentHash.chain((hash) =>
      record({
        type: fc.constant("settle" as const),
        paymentHash: fc.constant(hash),
        attemptId: fc.constantFrom(CURRENT, CURRENT, "r1", "another"),
        settlement: fc.oneof(
          {
            weight: 3,
            arbitrary: record({
              status: fc.constant("paid" as const),
              preimage: fc.constant("ab".repeat(32)),
              fee: record<Amount>({
                unit: fc.oneof({ weight: 9, arbitrary: fc.constant(unitOf(hash)) }, unit),
                value: fc.constantFrom(0n, 1n, 3n, 50n, -1_000_000n),
              }),
              at,
            }),
          },
          { weight: 2, arbitrary: record({ status: fc.constant("failed" as const), at }) },
        ),
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: record({
      type: fc.constant("mark" as const),
      paymentHash,
      mark: fc.record(
        {
          status: fc.constantFrom("used" as const, "undelivered" as const),
          delivered: fc.constant(true as const),
          closed: record({ to: fc.constantFrom("*", "root"), until: at }),
          unclaim: person,
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: record({
      type: fc.constant("take" as const),
      paymentHash,
      from: orderKey,
      to: fc.oneof(
        orderKey,
        paymentHash.map((hash) => `late ${hash}`),
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: record({
      type: fc.constant("claim" as const),
      paymentHash,
      by: person,
      at,
      until: at,
    }),
  },
);

/** Stands for the attempt that was asked for last at a hash, so that most settlements fit. */
const CURRENT = "the current attempt";

function withAttempts(batches: readonly (readonly LedgerEvent[])[]): readonly LedgerEvent[][] {
  const current = new Map<string, string>();
  return batches.map((batch) =>
    batch.map((one) => {
      if (one.type === "begin") current.set(one.payment.paymentHash, one.payment.attemptId);
      return one.type === "settle" && one.attemptId === CURRENT
        ? { ...one, attemptId: current.get(one.paymentHash) ?? CURRENT }
        : one;
    }),
  );
}

/** Batches, in order. */
export const histories: fc.Arbitrary<readonly (readonly LedgerEvent[])[]> = fc
  .array(fc.array(event, { minLength: 1, maxLength: 20, size: "max" }), {
    minLength: 4,
    maxLength: 12,
    size: "max",
  })
  .map(withAttempts);

const MINUTE = LIMITS.find(({ id }) => id === "minute")!;
const hold = (id: string, value: bigint, at: number): LedgerEvent => ({
  type: "reserve",
  reservation: { id, at, amount: msat(value), uses: 1n, counted: [MINUTE] },
});

/** Within one batch, a spend lands in another slot than the window was last looked at from. */
export const otherSlot: readonly (readonly LedgerEvent[])[] = [
  [
    hold("r1", 30n, START),
    { type: "commit", id: "r1", amount: msat(30n), at: START + 1 },
    hold("r2", 30n, START),
    hold("r3", 20n, START + 1),
    { type: "commit", id: "r3", amount: msat(20n), at: START - 1 },
    hold("r4", 1n, START + 60),
    hold("r5", 30n, START + 61),
  ],
];
