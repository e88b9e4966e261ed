/** What is given back of a use, after its answer. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Scope } from "../caveat/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { type Grant, Paywall, type Terms } from "./index.ts";

const ORIGIN = "https://api.example";
const NOON = 1_900_065_600;

function world(terms: Terms = { price: "10 sat" }) {
  const clock = { now: NOON };
  const store = new MemoryStore({ journal: true });
  const paywall = new Paywall({
    secret: "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4",
    location: ORIGIN,
    invoicer: new FakeInvoicer(() => clock.now),
    ...{ store, clock: () => clock.now },
  });
  const route = paywall.route(terms);
  const mint = (scope: Scope) =>
    paywall.authority.minter.mint({ endpoints: [`GET ${ORIGIN}/a`], expiresIn: "7d", ...scope });
  const ask = async (credential: object) =>
    route.authorize({
      method: "GET",
      target: "/a",
      authorization: `L402 ${credential}`,
      headers: () => new Headers(),
    });
  /** The grant of a request that was answered; undefined for one that was refused. */
  const use = async (credential: object, status = 200): Promise<Grant | undefined> => {
    const decision = await ask(credential);
    if (!decision.granted) return undefined;
    await decision.finish(status);
    return decision.grant;
  };
  return { clock, store, paywall, mint, ask, use };
}

test("a refund gives the use back, once, and the journal says so", async () => {
  const { mint, use, store } = world();
  const credential = mint({ maxUses: 1, budget: "100 sat" });
  const grant = (await use(credential))!;
  expect(await use(credential)).toBeUndefined();
  expect(await grant.refund()).toBe(true);
  expect(await grant.refund()).toBe(false);
  expect(await use(credential)).toBeDefined();
  expect(await use(credential)).toBeUndefined();
  const notes = (await store.journal(0, 100)).filter(({ event }) => event.type === "note");
  expect(notes).toHaveLength(1);
});

test("the owner gives a use back by its id, and a part of its price", async () => {
  const { mint, use, paywall } = world();
  const credential = mint({ budget: "30 sat" });
  const grants = [await use(credential), await use(credential), await use(credential)];
  expect(await use(credential)).toBeUndefined();
  const [first, second] = grants.map((grant) => grant!.useId!);
  expect(await paywall.refund(first!, "4 sat")).toBe(true);
  expect(await use(credential)).toBeUndefined();
  expect(await paywall.refund(first!, "6 sat")).toBe(false);
  expect(await paywall.refund(second!, "6 sat")).toBe(true);
  expect(await use(credential)).toBeDefined();
  expect(await use(credential)).toBeUndefined();
});

describe("nothing is given back", () => {
  test("of a use that was released, or still runs, or that nothing counted", async () => {
    const { mint, use, ask } = world();
    const credential = mint({ maxUses: 2, budget: "100 sat" });
    expect(await (await use(credential, 500))!.refund()).toBe(false);
    const running = await ask(credential);
    if (!running.granted) throw running.error;
    expect(await running.grant.refund()).toBe(false);
    await running.finish(200);
    expect(await running.grant.refund()).toBe(true);
    const free = world({ price: "0 sat" });
    const served = (await free.use(free.mint({ budget: "1 sat" })))!;
    expect(served.useId).toBeUndefined();
    expect(await served.refund()).toBe(false);
  });

  test.each([
    ["more than was spent", "11 sat"],
    ["nothing", "0 sat"],
    ["another unit", "0.01 usd"],
    ["no amount", "ten"],
  ])("for %s", async (_, amount) => {
    const { mint, use } = world();
    const grant = (await use(mint({ budget: "100 sat" })))!;
    await expect(grant.refund(amount as "1 sat")).rejects.toThrow(TypeError);
    expect(await grant.refund("10 sat")).toBe(true);
  });

  test("for what is no id of a use", async () => {
    const { paywall } = world();
    for (const id of ["", "use.", "payment.1@2", "use.a@-1", "use.a"])
      await expect(paywall.refund(id)).rejects.toThrow(TypeError);
    expect(await paywall.refund("use.service.abc.000000000001@1900000000000")).toBe(false);
  });

  test("once the credential has ended", async () => {
    const { mint, use, clock } = world();
    const grant = (await use(mint({ budget: "100 sat" })))!;
    clock.now += 8 * 86_400;
    expect(await grant.refund()).toBe(false);
  });
});

test("what a sub-agent gets back is its own and its ancestors', and nobody else's", async () => {
  const { mint, use } = world();
  const root = mint({ maxUses: 2, budget: "100 sat" });
  const one = root.delegate({ agent: "one", maxUses: 1 });
  const other = root.delegate({ agent: "other", maxUses: 1 });
  const grant = (await use(one))!;
  expect(await use(other)).toBeDefined();
  expect(await grant.refund()).toBe(true);
  expect(await use(other)).toBeUndefined();
  expect(await use(one)).toBeDefined();
  expect(await use(root)).toBeUndefined();
});

test("a refund in a window ends with it", async () => {
  const { mint, use, clock } = world();
  const credential = mint({ maxUsesPerHour: 1, budget: "1000 sat" });
  const grant = (await use(credential))!;
  expect(await grant.refund()).toBe(true);
  expect(await use(credential)).toBeDefined();
  expect(await use(credential)).toBeUndefined();
  clock.now += 2 * 3600;
  expect(await use(credential)).toBeDefined();
  expect(await use(credential)).toBeUndefined();
});

test("no history of uses and refunds serves more than was bought", async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("use" as const), status: fc.constantFrom(200, 500) }),
    fc.record({ type: fc.constant("refund" as const), of: fc.nat(20), part: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { mint, use } = world();
      const credential = mint({ budget: "50 sat", maxUses: 4 });
      const served: { readonly grant: Grant; left: number; isRefunded: boolean }[] = [];
      for (const one of steps) {
        if (one.type === "use") {
          const grant = await use(credential, one.status);
          if (grant !== undefined && one.status === 200)
            served.push({ grant, left: 10, isRefunded: false });
        } else {
          const use = served[one.of];
          if (use === undefined) continue;
          const given = await use.grant.refund(one.part ? "5 sat" : undefined);
          expect(given).toBe(use.left === 10);
          if (given) use.left = one.part ? 5 : 0;
          if (given && !one.part) use.isRefunded = true;
        }
        expect(served.reduce((sum, { left }) => sum + left, 0)).toBeLessThanOrEqual(50);
        expect(served.filter(({ isRefunded }) => !isRefunded).length).toBeLessThanOrEqual(4);
      }
    }),
    { numRuns: 60 },
  );
});

describe("a refund of a free request", () => {
  const FREE = { price: "10 sat", free: { requests: 2, per: "day" } } as const;
  const byAddress = (world: ReturnType<typeof open>) => async () => {
    const decision = await world.route.authorize({
      ...{ method: "GET", target: "/a", authorization: null, clientAddress: "192.0.2.1" },
      headers: () => new Headers(),
    });
    if (!decision.granted) return undefined;
    await decision.finish(200);
    return decision.grant;
  };
  const open = (terms: Terms) => {
    const made = world(terms);
    return { ...made, route: made.paywall.route(terms) };
  };

  test.each(["address", "credential"] as const)("gives it back, once, by %s", async (by) => {
    const made = open({ ...FREE, free: { ...FREE.free, by } });
    const credential = made.mint({ agent: "a", budget: "1 sat" });
    const use = by === "address" ? byAddress(made) : () => made.use(credential);
    const grant = (await use())!;
    expect(await use()).toBeDefined();
    expect(await use()).toBeUndefined();
    expect(await grant.refund()).toBe(true);
    expect(await grant.refund()).toBe(false);
    expect(await use()).toBeDefined();
    expect(await use()).toBeUndefined();
  });

  test("of a day that is over gives nothing back, and says so", async () => {
    const made = open(FREE);
    const grant = (await byAddress(made)())!;
    made.clock.now += 86_400;
    expect(await grant.refund()).toBe(false);
  });

  test("gives a use back that its holder narrowed the credential to", async () => {
    const made = open({ ...FREE, free: { requests: 9, per: "day", by: "credential" } });
    const credential = made.mint({ maxUses: 1 });
    const grant = (await made.use(credential))!;
    expect(await made.use(credential)).toBeUndefined();
    made.clock.now += 86_400;
    expect(await grant.refund()).toBe(true);
    expect(await made.use(credential)).toBeDefined();
  });
});
