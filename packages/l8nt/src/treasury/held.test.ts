/** What a treasury finds of what its agents hold, however much that is. spec/4-purchase.md §4.4. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { msat } from "../amount.ts";
import { MAX_PURCHASES } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import { MemoryStore } from "../stores/memory.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import { secretOf, town } from "../testing/fixtures/town.ts";
import { paidCredentialOf } from "./paid-credential.ts";
import { wrappedStore } from "./wrapped-payments.ts";
import { Wrapping } from "./wrapping.ts";

async function market(grants: object, store: Store = new MemoryStore({ journal: true })) {
  const world = await town({ store, maxInFlight: { perNode: 1000 } });
  const shop = await world.openShop({ price: "1 sat", grants });
  const agent = world.mint({ budget: "100000 sat" });
  const ask = (path: string, method = "GET", id: string = crypto.randomUUID()) =>
    world.treasury.buy({
      id,
      credential: agent.toString(),
      method,
      url: shop.url + path,
      headers: [],
    });
  const payments = () => world.network.payments().length;
  return { store, ask, payments };
}

test("a bundle for one path is found among more bundles for other paths than a query returns", async () => {
  const { store, ask, payments } = await market({ uses: 5 });
  await ask("/first");
  for (let nth = 0; nth <= MAX_PURCHASES; nth++) await ask(`/other/${nth}`);
  const paid = payments();
  await ask("/first");
  expect(payments()).toBe(paid);
  expect((await store.payments({ limit: 1 }))[0]!.anyPath).toBe(false);
}, 60_000);

test("a bundle that covers other paths serves them", async () => {
  const { store, ask, payments } = await market({ uses: 5, endpoints: ["GET /a/*"] });
  await ask("/a/1");
  await ask("/a/2");
  expect(payments()).toBe(1);
  expect((await store.payments({ limit: 1 }))[0]!.anyPath).toBe(true);
});

test("a record of what is held is decoded once, and not for each order", async () => {
  const { store, ask } = await market({ uses: 5 });
  await ask("/first");
  const wrapping = new Wrapping(secretOf("the treasury"));
  const books = wrappedStore(store, wrapping, () => {});
  const [record] = await books.payments({ limit: 1 });
  const [again] = await books.payments({ limit: 1 });
  expect(paidCredentialOf(again!)).toBe(paidCredentialOf(record!));
  expect(paidCredentialOf(record!).full).toBeDefined();
  const changed = { ...record!, preimage: "cd".repeat(32) };
  expect(String(paidCredentialOf(changed).full)).not.toBe(String(paidCredentialOf(record!).full));
});

test("a bundle for GET serves HEAD as well", async () => {
  const { ask, payments } = await market({ uses: 5 });
  await ask("/first");
  await ask("/first", "HEAD");
  expect(payments()).toBe(1);
  await ask("/second", "HEAD");
  await ask("/second");
  expect(payments()).toBeLessThanOrEqual(3);
});

test("a HEAD order that took over what GET bought can be sent again", async () => {
  const { ask, payments } = await market({ uses: 1 });
  await ask("/first");
  await ask("/first", "HEAD", "the-head-order");
  await ask("/first", "HEAD", "the-head-order");
  expect(payments()).toBe(1);
  await expect(ask("/first", "POST", "the-head-order")).rejects.toMatchObject({
    code: "ERR_REQUEST",
  });
});

describe("the purchase of a single request is found by its path", () => {
  const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;
  test.each(hasSqlite ? ["memory", "SQLite"] : ["memory"])(
    "among 1,000 for other paths, in %s",
    async (kind) => {
      const store =
        kind === "memory"
          ? new MemoryStore()
          : await openSqliteStore(join(mkdtempSync(join(tmpdir(), "held-")), "treasury.db"));
      onTestFinished(() => store.close());
      const { ask, payments } = await market({ uses: 1 }, store);
      await ask("/first", "GET", "the-first-order");
      const [first] = await store.payments({ limit: 1 });
      expect(first!.anyPath).toBe(false);
      await Promise.all(
        Array.from({ length: 1000 }, async (_, nth) => {
          const attemptId = `other.${nth}`;
          const paymentHash = nth.toString(16).padStart(64, "0");
          const { preimage = "", fee = msat(0n), settledAt: at = 0, ...paid } = first!;
          await store.begin(
            { id: attemptId, at, counted: [], amount: paid.amount, uses: 0n },
            {
              ...paid,
              ...{ paymentHash, attemptId, status: "open", path: `/other/${nth}` },
              ...{ intent: `other ${nth}`, order: `${paid.nodeIds.at(-1)} other-${nth}` },
            },
          );
          await store.settle(paymentHash, attemptId, { status: "paid", preimage, fee, at });
        }),
      );
      const query = { origin: first!.origin, method: "GET", path: "/first" };
      expect(await store.purchases(first!.nodeIds, query)).toHaveLength(1);
      await ask("/first");
      expect(payments()).toBe(1);
      await ask("/another");
      expect(payments()).toBe(2);
    },
  );
});
