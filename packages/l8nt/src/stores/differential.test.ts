/** `step()` in two maps and the stores of one process give the same answers and the same books. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { auditLedger, type LedgerEvent, usageOf } from "../ledger/index.ts";
import type { Store } from "../ports/store.ts";
import { asked, folded, Kinds, modelled } from "./fixtures/differential.ts";
import { fullCounter, histories, LIMITS, otherSlot } from "./fixtures/histories.ts";
import { Model } from "./fixtures/model.ts";
import { MemoryStore } from "./memory.ts";
import { openSqliteStore } from "./sqlite.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;
const HOUR = 3600;

/** A store between two batches: a durable one is another process by then. */
type Next = (store: Store) => Promise<Store>;

async function booksOf(store: Store): Promise<object> {
  const latest = await store.latest();
  return {
    latest,
    checkpoint: await store.checkpoint(),
    faults: (await auditLedger(store)).faults,
    payments: new Map(
      (await store.payments({ limit: 1000 })).map((payment) => [payment.paymentHash, payment]),
    ),
    journal: await store.journal(0, 10_000),
    counters: new Map(
      (await store.counters("", 1000))
        .filter(({ committed, reserved }) => committed !== 0n || reserved !== 0n)
        .map(({ id, committed, reserved }) => [id, [committed, reserved]]),
    ),
    usage: await Promise.all(
      [latest, latest + 60, latest + HOUR].map((at) => store.usage(LIMITS, at)),
    ),
    abandoned: new Set((await store.abandoned(latest + 1)).map(({ id }) => id)),
  };
}

function modelBooks(model: Model): object {
  const { latest, payments, journal, checkpoint } = model;
  const open = [...payments.values()].filter(({ status }) => status === "open");
  const paying = new Set(open.map(({ attemptId }) => attemptId));
  return {
    latest,
    checkpoint,
    faults: [],
    payments,
    journal,
    counters: new Map(
      [...model.counters]
        .filter(([, { committed, reserved }]) => committed !== 0n || reserved !== 0n)
        .map(([id, { committed, reserved }]) => [id, [committed, reserved]]),
    ),
    usage: [latest, latest + 60, latest + HOUR].map((at) =>
      LIMITS.map((limit) => usageOf(model.state, limit, at)),
    ),
    abandoned: new Set(
      [...model.reservations.values()]
        .filter(({ resolution }) => resolution === undefined)
        .map(({ reservation: { id } }) => id)
        .filter((id) => !paying.has(id)),
    ),
  };
}

async function agree(
  store: Store,
  next: Next,
  batches: readonly (readonly LedgerEvent[])[],
  kinds: Kinds,
  remembers = false,
): Promise<void> {
  const model = new Model();
  for (const [at, batch] of batches.entries()) {
    const expected = batch.map((event) => modelled(model, event));
    expect(await asked(store, batch)).toStrictEqual(expected);
    kinds.count(expected);
    await folded(store, model, remembers);
    if (at % 3 === 1) store = await next(store);
  }
  store = await next(store);
  expect(await booksOf(store)).toStrictEqual(modelBooks(model));
  await store.close();
}

const TITLE =
  "and the pure law give the same answers and keep the same books, batch by batch [cases 44, 49, 50, 51, 63, 64, 109]";

test(`the memory store ${TITLE}`, { timeout: 120_000 }, async () => {
  const kinds = new Kinds();
  const numRuns = 150;
  await fc.assert(
    fc.asyncProperty(histories, (batches) =>
      agree(new MemoryStore({ journal: true }), async (store) => store, batches, kinds, true),
    ),
    { numRuns, seed: 20_261, examples: [[otherSlot], [fullCounter]] },
  );
  expect(kinds.fewerThan(numRuns / 5)).toEqual([]);
});

test.skipIf(!hasSqlite)(
  `the SQLite store, opened again and again, ${TITLE}`,
  { timeout: 240_000 },
  async () => {
    const kinds = new Kinds();
    const numRuns = 30;
    await fc.assert(
      fc.asyncProperty(histories, async (batches) => {
        const folder = mkdtempSync(join(tmpdir(), "sigil-differential-"));
        const path = join(folder, "books.db");
        try {
          const next: Next = async (store) => {
            await store.close();
            return openSqliteStore(path);
          };
          await agree(await openSqliteStore(path), next, batches, kinds);
        } finally {
          rmSync(folder, { recursive: true });
        }
      }),
      { numRuns, seed: 20_262, examples: [[otherSlot], [fullCounter]] },
    );
    expect(kinds.fewerThan(numRuns / 5)).toEqual([]);
  },
);
