/** A page of any list is read in several turns of the event loop. [case 118] */
import { expect, test } from "vitest";
import type { PaymentRecord } from "../ports/payments.ts";
import { MemoryStore } from "../stores/memory.ts";
import { town } from "../testing/fixtures/town.ts";

/** How many rows may be read in one turn. */
const ROWS = 50;
const PAYMENTS = 230;

async function many() {
  const store = new MemoryStore({ journal: true });
  const world = await town({ store });
  const shop = await world.openShop({ price: "1 sat", grants: { uses: 1 } });
  const root = world.mint({ budget: "900 sat" });
  await world.treasury.buy({
    id: crypto.randomUUID(),
    credential: root.toString(),
    method: "GET",
    url: `${shop.url}/a`,
    headers: [],
  });
  const [like] = await store.payments({ limit: 1 });
  const { preimage: _, fee: __, settledAt: ___, ...open } = like!;
  for (let at = 1; at < PAYMENTS; at++) {
    const paymentHash = at.toString(16).padStart(64, "0");
    const [attemptId, intent, order] = ["attempt", "intent", "order"].map((one) => `${one} ${at}`);
    const payment = { ...open, paymentHash, attemptId, intent, order, status: "open" };
    const reservation = { id: attemptId!, at: open.createdAt, amount: open.amount, uses: 0n };
    await store.begin({ ...reservation, counted: [] }, payment as PaymentRecord);
    const { preimage = "", fee } = like!;
    await store.settle(paymentHash, attemptId!, {
      status: "paid",
      preimage,
      fee: fee!,
      at: open.createdAt,
    });
  }
  return { store, world, root };
}

test("a page of payments, journal entries or receipts takes no turn for more than 50 rows, and lacks none", async () => {
  const { store, world, root } = await many();
  const owner = world.treasury.owner;
  // Receipts are made before they are listed.
  await world.treasury.receipts(root.toString(), 0, 1);

  let inTurn = 0;
  let most = 0;
  for (const name of ["payments", "journal", "receipts"] as const) {
    const read = store[name].bind(store) as (...given: unknown[]) => Promise<readonly unknown[]>;
    Object.assign(store, {
      [name]: async (...given: unknown[]) => {
        const rows = await read(...given);
        inTurn += rows.length;
        return rows;
      },
    });
  }
  let isOver = false;
  const turns = (async () => {
    while (!isOver) {
      await new Promise((next) => setImmediate(next));
      most = Math.max(most, inTurn);
      inTurn = 0;
    }
  })();
  const turn = () => new Promise((next) => setImmediate(next));
  const payments = await owner.payments({ limit: 1000 });
  await turn();
  const entries = await owner.journal(3, 500);
  await turn();
  const receipts = await world.treasury.receipts(root.toString(), 5, 1000);
  await turn();
  const few = await owner.payments({ limit: 60, before: payments[9]!.paymentHash });
  isOver = true;
  await turns;

  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(ROWS);
  expect(new Set(payments.map(({ paymentHash }) => paymentHash)).size).toBe(PAYMENTS);
  expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 500 }, (_, at) => at + 4));
  expect(receipts.map(({ seq }) => seq)).toEqual(
    Array.from({ length: PAYMENTS - 5 }, (_, at) => at + 6),
  );
  expect(few).toEqual(payments.slice(10, 70));
});
