/**
 * A treasury whose clock was ahead for a while: it stops, and on its owner's word goes on, with
 * nothing given a second time. spec/4-purchase.md §8. [case 109]
 */
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Scope } from "../caveat/index.ts";
import type { Credential } from "../l402/index.ts";
import type { BooksMark } from "../ports/books-mark.ts";
import { MemoryStore } from "../stores/memory.ts";
import { failure, type Shop, secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury, type TreasuryOptions } from "./index.ts";

const AHEAD = 2 * 86_400;

const buy = (treasury: Treasury, credential: Credential, { url }: Shop, path = "/forecast") =>
  treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url: url + path,
    headers: [],
  });

async function stage(options: Partial<TreasuryOptions> = {}) {
  const store = new MemoryStore({ journal: true });
  const world = await town({ store, ...options });
  onTestFinished(() => world.treasury.stop());
  const shop = await world.openShop({ price: "10 sat" });
  const { clock, treasury } = world;
  return {
    ...{ store, world, shop, treasury, owner: treasury.owner },
    mint: (scope: Scope = {}) => world.mint({ expiresIn: "30d", budget: "1000 sat", ...scope }),
    /** Runs `meanwhile` while the clock is two days ahead. */
    async jump(meanwhile: () => Promise<unknown> = async () => {}) {
      clock.set(clock() + AHEAD);
      await store.note("somebody was here", clock());
      await treasury.owner.clock();
      await meanwhile();
      clock.set(clock() - AHEAD);
    },
  };
}

function again(world: Town, store: MemoryStore, more: Partial<TreasuryOptions> = {}): Treasury {
  const treasury = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => world.alarms.push(what),
    ...more,
  });
  onTestFinished(() => treasury.stop());
  return treasury;
}

const codeOf = async (order: Promise<unknown>) => (await failure(order)).code;

/** The store of a process that is killed once the next call of `method` is done. */
function dying(store: MemoryStore) {
  let at: keyof MemoryStore | undefined;
  let isDead = false;
  const proxy = new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        if (isDead) return new Promise(() => {});
        const result: unknown = Reflect.apply(member, target, given);
        if (name === at) isDead = true;
        return result;
      };
    },
  });
  const killAfter = (method: keyof MemoryStore): void => {
    at = method;
  };
  return { store: proxy, killAfter };
}

describe("an acceptance of the clock that does not come to its end", () => {
  /** A recall that waits for a far date, and 50 sat that somebody paid aside meanwhile. */
  async function ahead() {
    const given = await stage();
    const { world, store, shop, mint, treasury, owner } = given;
    await treasury.start();
    const agent = mint({ expiresIn: "90d" }).delegate({ agent: "scout" });
    world.clock.advance(`${AHEAD}s`);
    await buy(treasury, agent, shop);
    await store.note("somebody was here", world.clock());
    await treasury.reconcile();
    world.clock.set(world.clock() - AHEAD);
    world.clock.advance("1h");
    const payee = devWallet(world.network.account("shop").invoiceOnlyUrl);
    const invoice = await payee.createInvoice({ amountMsat: 50_000n, expirySeconds: 600 });
    await devWallet(world.network.account("treasury").url).pay({
      invoice,
      ...{ paymentHash: "", amountMsat: 50_000n, maxFeeMsat: 1000n, timeoutSeconds: 5 },
    });
    world.clock.advance("1h");
    return { ...given, owner, agent };
  }

  test.each(["setFact", "turnBack", "recalls", "directives"] as const)(
    "because the process died after %s, finds at the next start what was paid meanwhile",
    async (method) => {
      const { world, store, treasury } = await ahead();
      await treasury.stop();
      const { store: mortal, killAfter } = dying(store);
      const dead = again(world, mortal);
      await dead.start();
      killAfter(method);
      const accepting = dead.owner.acceptClock();
      await Promise.race([accepting.catch(() => {}), new Promise((r) => setTimeout(r, 50))]);
      const next = again(world, store);
      await next.start();
      if (method === "setFact") await next.owner.acceptClock();
      expect(await next.owner.unexplained()).toHaveLength(1);
      expect(await next.owner.health()).toMatchObject({ spending: false });
    },
  );

  test("because the wallet was away, finds it when the wallet is back after a restart", async () => {
    const { world, store, treasury } = await ahead();
    await treasury.stop();
    const away = again(world, store, { wallet: () => Promise.reject(new Error("ECONNREFUSED")) });
    await away.owner.acceptClock();
    await away.stop();
    const next = again(world, store);
    await next.start();
    expect(await next.owner.unexplained()).toHaveLength(1);
  });

  test("because the store failed, can be asked for again", async () => {
    const { store, owner } = await ahead();
    const recalls = store.recalls.bind(store);
    let fails = 1;
    store.recalls = (...given) =>
      fails-- > 0 ? Promise.reject(new Error("disk full")) : recalls(...given);
    await expect(owner.acceptClock()).rejects.toThrow();
    await owner.acceptClock();
    expect(await owner.unexplained()).toHaveLength(1);
    expect(await codeOf(owner.acceptClock())).toBe("ERR_REQUEST");
  });

  test("leaves nothing to do after it has come to its end", async () => {
    const { world, store, owner, treasury } = await ahead();
    await owner.acceptClock();
    expect(await owner.unexplained()).toHaveLength(1);
    await treasury.stop();
    const turned = store.turnBack.bind(store);
    let times = 0;
    store.turnBack = (...given) => {
      times++;
      return turned(...given);
    };
    const next = again(world, store);
    await next.start();
    expect(await codeOf(next.owner.acceptClock())).toBe("ERR_REQUEST");
    expect(times).toBe(0);
  });
});

describe("a clock that was two days ahead", () => {
  test("stops orders, over restarts too, and says which command ends that", async () => {
    const { world, store, shop, treasury, owner, mint, jump } = await stage();
    const short = mint({ expiresIn: "1h" });
    await buy(treasury, short, shop);
    await jump(() => failure(buy(treasury, short, shop)));
    for (const one of [treasury, again(world, store)]) {
      const error = await failure(buy(one, short, shop));
      expect(error).toMatchObject({ code: "ERR_TREASURY_STOPPED" });
      expect(error.message).toContain("sigil treasury clock");
      const times = [world.clock(), world.clock() + AHEAD].map((at) =>
        new Date(at * 1000).toISOString().slice(0, 19).replace("T", " "),
      );
      for (const time of times) expect(error.message).toContain(`${time} UTC`);
      const health = await one.owner.health();
      expect(health).toMatchObject({ spending: false });
      expect(health.reason).toContain("sigil treasury clock");
      const now = world.clock();
      expect(await one.owner.clock()).toEqual({
        machine: now,
        books: now + AHEAD,
        behindSeconds: AHEAD,
        stopped: true,
      });
    }
    // The owner's API works by the machine's clock.
    await owner.freeze();
    await owner.thaw();
    expect(world.paid().count).toBe(1);
  });

  test("on the owner's word goes on with the machine's time, over restarts too", async () => {
    const { world, store, shop, treasury, owner, mint, jump } = await stage();
    const short = mint({ expiresIn: "1h" });
    await jump();
    expect(await codeOf(buy(treasury, short, shop))).toBe("ERR_TREASURY_STOPPED");
    await owner.acceptClock("it was the battery");
    expect(await buy(treasury, short, shop)).toHaveProperty("payment");
    expect(await owner.health()).toMatchObject({ spending: true });
    expect(await owner.clock()).toMatchObject({ behindSeconds: 0, stopped: false });
    expect(await codeOf(owner.acceptClock())).toBe("ERR_REQUEST");
    const notes = (await owner.journal(0, 1000)).map(({ event }) =>
      event.type === "note" ? event.text : "",
    );
    expect(notes.join("\n")).toContain("it was the battery");
    const next = again(world, store);
    expect(await buy(next, short, shop, "/other")).toHaveProperty("payment");
    // Time does not go back behind what was written since.
    world.clock.set(world.clock() - 300);
    const last = again(world, store);
    await last.start();
    expect(await last.owner.clock()).toMatchObject({ behindSeconds: 300, stopped: false });
  });

  test("gives no window a second budget", async () => {
    const { shop, treasury, owner, mint, jump, world } = await stage();
    const spent = mint({ budgetPerHour: "25 sat" });
    const unspent = mint({ budgetPerHour: "25 sat" });
    const uses = mint({ maxUsesPerDay: 2 });
    for (const agent of [spent, unspent, uses]) await buy(treasury, agent, shop, "/1");
    await jump(async () => {
      await buy(treasury, spent, shop, "/2");
    });
    await owner.acceptClock();
    // What the hour before held is as it was.
    await buy(treasury, unspent, shop, "/3");
    expect(await codeOf(buy(treasury, unspent, shop, "/4"))).toBe("ERR_BUDGET");
    await buy(treasury, uses, shop, "/5");
    expect(await codeOf(buy(treasury, uses, shop, "/6"))).toBe("ERR_USES");
    // What it spent before the clock was ahead has left its window there.
    expect(await codeOf(buy(treasury, spent, shop, "/7"))).toBe("ERR_BUDGET");
    world.clock.advance("62m");
    await buy(treasury, unspent, shop, "/8");
    expect(await codeOf(buy(treasury, spent, shop, "/9"))).toBe("ERR_BUDGET");
    world.clock.advance("49h");
    await buy(treasury, spent, shop, "/10");
  });

  test("gives no use twice", async () => {
    const { shop, treasury, owner, mint, jump } = await stage();
    const agent = mint({ maxUses: 2, expiresIn: "1h" });
    for (const path of ["/1", "/2"]) await buy(treasury, agent, shop, path);
    await jump();
    await owner.acceptClock();
    expect(await codeOf(buy(treasury, agent, shop, "/3"))).toBe("ERR_USES");
    expect(await codeOf(buy(treasury, agent, shop, "/1"))).toBe("ERR_USES");
  });

  test("leaves revoked what was revoked, although its end had come by that clock", async () => {
    const { shop, treasury, owner, mint, jump, world } = await stage();
    const agent = mint({ expiresIn: "1h" });
    const child = agent.delegate({ agent: "scout" });
    await buy(treasury, child, shop);
    const [own] = (await treasury.standing(child.toString())).slice(-1);
    await world.connect(agent).revoke(child);
    const { revocations } = treasury.authority;
    expect(revocations.has(own!.id)).toBe(true);
    await jump(async () => {
      // An hour passes by the clock that nobody sets.
      const later = performance.now() + 3_600_000;
      const spy = vi.spyOn(performance, "now").mockReturnValue(later);
      onTestFinished(() => spy.mockRestore());
      // As many as it takes until those that have ended are swept out.
      for (let nth = 0; nth < 1100; nth++)
        revocations.revoke(nth.toString(16).padStart(32, "0"), world.clock() - 1);
      expect(revocations.has(own!.id)).toBe(false);
    });
    await owner.acceptClock();
    expect(await codeOf(buy(treasury, child, shop))).toBe("ERR_REVOKED");
    expect(await buy(treasury, agent, shop, "/other")).toHaveProperty("payment");
  });

  test("finds what the wallet paid meanwhile", async () => {
    const { treasury, owner, jump, world } = await stage();
    await treasury.start();
    await jump(async () => {
      await treasury.reconcile();
    });
    const invoice = await devWallet(world.network.account("shop").invoiceOnlyUrl).createInvoice({
      amountMsat: 5_000n,
      expirySeconds: 600,
    });
    await devWallet(world.network.account("treasury").url).pay({
      invoice,
      paymentHash: "",
      amountMsat: 5_000n,
      maxFeeMsat: 100n,
      timeoutSeconds: 5,
    });
    world.clock.advance("3h");
    await owner.acceptClock();
    expect(await owner.unexplained()).toHaveLength(1);
  });

  test("is no backup that was restored", async () => {
    let mark: BooksMark | undefined;
    const witness = {
      read: async () => mark,
      write: async (next: BooksMark) => {
        mark = next;
      },
    };
    const { world, store, shop, treasury, owner, mint, jump } = await stage({ witness });
    await buy(treasury, mint(), shop);
    await jump(() => treasury.keepMark());
    await owner.acceptClock();
    await treasury.stop();
    const next = again(world, store, { witness });
    expect(await buy(next, mint(), shop, "/other")).toHaveProperty("payment");
  });
});

test("a clock that is ten minutes behind stops nothing", async () => {
  const { world, shop, treasury, mint } = await stage();
  const agent = mint();
  await buy(treasury, agent, shop, "/1");
  world.clock.set(world.clock() - 590);
  expect(await buy(treasury, agent, shop, "/2")).toHaveProperty("payment");
});
