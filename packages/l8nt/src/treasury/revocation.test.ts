/**
 * Revocation: the node and all below it, at the treasury and at the services, at once; nobody else.
 * [cases 27, 111]
 */
import { describe, expect, test } from "vitest";
import { Credential, macaroonOf } from "../l402/index.ts";
import type { Payer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import { failure, gate, secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { Treasury } from "./index.ts";

const SHOP = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

const buy = (world: Town, credential: Credential, url: string) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });
const present = async (credential: string, url: string) =>
  (await fetch(url, { headers: { authorization: `L402 ${credential}` } })).status;
const handed = async (world: Town, credential: Credential, url: string): Promise<string> => {
  const purchase = await buy(world, credential, url);
  if (purchase.kind !== "credential") throw new Error("it was relayed");
  return purchase.credential;
};

async function family() {
  const world = await town();
  const at = { now: world.clock() };
  const root = world.mint();
  const parent = root.delegate({ agent: "parent" }, at);
  const child = parent.delegate({ agent: "child" }, at);
  const sibling = root.delegate({ agent: "sibling" }, at);
  const client = world.connect(root);
  return { world, root, parent, child, sibling, client, shop: await world.openShop(SHOP) };
}

const REVOKED = { name: "DeniedError", code: "ERR_REVOKED" };

test("revoking a parent revokes its children, unlisted ones included; its own parent and siblings go on [case 27]", async () => {
  const { world, root, parent, child, sibling, client, shop } = await family();
  const unlisted = child.delegate({ agent: "unlisted" }, { now: world.clock() });
  await client.revoke(parent);
  for (const dead of [parent, child, unlisted, child.append(["purpose=still here"])])
    expect(await failure(buy(world, dead, `${shop.url}/a`))).toMatchObject(REVOKED);
  for (const alive of [root, sibling])
    expect(await buy(world, alive, `${shop.url}/a`)).toBeDefined();
  for (const dead of [parent, child])
    expect(await failure(world.treasury.standing(dead.toString()))).toMatchObject(REVOKED);
});

test("what was handed over is revoked at the service before the revocation returns; a sibling's goes on [case 111]", async () => {
  const { world, parent, child, sibling, client, shop } = await family();
  const url = `${shop.url}/a`;
  const [ofParent, ofChild, ofSibling] = await Promise.all(
    [parent, child, sibling].map((one) => handed(world, one, url)),
  );
  expect([
    await present(ofParent!, url),
    await present(ofChild!, url),
    await present(ofSibling!, url),
  ]).toEqual([200, 200, 200]);
  await client.revoke(parent);
  expect([
    await present(ofParent!, url),
    await present(ofChild!, url),
    await present(ofSibling!, url),
  ]).toEqual([402, 402, 200]);
  // A caveat more makes no other credential of it.
  expect(await present(Credential.parse(ofChild!).append(["purpose=x"]).toString(), url)).toBe(402);
});

test("what is paid for at that moment is not handed over any more [case 111]", async () => {
  const store = new MemoryStore();
  const [begun, written] = [gate(), gate()];
  const settle = store.settle.bind(store);
  store.settle = async (...change) => {
    begun.open();
    await written.opened;
    return settle(...change);
  };
  const world = await town({ store });
  const shop = await world.openShop(SHOP);
  // Past the time for which a new process looks through the books.
  world.clock.advance("400s");
  const root = world.mint();
  const child = root.delegate({ agent: "child" }, { now: world.clock() });
  const handing = failure(handed(world, child, `${shop.url}/a`));
  await begun.opened;
  await world.connect(root).revoke(child);
  written.open();
  expect(await handing).toMatchObject({ spent: "yes", cause: { code: "ERR_REVOKED" } });
});

test("revoking a child does not revoke its parent, even if the parent paid for what the child had", async () => {
  const { world, parent, child, client, shop } = await family();
  const url = `${shop.url}/a`;
  const ofParent = await handed(world, parent, url);
  const ofChild = await handed(world, child, url);
  await client.revoke(child);
  expect([await present(ofChild, url), await present(ofParent, url)]).toEqual([402, 200]);
  expect(await buy(world, parent, url)).toMatchObject({ kind: "credential" });
  expect(world.paid().count).toBe(1);
});

test("a child that revoked all that it may can be revoked by its parent and by the root, also after a restart", async () => {
  const store = new MemoryStore();
  const world = await town({ store });
  const at = { now: world.clock() };
  const root = world.mint();
  const parent = root.delegate({ agent: "parent" }, at);
  const [mallory, spy] = ["mallory", "spy"].map((agent) => parent.delegate({ agent }, at));
  const flood = async (by: Credential) => {
    for (let child = 0; child < 1000; child++)
      await world.treasury.revoke(by.toString(), [
        `agent=a.${child.toString(16).padStart(8, "0")}`,
      ]);
  };
  await flood(mallory!);
  await flood(spy!);
  const again = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    clock: world.clock,
    alarm: () => {},
  });
  for (const treasury of [world.treasury, again])
    expect(await failure(treasury.revoke(mallory!.toString(), ["agent=a.ffffffff"]))).toMatchObject(
      { code: "ERR_RATE_LIMITED" },
    );
  await world.treasury.revoke(parent.toString(), mallory!.caveatsBelow(parent)!);
  await again.revoke(root.toString(), spy!.caveatsBelow(root)!);
  expect(await failure(world.treasury.standing(mallory!.toString()))).toMatchObject(REVOKED);
  expect(await failure(again.standing(spy!.toString()))).toMatchObject(REVOKED);
  expect(await failure(again.standing(spy!.append(["agent=a.00000007"]).toString()))).toMatchObject(
    REVOKED,
  );
  for (const alive of [parent, root])
    expect(await world.treasury.standing(alive.toString())).toBeDefined();
});

test("a credential cannot revoke its parent, its sibling or itself", async () => {
  const { world, root, parent, child, sibling, shop } = await family();
  for (const other of [root, sibling, child])
    expect(await failure(world.connect(child).revoke(other))).toBeInstanceOf(TypeError);
  // By hand, too: a sibling's own caveats lead elsewhere from here.
  const texts = (credential: Credential, from: Credential) =>
    macaroonOf(credential)
      .caveats.slice(macaroonOf(from).caveats.length)
      .map((caveat) => Buffer.from(caveat).toString());
  await world.treasury.revoke(child.toString(), texts(sibling, root));
  await failure(world.treasury.revoke(parent.toString(), []));
  for (const alive of [root, parent, child, sibling])
    expect(await buy(world, alive, `${shop.url}/a`)).toBeDefined();
});

test("a service that cannot revoke, or is gone, delays nothing: what was handed over ends within five minutes", async () => {
  const { world, parent, client } = await family();
  const shop = await world.openShop(SHOP);
  const url = `${shop.url}/a`;
  const ofParent = await handed(world, parent, url);
  world.clock.advance("300s");
  await client.revoke(parent);
  expect(await present(ofParent, url)).toBe(402);
});

describe("a revocation that comes while a payment is made [case 111]", () => {
  test.each([
    ["handed over", {}],
    ["asked for with it", { maxUses: 5 }],
  ])(
    "lets the payment complete, nothing is %s, and the error says it is spent",
    async (_what, scope) => {
      let real!: Payer;
      let meanwhile = async () => {};
      const wallet: Payer = {
        network: async () => "bcrt",
        find: (hash) => real.find(hash),
        async pay(request) {
          const outcome = await real.pay(request);
          await meanwhile();
          return outcome;
        },
      };
      const world = await town({ wallet });
      real = devWallet(world.network.account("treasury").url);
      const root = world.mint();
      const child = root.delegate({ agent: "child", ...scope }, { now: world.clock() });
      const shop = await world.openShop(SHOP);
      meanwhile = () => world.connect(root).revoke(child);
      expect(await failure(buy(world, child, `${shop.url}/a`))).toMatchObject({
        name: "PaymentError",
        code: "ERR_PAID_NOT_DELIVERED",
        spent: "yes",
        cause: REVOKED,
      });
      expect(world.paid().count).toBe(1);
      expect(await world.spent(root)).toBe(world.paid().msat);
      expect(shop.served).toEqual([]);
    },
  );
});
