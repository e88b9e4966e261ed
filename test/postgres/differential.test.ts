/**
 * `step()` in memory and `sigil_apply` in the database must give the same answers and the same
 * rows.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Counter, LedgerEvent } from "../../packages/l8nt/src/ledger/index.ts";
import type { Store } from "../../packages/l8nt/src/ports/store.ts";
import { Books } from "./support/books.ts";
import { histories, otherSlot } from "./support/events.ts";
import { Model } from "./support/model.ts";

const RUNS = Number(process.env.SIGIL_LAW_RUNS ?? 60);

function ask(store: Store, event: LedgerEvent): Promise<unknown> {
  switch (event.type) {
    case "reserve":
      return store.reserve(event.reservation);
    case "commit":
      return store.commit(event.id, event.amount, event.at);
    case "release":
      return store.release(event.id, event.at);
    case "begin":
      return store.begin(event.reservation, event.payment);
    case "settle":
      return store.settle(event.paymentHash, event.attemptId, event.settlement);
    case "take":
      return store.take(event.paymentHash, event.from, event.to);
    case "mark":
      return store.mark(event.paymentHash, event.mark);
    case "claim":
      return store.claim(event.paymentHash, event.by, event.at, event.until);
  }
}

type Outcome =
  | { readonly answer: unknown }
  | { readonly error: string; readonly isTypeError: boolean };

const failed = (error: unknown): Outcome => ({
  error: (error as Error).message,
  isTypeError: error instanceof TypeError,
});

function modelled(model: Model, event: LedgerEvent): Outcome {
  try {
    return { answer: model.apply(event) };
  } catch (error) {
    return failed(error);
  }
}

/** Applies events in one turn, and so in one batch. */
const asked = (store: Store, batch: readonly LedgerEvent[]): Promise<readonly Outcome[]> =>
  Promise.all(batch.map((event) => ask(store, event).then((answer) => ({ answer }), failed)));

/** A missing row equals a row of zeros. */
const standing = (
  counters: readonly (readonly [string, Counter])[],
): ReadonlyMap<string, Counter> =>
  new Map(
    counters.filter(
      ([, { committed, reserved, slots }]) =>
        committed !== 0n || reserved !== 0n || slots.length > 0,
    ),
  );

async function rowsOf(books: Books, store: Store): Promise<object> {
  const counters = await books.sql<{
    id: string;
    committed: string;
    reserved: string;
    slots: [number, string][];
  }>("SELECT id, committed::text, reserved::text, slots FROM sigil_counters");
  const reservations = await books.sql<{ id: string; outcome: string[] | null }>(
    `SELECT id, CASE WHEN outcome IS NOT NULL THEN ARRAY[outcome, unit, outcome_value::text, outcome_uses::text] END AS outcome
     FROM sigil_reservations`,
  );
  return {
    counters: standing(
      counters.map(({ id, committed, reserved, slots }) => [
        id,
        {
          committed: BigInt(committed),
          reserved: BigInt(reserved),
          slots: slots.map(([slot, amount]) => [slot, BigInt(amount)]),
        },
      ]),
    ),
    reservations: new Map(reservations.map(({ id, outcome }) => [id, outcome])),
    payments: new Map(
      (await store.payments({ limit: 1000 })).map((payment) => [payment.paymentHash, payment]),
    ),
    journal: await store.journal(0, 10_000),
    latest: await store.latest(),
  };
}

function modelRows(model: Model): object {
  return {
    counters: standing([...model.counters]),
    reservations: new Map(
      [...model.reservations].map(([id, { resolution }]) => [
        id,
        resolution
          ? [
              resolution.outcome,
              resolution.amount.unit,
              `${resolution.amount.value}`,
              `${resolution.uses}`,
            ]
          : null,
      ]),
    ),
    payments: model.payments,
    journal: model.journal,
    latest: model.latest,
  };
}

const KINDS = [
  "TypeError",
  "reserved",
  "refused",
  "repeated",
  "ordered",
  "open",
  "outcome",
  "paymentHash",
  "late",
  "true",
  "false",
];

/** The kind of an answer, by the members that distinguish it. */
function kindOf(outcome: Outcome): string {
  if ("error" in outcome) return outcome.isTypeError ? "TypeError" : outcome.error;
  const { answer } = outcome;
  if (typeof answer !== "object" || answer === null) return `${answer}`;
  if ("late" in answer && answer.late === true) return "late";
  return [
    "refused",
    "repeated",
    "ordered",
    "open",
    "outcome",
    "paymentHash",
    "payment",
    "reserved",
  ].find((key) => key in answer)!;
}

test("the database and the pure law give the same answers and keep the same rows, batch by batch [cases 44, 49, 50, 51, 63, 64, 109]", async () => {
  const seen = new Map<string, number>();
  const count = (kind: string) => seen.set(kind, (seen.get(kind) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(histories, async (batches) => {
      const books = new Books();
      try {
        const store = await books.open();
        const model = new Model();
        for (const batch of batches) {
          const expected = batch.map((event) => modelled(model, event));
          assert.deepEqual(await asked(store, batch), expected);
          for (const outcome of expected) count(kindOf(outcome));
        }
        assert.deepEqual(await rowsOf(books, store), modelRows(model));
      } finally {
        await books.close();
      }
    }),
    { numRuns: RUNS, seed: 20_260, examples: [[otherSlot]] },
  );
  // The test would prove nothing if all answers were of one kind.
  for (const kind of KINDS) expect(seen.get(kind), kind).toBeGreaterThan(RUNS / 3);
});
