/** Requests that are served before anything is sold. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyedSeal } from "../receipt/checkpoint.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { type FreeQuota, Paywall, type Terms } from "./index.ts";

const ORIGIN = "https://api.example";
const NOON = 1_900_065_600;
const DAY = 86_400;
const SECRET = "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4";

function world(free: FreeQuota, terms: Terms = { price: "10 sat" }) {
  const clock = { now: NOON };
  const store = new MemoryStore({ journal: true, elapsed: () => clock.now });
  const open = () =>
    new Paywall({
      secret: SECRET,
      location: ORIGIN,
      invoicer: new FakeInvoicer(() => clock.now),
      clock: () => clock.now,
      store,
    });
  const paywall = open();
  const route = paywall.route({ ...terms, free });
  const ask = async (address?: string, credential?: string, at = route) => {
    const decision = await at.authorize({
      method: "GET",
      target: "/a",
      clientAddress: address,
      authorization: credential && `L402 ${credential}`,
      headers: () => new Headers(),
    });
    return decision;
  };
  /** Whether a request is let in; it is answered with `status`. */
  const served = async (address?: string, credential?: string, status = 200) => {
    const decision = await ask(address, credential);
    if (decision.granted) await decision.finish(status);
    return decision.granted;
  };
  const count = async (times: number, addressOf: (at: number) => string | undefined) => {
    let free = 0;
    for (let at = 0; at < times; at++) if (await served(addressOf(at))) free++;
    return free;
  };
  return { clock, store, open, paywall, route, ask, served, count };
}

describe("by address", () => {
  test.each([
    ["one IPv4 address", 9, () => "192.0.2.1", 3],
    ["one address behind ports", 9, (at: number) => `192.0.2.1:${at + 1000}`, 3],
    [
      "the same address mapped into IPv6",
      9,
      (at: number) => (at % 2 ? "192.0.2.1" : "::ffff:192.0.2.1"),
      3,
    ],
    ["an IPv4 /24", 60, (at: number) => `192.0.2.${at}`, 24],
    ["two IPv4 /24", 60, (at: number) => `192.0.${at % 2}.${at}`, 48],
    ["an IPv6 /64", 9, (at: number) => `2001:db8::${at + 1}`, 3],
    ["an IPv6 /56", 40, (at: number) => `2001:db8:0:${at}::1`, 6],
    ["an IPv6 /48", 60, (at: number) => `2001:db8:0:${(at * 256).toString(16)}::1`, 12],
    ["an IPv6 /32", 90, (at: number) => `2001:db8:${at.toString(16)}::1`, 48],
    ["addresses that are not known", 9, () => undefined, 3],
    ["what is no address", 9, (at: number) => `host-${at}`, 3],
  ])("%s that asks %i times", async (_, times, addressOf, free) => {
    const { count } = world({ requests: 3, per: "day" });
    expect(await count(times, addressOf)).toBe(free);
  });

  test("no address has more than its quota, and no history more than the total", async () => {
    const addresses = fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant("192.0.2.9")), {
      maxLength: 60,
    });
    const quota = fc.record({
      requests: fc.integer({ min: 1, max: 4 }),
      total: fc.integer({ min: 4, max: 30 }),
    });
    await fc.assert(
      fc.asyncProperty(addresses, quota, async (asked, { requests, total }) => {
        const { served } = world({ requests, total, per: "hour" });
        const free = new Map<string, number>();
        let all = 0;
        for (const address of asked)
          if (await served(address)) {
            free.set(address, (free.get(address) ?? 0) + 1);
            all++;
          }
        expect(Math.max(0, ...free.values())).toBeLessThanOrEqual(requests);
        expect(all).toBeLessThanOrEqual(total);
        // Distinct clients far apart are never kept from what is theirs while some of it is left.
        if (asked.length > 0) expect(all).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  test("is a new one from midnight on, and what is refused is offered for its price", async () => {
    const { served, ask, clock } = world({ requests: 1, per: "day" });
    expect(await served("192.0.2.1")).toBe(true);
    const refused = await ask("192.0.2.1");
    expect(refused.granted).toBe(false);
    if (!refused.granted && "response" in refused) {
      expect(refused.response.status).toBe(402);
      expect(refused.response.headers.get("www-authenticate")).toContain("invoice=");
    }
    clock.now = Math.ceil(NOON / DAY) * DAY - 1;
    expect(await served("192.0.2.1")).toBe(false);
    clock.now += 1;
    expect(await served("192.0.2.1")).toBe(true);
  });

  test("survives a restart, and is shared by paywalls on one store", async () => {
    const { served, open, ask } = world({ requests: 2, per: "day" });
    expect(await served("192.0.2.1")).toBe(true);
    const other = open().route({ price: "10 sat", free: { per: "day", requests: 2 } });
    const decision = await ask("192.0.2.1", undefined, other);
    expect(decision.granted).toBe(true);
    expect(await served("192.0.2.1")).toBe(false);
  });

  test("a name gives a quota of its own, and equal ones are one", async () => {
    const { served, ask, paywall } = world({ requests: 1, per: "day" });
    const named = paywall.route({ price: "1 sat", free: { requests: 1, per: "day", name: "b" } });
    const equal = paywall.route({ price: "1 sat", free: { requests: 1, per: "day" } });
    expect(await served("192.0.2.1")).toBe(true);
    expect((await ask("192.0.2.1", undefined, equal)).granted).toBe(false);
    expect((await ask("192.0.2.1", undefined, named)).granted).toBe(true);
  });

  test.each([
    [200, false],
    [500, true],
    [429, true],
    [304, true],
  ])("an answer of %i gives the free request back: %s", async (status, again) => {
    const { served } = world({ requests: 1, per: "day" });
    expect(await served("192.0.2.1", undefined, status)).toBe(true);
    expect(await served("192.0.2.1")).toBe(again);
  });

  test("requests that are under way hold their part", async () => {
    const { ask } = world({ requests: 2, per: "day" });
    const decisions = await Promise.all(Array.from({ length: 20 }, () => ask("192.0.2.1")));
    expect(decisions.filter(({ granted }) => granted)).toHaveLength(2);
  });

  test("a free answer is for its client alone, and has no credential", async () => {
    const { ask } = world({ requests: 1, per: "day" });
    const decision = await ask("192.0.2.1");
    if (!decision.granted) throw new Error("refused");
    expect(decision.grant).toMatchObject({ nodeId: undefined, price: { value: 0n } });
    const response = await decision.settle(new Response("free"));
    expect(response.headers.get("cache-control")).toContain("private");
  });

  test("the store holds no address", async () => {
    const { served, store } = world({ requests: 2, per: "day" });
    await served("203.0.113.77");
    const kept = JSON.stringify(
      [await store.journal(0, 100), await store.counters("", 100)],
      (_, value) => (typeof value === "bigint" ? String(value) : value),
    );
    expect(kept).toContain("free.");
    expect(kept).not.toContain("203.0.113");
  });

  test("what ended is forgotten: the counters do not grow with the days", async () => {
    const { served, store, clock, paywall } = world({ requests: 2, per: "hour", total: 50 });
    const seal = keyedSeal(paywall.authority.derivedKeys("checkpoints"));
    const kept: number[] = [];
    for (let day = 0; day < 6; day++) {
      for (let at = 0; at < 40; at++) await served(`10.${at}.${day}.1`);
      clock.now += 2 * DAY;
      const folding = { at: clock.now, keepSeconds: 3600, limit: 10_000, seal };
      while (await store.fold(folding));
      kept.push((await store.counters("", 10_000)).length);
    }
    expect(Math.max(...kept)).toBeLessThanOrEqual(81);
  });
});

describe("by credential", () => {
  const quota = { requests: 2, per: "day", by: "credential" } as const;
  const scope = { endpoints: [`GET ${ORIGIN}/a`], expiresIn: "7d" } as const;

  test("a credential has its requests, and nobody without one", async () => {
    const { served, paywall } = world(quota);
    const own = () => String(paywall.authority.minter.mint({ ...scope, budget: "0 sat" }));
    const [one, other] = [own(), own()];
    expect(await served("192.0.2.1")).toBe(false);
    expect(await served("192.0.2.1", one)).toBe(true);
    expect(await served("192.0.2.2", one)).toBe(true);
    expect(await served("192.0.2.1", one)).toBe(false);
    expect(await served("192.0.2.1", other)).toBe(true);
  });

  test("what descends from a credential shares its quota", async () => {
    const { served, paywall } = world(quota);
    const root = paywall.authority.minter.mint({ ...scope, budget: "0 sat" });
    const child = String(root.attenuate({ agent: "child" }));
    expect(await served(undefined, child)).toBe(true);
    expect(await served(undefined, String(root))).toBe(true);
    expect(await served(undefined, child)).toBe(false);
    expect(await served(undefined, String(root))).toBe(false);
  });

  test("a free request counts as one of the requests that a holder allowed", async () => {
    const { served, paywall } = world(quota);
    const minted = paywall.authority.minter.mint({ ...scope, maxUses: 1 });
    expect(await served(undefined, String(minted))).toBe(true);
    expect(await served(undefined, String(minted))).toBe(false);
  });

  test.each([
    ["for another path", "/b"],
    ["that is revoked", "/a"],
  ])("a credential %s has none", async (what, path) => {
    const { served, paywall } = world(quota);
    const minted = paywall.authority.minter.mint({
      endpoints: [`GET ${ORIGIN}${path}`],
      expiresIn: "1h",
      budget: "0 sat",
    });
    if (what.includes("revoked")) {
      const { node } = paywall.authority.verifier.authenticate(minted);
      await paywall.revoke(node.id);
    }
    expect(await served(undefined, String(minted))).toBe(false);
  });

  test("after its free requests a prepaid credential pays", async () => {
    const { served, paywall } = world(quota);
    const minted = String(paywall.authority.minter.mint({ ...scope, budget: "20 sat" }));
    const answers = [];
    for (let at = 0; at < 6; at++) answers.push(await served(undefined, minted));
    expect(answers).toEqual([true, true, true, true, false, false]);
  });
});

test("a quota that cannot be counted is refused when the route opens, and the list names one", async () => {
  const { paywall } = world({ requests: 1, per: "day" });
  for (const free of [
    { requests: 0, per: "day" },
    { requests: 1.5, per: "day" },
    { requests: 1, per: "week" },
    { requests: 1, per: "day", by: "name" },
    { requests: 5, per: "day", total: 4 },
    { requests: 1, per: "day", amount: 2 },
  ])
    expect(() => paywall.route({ free } as never), JSON.stringify(free)).toThrow(TypeError);
  const answer = await paywall.wellKnown(new Request(`${ORIGIN}/.well-known/l402`));
  expect(await answer!.json()).toMatchObject({
    routes: [{ price: "10 sat", free: { requests: 1, per: "day", by: "address" } }],
  });
});
