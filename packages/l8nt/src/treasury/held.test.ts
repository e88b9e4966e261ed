/** What a treasury finds of what its agents hold, however much that is. spec/4-purchase.md §4.4. */
import { expect, test } from "vitest";
import { MAX_PURCHASES } from "../ports/payments.ts";
import { MemoryStore } from "../stores/memory.ts";
import { town } from "../testing/fixtures/town.ts";
import { paidCredentialOf } from "./bought.ts";

async function market(grants: object) {
  const store = new MemoryStore({ journal: true });
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
  const [record] = await store.payments({ limit: 1 });
  expect(paidCredentialOf(record!)).toBe(paidCredentialOf(record!));
  const changed = { ...record!, preimage: "cd".repeat(32) };
  expect(paidCredentialOf(changed).full.toString()).not.toBe(
    paidCredentialOf(record!).full.toString(),
  );
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
