/**
 * A treasury that stops and starts again on the same books: nothing is forgotten, nothing is paid
 * twice.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { msat } from "../amount.ts";
import type { Credential } from "../l402/index.ts";
import type { Reservation, ReserveAnswer } from "../ports/ledger.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import { MemoryStore } from "../stores/memory.ts";
import { failure, type Shop, secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury, type TreasuryOptions, treasuryApi } from "./index.ts";

/** Another process on the same books. */
function again(world: Town, store: MemoryStore, more: Partial<TreasuryOptions> = {}): Treasury {
  return new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => world.alarms.push(what),
    ...more,
  });
}

const buy = (
  treasury: Treasury,
  credential: Credential,
  shop: Shop,
  path = "/forecast",
  more: object = {},
) =>
  treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url: shop.url + path,
    headers: [],
    ...more,
  });

async function start() {
  const store = new MemoryStore({ journal: true });
  const world = await town({ store });
  const shop = await world.openShop({
    price: "10 sat",
    grants: { validFor: "1h", endpoints: ["GET /**"] },
  });
  return { store, world, shop, root: world.mint() };
}

describe("after a restart", () => {
  test("what was bought is used without paying, and what was spent is spent", async () => {
    const { store, world, shop, root } = await start();
    const child = root.delegate({ agent: "scout", budget: "14 sat" });
    await buy(world.treasury, child, shop);
    const next = again(world, store);
    expect(await buy(next, child, shop)).not.toHaveProperty("payment");
    expect(world.paid().count).toBe(1);
    expect((await next.standing(child.toString())).map(({ spent }) => spent[0]!.value)).toEqual([
      10_010n,
      10_010n,
    ]);
    const other = await world.openShop();
    expect(await failure(buy(next, child, other))).toMatchObject({ code: "ERR_BUDGET" });
  });

  test("a revoked node stays revoked, as does a child that was never seen", async () => {
    const { store, world, shop, root } = await start();
    const child = root.delegate({ agent: "scout" });
    const unseen = root.delegate({ agent: "ghost" });
    await buy(world.treasury, child, shop);
    for (const one of [child, unseen]) await world.connect(root).revoke(one);
    const next = again(world, store);
    for (const one of [child, unseen, unseen.delegate({ agent: "heir" })])
      expect(await failure(buy(next, one, shop))).toMatchObject({ code: "ERR_REVOKED" });
    expect(await buy(next, root, await world.openShop())).toMatchObject({ kind: "credential" });
    const states = (await next.tree(root.toString())).map(({ agent, state }) => [agent, state]);
    // They were met at the same moment, so that their ids decide which is first.
    expect([states[0], ...states.slice(1).sort()]).toEqual([
      [undefined, "active"],
      ["ghost", "revoked"],
      ["scout", "revoked"],
    ]);
  });

  test("what was handed over before is recalled all the same [case 111]", async () => {
    const { store, world, shop, root } = await start();
    const child = root.delegate({ agent: "scout" });
    const handed = await buy(world.treasury, child, shop);
    if (handed.kind !== "credential") throw new Error("it was relayed");
    const use = () =>
      fetch(`${shop.url}/forecast`, {
        headers: { authorization: `L402 ${handed.credential}` },
      }).then(({ status }) => status);
    expect(await use()).toBe(200);
    const next = again(world, store);
    await next.revoke(
      root.toString(),
      child.caveats
        .slice(root.caveats.length)
        .map(({ condition, value }) => `${condition}=${value}`),
    );
    expect(await use()).not.toBe(200);
  });

  test("an origin that did not deliver is still not paid [case 62]", async () => {
    const { store, world, root } = await start();
    const cheat = await world.openShop({ price: "10 sat" });
    world.network.fault({ kind: "slow", delayMs: 0 });
    const first = await buy(world.treasury, root, cheat);
    if (first.kind !== "credential") throw new Error("it was relayed");
    const [record] = await store.payments({ limit: 1 });
    await store.mark(record!.paymentHash, {
      status: "undelivered",
      closed: { to: "*", until: world.clock() + 600 },
    });
    const next = again(world, store);
    expect(await failure(buy(next, root, cheat))).toMatchObject({ code: "ERR_ORIGIN_QUARANTINED" });
    world.clock.advance("601s");
    expect(await buy(next, root, cheat)).toHaveProperty("payment");
  });

  test("a payment whose reply was lost is found, and not made again [case 56]", async () => {
    const { store, world, shop, root } = await start();
    world.network.fault({ kind: "reply-lost" });
    expect(await failure(buy(world.treasury, root, shop))).toMatchObject({ spent: "unknown" });
    const next = again(world, store);
    await next.start();
    expect(await store.openPayments()).toEqual([]);
    expect(await buy(next, root, shop)).not.toHaveProperty("payment");
    expect(world.paid().count).toBe(1);
  });

  test("a single-use credential whose order died is used by the next order [cases 72, 82]", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop();
    const root = world.mint();
    // More often than a service is asked.
    shop.answers.push(...Array.from({ length: 12 }, () => "hang-up" as const));
    const counted = root.delegate({ agent: "counted", maxUses: 5 });
    await failure(buy(world.treasury, counted, shop));
    shop.answers.length = 0;
    const next = again(world, store);
    expect(await buy(next, counted, shop)).toMatchObject({ kind: "response" });
    expect(world.paid().count).toBe(1);
  });

  test("a use that was under way when the process died counts, and no other reservation is touched [case 89]", async () => {
    const { store, world, shop, root } = await start();
    const child = root.delegate({ agent: "scout", maxUses: 1 });
    const [limit] = (await world.treasury.standing(child.toString())).at(-1)!.limits;
    expect(limit).toMatchObject({ condition: "max_uses", used: 0n });
    const { limits } = world.treasury.authority.verifier.authenticate(child);
    const died: Reservation = {
      id: "use.treasury.dead",
      at: world.clock() - 1,
      amount: msat(0n),
      uses: 1n,
      counted: limits,
    };
    await store.reserve(died);
    await store.reserve({ ...died, id: "served.elsewhere", counted: [] });
    const next = again(world, store);
    expect(await failure(buy(next, child, shop))).toMatchObject({ code: "ERR_USES" });
    expect(await store.abandoned(world.clock() + 1)).toEqual([
      { id: "served.elsewhere", amount: msat(0n) },
    ]);
  });

  test("time goes on where the books end, whatever the clock says [case 109]", async () => {
    const { store, world, shop } = await start();
    const short = world.mint({ expiresIn: "5m" });
    world.clock.advance("301s");
    await store.note("somebody was here", world.clock());
    world.clock.set(world.clock() - 3600);
    const next = again(world, store);
    expect(await failure(buy(next, short, shop))).toMatchObject({ code: "ERR_TREASURY_STOPPED" });
    expect(world.alarms).toEqual([expect.stringContaining("behind the books")]);
    const later = again(world, store, { clock: () => world.clock() + 400 * 86_400 });
    await later.start();
    expect(world.alarms.at(-1)).toContain("more than a year");
  });
});

describe("two treasuries on one store", () => {
  class SharedStore extends MemoryStore {
    override readonly shared = true as unknown as false;
  }

  async function two(options: Partial<TreasuryOptions> = {}) {
    const store = new SharedStore();
    const world = await town({ store });
    const other = again(world, store, options);
    await Promise.all([world.treasury.start(), other.start()]);
    onTestFinished(async () => {
      await Promise.all([world.treasury.stop(), other.stop()]);
    });
    return { store, world, other };
  }

  test("pay once for one intent, whichever of them is asked [cases 63, 80]", async () => {
    const { world, other } = await two();
    const shop = await world.openShop();
    const root = world.mint({ budget: "1000 sat" });
    const ids = Array.from({ length: 10 }, () => crypto.randomUUID() as string);
    const answers = await Promise.allSettled(
      ids.map((id, at) =>
        buy(at % 2 === 0 ? world.treasury : other, root, shop, undefined, {
          id,
          underWay: ids.filter((one) => one !== id),
        }),
      ),
    );
    for (const answer of answers)
      if (answer.status === "rejected")
        expect(answer.reason).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
    expect(world.alarms).toEqual([]);
    // A credential for one request each: as many payments as answers, and none for nothing.
    const served = answers.filter(({ status }) => status === "fulfilled").length;
    expect(world.paid().count).toBe(served);
    expect(served).toBeGreaterThan(0);
  });

  test("a payment that another process is making is not taken for one that never was [case 59]", async () => {
    const { store, world, other } = await two();
    const shop = await world.openShop();
    const root = world.mint();
    world.network.fault({ kind: "stuck", delayMs: 0 });
    await failure(buy(world.treasury, root, shop));
    const [open] = (await store.openPayments()) as [PaymentRecord];
    // The wallet that the other one asks has never heard of it: as if it were not sent yet.
    const deaf = again(world, store, {
      wallet: {
        ...devWallet(world.network.account("treasury").url),
        find: async () => ({ status: "never-sent", reason: "who knows" }),
      },
    });
    await deaf.reconcile();
    expect((await store.payment(open.paymentHash))!.status).toBe("open");
    // A wallet looks before it hands a payment over, and Core Lightning tries once more past its
    // time.
    // The other process's clock may be ten minutes behind this one's.
    world.clock.advance("750s");
    await deaf.reconcile();
    expect((await store.payment(open.paymentHash))!.status).toBe("open");
    world.clock.advance("31s");
    await deaf.reconcile();
    expect((await store.payment(open.paymentHash))!.status).toBe("failed");
    expect(await other.owner.health()).toMatchObject({ openPayments: 0 });
  });

  test("what one of them revokes or freezes, the other refuses after its next read [case 111]", async () => {
    const { world, other } = await two();
    const shop = await world.openShop();
    const root = world.mint();
    const child = root.delegate({ agent: "scout" });
    await buy(other, child, shop);
    await world.treasury.owner.freeze();
    await world.connect(root).revoke(child);
    await other.owner.reconcile();
    await expect
      .poll(() => failure(buy(other, child, shop)))
      .toMatchObject({ code: "ERR_REVOKED" });
    expect(await failure(buy(other, root, await world.openShop()))).toMatchObject({
      code: "ERR_FROZEN",
    });
  });

  describe("one that cannot read what was revoked [case 111]", () => {
    const silent = async (options: Partial<TreasuryOptions> = {}) => {
      const { store, world, other } = await two(options);
      const shop = await world.openShop();
      const root = world.mint();
      await buy(other, root, shop, "/before");
      const read = store.directives.bind(store);
      store.directives = () => Promise.reject(new Error("the line is cut"));
      return { world, other, shop, root, mend: () => (store.directives = read) };
    };

    test("goes on for ten seconds, then denies every credential, and goes on once it can read again", async () => {
      const { world, other, shop, root, mend } = await silent();
      world.clock.advance("10s");
      await buy(other, root, shop, "/a");
      world.clock.advance("1s");
      expect(await failure(buy(other, root, shop, "/b"))).toMatchObject({
        name: "DeniedError",
        code: "ERR_REVOCATION_UNKNOWN",
      });
      const paid = world.paid().count;
      mend();
      await expect
        .poll(() => buy(other, root, shop, "/b").then(({ kind }) => kind, String))
        .toBe("credential");
      expect(world.paid().count).toBe(paid + 1);
    });

    test("goes on for as long as maxSilence says", async () => {
      const { world, other, shop, root } = await silent({ maxSilence: "1m" });
      world.clock.advance("60s");
      await buy(other, root, shop, "/a");
      world.clock.advance("1s");
      expect(await failure(buy(other, root, shop, "/b"))).toMatchObject({
        code: "ERR_REVOCATION_UNKNOWN",
      });
    });

    test("answers an agent over HTTP with 503, and when to ask again", async () => {
      const { world, other, root } = await silent();
      world.clock.advance("11s");
      const response = await treasuryApi(other)(
        new Request(`${other.location}/v1/credential`, {
          headers: { authorization: `L402 ${root}`, host: new URL(other.location).host },
        }),
      );
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toMatch(/^[1-9][0-9]*$/);
      expect(await response.json()).toMatchObject({ code: "ERR_REVOCATION_UNKNOWN" });
    });
  });
});

describe("a store that fails", () => {
  test("denies new spends, loses nothing, and the treasury goes on when the books agree again [case 108]", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop();
    const root = world.mint();
    const settle = store.settle.bind(store);
    store.settle = () => Promise.reject(new Error("the disk is full"));
    expect(await failure(buy(world.treasury, root, shop))).toMatchObject({
      code: "ERR_PAYMENT_UNKNOWN",
      spent: "yes",
    });
    expect(await failure(buy(world.treasury, root, shop, "/other"))).toMatchObject({
      code: "ERR_TREASURY_STOPPED",
    });
    expect(await world.treasury.owner.health()).toMatchObject({ spending: false, openPayments: 1 });
    expect((await world.treasury.standing(root.toString()))[0]!.spent).toEqual([msat(13_000n)]);
    expect(world.paid().count).toBe(1);
    store.settle = settle;
    await world.treasury.reconcile();
    expect(await world.treasury.owner.health()).toMatchObject({ spending: true, openPayments: 0 });
    expect((await world.treasury.standing(root.toString()))[0]!.spent).toEqual([msat(10_010n)]);
    await buy(world.treasury, root, shop);
    expect(world.paid().count).toBe(1);
  });

  test("before the payment is sent means that nothing is paid", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop();
    store.begin = (): Promise<ReserveAnswer> => Promise.reject(new Error("locked"));
    await failure(buy(world.treasury, world.mint(), shop));
    expect(world.network.payments()).toEqual([]);
  });
});
