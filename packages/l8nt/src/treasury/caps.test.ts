/**
 * What an owner caps beside budgets: what is in flight, whom a service has paid, what a stranger is
 * paid, who spends at all.
 */
import { describe, expect, test } from "vitest";
import { hexText } from "../internal/bytes.ts";
import { publicKeyOf } from "../invoice/signature.ts";
import type { Credential } from "../l402/index.ts";
import type { Purchase } from "../ports/treasury.ts";
import { MemoryStore } from "../stores/memory.ts";
import {
  ask402,
  challenger,
  failure,
  forgeInvoice,
  introduce,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";

const buy = (world: Town, credential: Credential, url: string) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });

/** Reads the answer to its end: only then it has arrived. */
async function served(buying: Promise<Purchase>): Promise<void> {
  const purchase = await buying;
  if (purchase.kind === "response") await purchase.response.text();
}

describe("what is in flight [case 55]", () => {
  test("one child's payments that never settle stop at its cap, and its siblings go on", async () => {
    const world = await town({ maxInFlight: { perNode: 2 } });
    const shop = await world.openShop();
    await introduce(world, shop);
    const root = world.mint();
    const [bad, good] = [root.delegate({ agent: "bad" }), root.delegate({ agent: "good" })];
    for (const path of ["/a", "/b"]) {
      world.network.fault({ kind: "stuck", delayMs: 0 });
      expect(await failure(buy(world, bad, shop.url + path))).toMatchObject({
        code: "ERR_PAYMENT_UNKNOWN",
      });
    }
    const error = await failure(buy(world, bad, `${shop.url}/c`));
    expect(error).toMatchObject({ name: "BudgetError", code: "ERR_IN_FLIGHT", spent: "no" });
    expect(error.refusals).toMatchObject([
      { condition: "in flight", have: "2 payments in flight" },
    ]);
    // Its own children are no way around it.
    expect(
      await failure(buy(world, bad.delegate({ agent: "heir" }), `${shop.url}/d`)),
    ).toMatchObject({
      code: "ERR_IN_FLIGHT",
    });
    expect(await buy(world, good, `${shop.url}/e`)).toHaveProperty("payment");
    world.network.settle(world.network.payments()[0]!.paymentHash);
    await world.treasury.reconcile();
    expect(await buy(world, bad, `${shop.url}/c`)).toHaveProperty("payment");
  });

  test("an amount per agent and a number per origin, of all agents, are limits, too", async () => {
    const world = await town({ maxInFlight: { perNodeAmount: "20 sat", perOrigin: 3 } });
    const [slow, fair] = [await world.openShop(), await world.openShop()];
    await introduce(world, slow);
    const root = world.mint();
    const child = root.delegate({ agent: "child" });
    for (let times = 0; times < 3; times++) world.network.fault({ kind: "stuck", delayMs: 0 });
    await failure(buy(world, child, `${slow.url}/a`));
    expect(await failure(buy(world, child, `${slow.url}/b`))).toMatchObject({
      code: "ERR_IN_FLIGHT",
    });
    for (const path of ["/c", "/d"]) await failure(buy(world, root, slow.url + path));
    const error = await failure(buy(world, root, `${slow.url}/e`));
    expect(error).toMatchObject({ code: "ERR_IN_FLIGHT" });
    expect(await buy(world, root, `${fair.url}/a`)).toHaveProperty("payment");
  });
});

/**
 * A service whose node changes: each demand is signed with the next key, over and over with the
 * last.
 */
async function changing(world: Town, keys: readonly number[], amountMsat = 10_000n) {
  let asked = 0;
  return site(async (_, response, url) => {
    const { demand } = challenger(world, url);
    const honest = await demand({ amountMsat });
    const key = new Uint8Array(32).fill(keys[Math.min(asked++, keys.length - 1)]!);
    ask402(response, { ...honest, invoice: forgeInvoice(honest.invoice, {}, key) });
  });
}

describe("the payee of a service [case 70]", () => {
  test("stays the same node until the owner allows another", async () => {
    const world = await town();
    let isMoved = false;
    const key = new Uint8Array(32).fill(9);
    const service = await site(async (request, response, url) => {
      if (request.headers.authorization !== undefined) return void response.end("served");
      const honest = await challenger(world, url).demand({
        enforced: undefined,
        scope: { endpoints: [`* ${url}/**`], expiresIn: "1h", maxUses: 1 },
      });
      ask402(
        response,
        isMoved ? { ...honest, invoice: forgeInvoice(honest.invoice, {}, key) } : honest,
      );
    });
    const root = world.mint();
    await served(buy(world, root, `${service.url}/a`));
    isMoved = true;
    expect(await failure(buy(world, root, `${service.url}/b`))).toMatchObject({
      code: "ERR_INVOICE_PAYEE",
      spent: "no",
    });
    await expect(world.treasury.owner.allowPayee(service.url, "no key")).rejects.toMatchObject({
      code: "ERR_REQUEST",
    });
    await world.treasury.owner.allowPayee(`${service.url}/`, hexText(publicKeyOf(key)));
    // Allowed now: it is the network that has never heard of such a node.
    expect(await failure(buy(world, root, `${service.url}/b`))).toMatchObject({
      code: "ERR_PAYMENT_FAILED",
    });
    isMoved = false;
    expect(await buy(world, root, `${service.url}/c`)).toHaveProperty("payment");
  });

  test("another payee is refused before money moves, and the error says what to do", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const hostile = await changing(world, [7]);
    await store.allowPayee(hostile.url, `02${"11".repeat(32)}`, world.clock());
    const error = await failure(buy(world, world.mint(), `${hostile.url}/a`));
    expect(error).toMatchObject({ name: "ChallengeError", code: "ERR_INVOICE_PAYEE", spent: "no" });
    expect(error.message).toContain("owner can allow");
    expect(world.network.payments()).toEqual([]);
  });

  test("may be any node if the owner sets pinsPayees to false", async () => {
    const store = new MemoryStore();
    const world = await town({ store, pinsPayees: false });
    const shop = await world.openShop();
    await store.allowPayee(shop.url, `02${"11".repeat(32)}`, world.clock());
    expect(await buy(world, world.mint(), `${shop.url}/a`)).toHaveProperty("payment");
  });
});

test("a service that was never paid is paid no more than the first-payment cap [case 86]", async () => {
  const world = await town({ maxFirstPayment: "10 sat" });
  const dear = await world.openShop({ price: "11 sat" });
  const root = world.mint();
  expect(await failure(buy(world, root, `${dear.url}/a`))).toMatchObject({
    name: "ChallengeError",
    code: "ERR_INVOICE_FIRST_PAYMENT",
    spent: "no",
  });
  const shop = await world.openShop({
    price: ({ url }) => (url.pathname === "/dear" ? "500 sat" : "10 sat"),
  });
  await buy(world, root, `${shop.url}/a`);
  expect(await buy(world, root, `${shop.url}/dear`)).toHaveProperty("payment");
});

describe("frozen by the owner [case 50]", () => {
  test("a node and all below it spend nothing; what is in flight lands; the others go on", async () => {
    const world = await town();
    const shop = await world.openShop();
    await introduce(world, shop);
    const root = world.mint();
    const [child, other] = [root.delegate({ agent: "child" }), root.delegate({ agent: "other" })];
    world.network.fault({ kind: "stuck", delayMs: 0 });
    await failure(buy(world, child, `${shop.url}/a`));
    const nodeId = (await world.treasury.standing(child.toString())).at(-1)!.id;
    await world.treasury.owner.freeze(nodeId, "it looks odd");
    for (const one of [child, child.delegate({ agent: "heir" })]) {
      const error = await failure(buy(world, one, `${shop.url}/b`));
      expect(error).toMatchObject({ name: "DeniedError", code: "ERR_FROZEN" });
      expect(error.message).toContain("it looks odd");
    }
    expect((await world.treasury.tree(root.toString())).map(({ state }) => state)).toContain(
      "frozen",
    );
    expect(await buy(world, other, `${shop.url}/b`)).toHaveProperty("payment");
    world.network.settle(world.network.payments()[0]!.paymentHash);
    await world.treasury.reconcile();
    expect(await world.spent(child)).toBe(10_010n);
    await world.treasury.owner.thaw(nodeId);
    expect(await buy(world, child, `${shop.url}/c`)).toHaveProperty("payment");
  });

  test("all nodes: reading goes on, and what was paid for can be used", async () => {
    const world = await town();
    const shop = await world.openShop({
      price: "10 sat",
      grants: { validFor: "1h", endpoints: ["GET /**"] },
    });
    const root = world.mint();
    await buy(world, root, `${shop.url}/a`);
    await world.treasury.owner.freeze();
    expect(await buy(world, root, `${shop.url}/b`)).toMatchObject({ kind: "credential" });
    expect(await failure(buy(world, root, `${(await world.openShop()).url}/a`))).toMatchObject({
      code: "ERR_FROZEN",
    });
    expect(await world.treasury.standing(root.toString())).toHaveLength(1);
    expect(await world.treasury.owner.health()).toMatchObject({
      spending: false,
      reason: "by its owner",
    });
  });

  test("a freeze of the process before is known to an owner who asks first of all", async () => {
    const store = new MemoryStore();
    await (await town({ store })).treasury.owner.freeze(undefined, "it looks odd");
    expect(await (await town({ store })).treasury.owner.health()).toMatchObject({
      spending: false,
      reason: "it looks odd",
    });
  });

  test("a text that is not a node id is refused", async () => {
    const { treasury } = await town();
    for (const id of ["", "scout", "A".repeat(32)]) {
      await expect(treasury.owner.freeze(id)).rejects.toMatchObject({ code: "ERR_REQUEST" });
      await expect(treasury.owner.revoke(id)).rejects.toMatchObject({ code: "ERR_REQUEST" });
    }
  });
});
