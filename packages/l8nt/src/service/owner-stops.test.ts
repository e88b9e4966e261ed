/** Freezes, thaws and top-ups at a paywall, and at another one on the same log. */
import { afterEach, describe, expect, test } from "vitest";
import type { Credential } from "../credential/index.ts";
import type { Store } from "../ports/store.ts";
import { MemoryStore } from "../stores/memory.ts";
import { Paywall } from "./index.ts";

const ORIGIN = "https://api.example";
const SECRET = "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4";
const paywalls: Paywall[] = [];
afterEach(() => {
  for (const paywall of paywalls.splice(0)) paywall.close();
});

function world(store: Store = new MemoryStore({ journal: true }), freezes = true) {
  const time = { now: 1_900_000_000 };
  const paywall = new Paywall({
    secret: SECRET,
    location: ORIGIN,
    store,
    revocations: { store, freezes, maxSilence: "1h" },
    clock: () => time.now,
    alarm: () => {},
  });
  paywalls.push(paywall);
  const route = paywall.route({ metered: true });
  const { minter, verifier } = paywall.authority;
  return {
    ...{ paywall, store, time, verifier },
    mint: () => minter.mint({ endpoints: [`* ${ORIGIN}/**`], expiresIn: "1h", budget: "1 usd" }),
    id: (credential: Credential) => verifier.authenticate(credential).node.id,
    asked: async (credential: Credential, value = 1n) => {
      const decision = await route.authorize({
        method: "POST",
        target: "/a",
        authorization: `L402 ${credential}`,
        headers: () => new Headers(),
        price: { unit: "usd_micro", value },
      });
      return decision.granted ? decision : (decision as { error: { code: string } }).error.code;
    },
  };
}

const granted = expect.objectContaining({ granted: true });

describe("a freeze", () => {
  test("of a node denies it and what is below it, until it is thawed", async () => {
    const { paywall, mint, id, asked } = world();
    await paywall.ready();
    const root = mint();
    const child = root.delegate({ agent: "scout" });
    const below = child.delegate({ agent: "aide" });
    await paywall.freeze(id(child), "it spends too much");
    expect(await Promise.all([root, child, below].map((key) => asked(key)))).toEqual([
      granted,
      "ERR_FROZEN",
      "ERR_FROZEN",
    ]);
    await paywall.thaw(id(child));
    expect(await asked(below)).toEqual(granted);
  });

  test("of everything stops every key, and a thaw of one node ends it for none", async () => {
    const { paywall, mint, id, asked } = world();
    await paywall.ready();
    const [one, other] = [mint(), mint()];
    await paywall.freeze();
    await paywall.thaw(id(one));
    expect(await Promise.all([asked(one), asked(other)])).toEqual(["ERR_FROZEN", "ERR_FROZEN"]);
    await paywall.thaw();
    expect(await asked(one)).toEqual(granted);
  });

  test.each(["the node", "a node above it", "everything"])(
    "of %s ends answers that are under way, and no others",
    async (which) => {
      const { paywall, mint, id, verifier } = world();
      await paywall.ready();
      const root = mint();
      const child = root.delegate({ agent: "scout" });
      const below = child.delegate({ agent: "aide" });
      const ended: string[] = [];
      verifier.authenticate(below).watch(() => ended.push("below"));
      verifier.authenticate(mint()).watch(() => ended.push("stranger"));
      const node = { "the node": id(below), "a node above it": id(child) }[which];
      await paywall.freeze(node);
      expect(ended).toEqual(node === undefined ? ["below", "stranger"] : ["below"]);
      // And what begins to wait afterwards.
      verifier.authenticate(below).watch(() => ended.push("late"));
      expect(ended.at(-1)).toBe("late");
    },
  );

  test("is in force at another paywall on the log, and after a restart", async () => {
    const first = world();
    const second = world(first.store);
    await Promise.all([first.paywall.ready(), second.paywall.ready()]);
    const key = first.mint();
    await first.paywall.freeze(first.id(key));
    await expect.poll(() => second.asked(key)).toBe("ERR_FROZEN");
    const third = world(first.store);
    await third.paywall.ready();
    expect(await third.asked(key)).toBe("ERR_FROZEN");
  });

  test("of a log that is also a treasury's counts only at a paywall that was told so", async () => {
    const { paywall, store, mint, asked } = world(new MemoryStore(), false);
    await store.addDirective({ kind: "freeze", nodeId: "*", at: 0 });
    await paywall.ready();
    expect(await asked(mint())).toEqual(granted);
    await expect(paywall.freeze()).rejects.toThrow("freezes: true");
  });

  test("is refused for what is no node", async () => {
    const { paywall } = world();
    await expect(paywall.freeze("scout")).rejects.toThrow(TypeError);
  });
});

describe("a top-up", () => {
  test("lets a key spend more until it ends, and is in the journal", async () => {
    const { paywall, store, time, mint, id, asked } = world();
    await paywall.ready();
    const key = mint();
    expect(await asked(key, 1_500_000n)).toBe("ERR_BUDGET");
    await paywall.topUp(id(key), { amount: "1 usd", until: time.now + 60, reason: "a demo" });
    const grant = await asked(key, 1_500_000n);
    expect(grant).toEqual(granted);
    expect(await asked(key, 600_000n)).toBe("ERR_BUDGET");
    expect(await asked(key, 400_000n)).toEqual(granted);
    const entries = await store.journal(0, 100);
    expect(entries.map(({ event }) => event)).toContainEqual({
      type: "directive",
      kind: "top-up",
      nodeId: id(key),
      reason: "1 usd until 2030-03-17 17:47:40 UTC: a demo",
    });
    time.now += 60;
    expect(await asked(key)).toBe("ERR_BUDGET");
  });

  test("that ends while an answer is under way does not take back what was reserved", async () => {
    const { paywall, store, time, mint, id, asked, verifier } = world();
    await paywall.ready();
    const key = mint();
    await paywall.topUp(id(key), { amount: "1 usd", until: time.now + 60 });
    const decision = await asked(key, 1_800_000n);
    if (typeof decision === "string") throw new Error(decision);
    time.now += 61;
    decision.grant.settle("1.7 usd");
    await decision.finish(200);
    const [usage] = await store.usage([verifier.authenticate(key).limits[0]!.counted], time.now);
    expect(usage).toMatchObject({ used: 1_700_000n, reserved: 0n });
  });

  test("of a child lets it spend no more than is left above it", async () => {
    const { paywall, time, mint, id, asked } = world();
    await paywall.ready();
    const root = mint();
    const child = root.delegate({ agent: "scout", budget: "0.1 usd" });
    await paywall.topUp(id(child), { amount: "5 usd", until: time.now + 60 });
    expect(await asked(child, 1_000_001n)).toBe("ERR_BUDGET");
    expect(await asked(child, 1_000_000n)).toEqual(granted);
    expect(await asked(root)).toBe("ERR_BUDGET");
  });

  test("is refused of many at once beyond the raised limit", async () => {
    const { paywall, time, mint, id, asked } = world();
    await paywall.ready();
    const key = mint();
    await paywall.topUp(id(key), { amount: "1 usd", until: time.now + 60 });
    const all = await Promise.all(Array.from({ length: 50 }, () => asked(key, 100_000n)));
    expect(all.filter((one) => typeof one !== "string")).toHaveLength(20);
  });

  test.each([
    ["an end that is past", { amount: "1 usd", until: 1_900_000_000 }],
    ["an end that is no time", { amount: "1 usd", until: Number.NaN }],
    ["nothing", { amount: "0 usd", until: 1_900_000_060 }],
    ["an amount without a unit", { amount: "1" as "1 usd", until: 1_900_000_060 }],
  ] as const)("is refused with %s", async (_what, options) => {
    const { paywall, mint, id } = world();
    await expect(paywall.topUp(id(mint()), options)).rejects.toThrow(TypeError);
    await expect(paywall.topUp("*", { amount: "1 usd", until: 1_900_000_060 })).rejects.toThrow(
      TypeError,
    );
  });
});
