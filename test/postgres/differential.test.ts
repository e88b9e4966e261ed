/**
 * `step()` in memory and `sigil_apply` in the database must give the same answers and the same
 * rows.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Counter } from "../../packages/l8nt/src/ledger/index.ts";
import type { Store } from "../../packages/l8nt/src/ports/store.ts";
import {
  asked,
  folded,
  Kinds,
  modelled,
} from "../../packages/l8nt/src/stores/fixtures/differential.ts";
import {
  fullCounter,
  histories,
  otherSlot,
} from "../../packages/l8nt/src/stores/fixtures/histories.ts";
import { Model } from "../../packages/l8nt/src/stores/fixtures/model.ts";
import { Books } from "./support/books.ts";

const RUNS = Number(process.env.SIGIL_LAW_RUNS ?? 60);

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
    checkpoint: await store.checkpoint(),
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
    checkpoint: model.checkpoint,
  };
}

test("the database and the pure law give the same answers and keep the same rows, batch by batch [cases 44, 49, 50, 51, 63, 64, 109]", async () => {
  const kinds = new Kinds();
  await fc.assert(
    fc.asyncProperty(histories, async (batches) => {
      const books = new Books();
      try {
        const store = await books.open();
        const model = new Model();
        for (const batch of batches) {
          const expected = batch.map((event) => modelled(model, event));
          assert.deepEqual(await asked(store, batch), expected);
          kinds.count(expected);
          await folded(store, model);
        }
        assert.deepEqual(await rowsOf(books, store), modelRows(model));
      } finally {
        await books.close();
      }
    }),
    // A shorter counterexample would take longer than the test may.
    { endOnFailure: true, numRuns: RUNS, seed: 20_260, examples: [[otherSlot], [fullCounter]] },
  );
  expect(kinds.fewerThan(RUNS / 5)).toEqual([]);
});
