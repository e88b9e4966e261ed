/** A ledger whose store fails, hangs, and writes without an answer. */
import { AdapterError } from "l8nt";
import type { Amount } from "l8nt/invoice";
import type { Ledger } from "l8nt/ports";
import { MemoryStore } from "l8nt/stores/memory";
import { describe, expect, test } from "vitest";
import { SteadyLedger, type Timer } from "./steady-ledger.ts";

const AT = 1_900_000_000;
const limit = { id: "a", kind: "spend", unit: "usd_micro", max: 100n } as const;
const usd = (value: bigint): Amount => ({ unit: "usd_micro", value });
const order = (id: string, value = 40n) => ({
  ...{ id, at: AT, amount: usd(value), uses: 1n, counted: [limit] },
});

/** How the store treats a call. `unanswered`: it is done all the same. */
const TROUBLES = [
  ...(["fails", "unanswered", "hangs", "hangs, and does it"] as const),
  ...(["does it late", "answers late"] as const),
] as const;
type Health = "well" | (typeof TROUBLES)[number];

function world() {
  const store = new MemoryStore();
  const calls: string[] = [];
  const state: { health: Health } = { health: "well" };
  /** Ends the calls that hang. */
  const hanging: (() => void)[] = [];
  const lost = () => new AdapterError("ERR_STORE", "lost");
  const treated = async <Answer>(name: string, call: () => Promise<Answer>): Promise<Answer> => {
    calls.push(name);
    const { health } = state;
    if (health === "well") return call();
    const isDone = ["unanswered", "hangs, and does it", "answers late"].includes(health);
    const answer = isDone ? await call() : undefined;
    if (!["fails", "unanswered"].includes(health))
      await new Promise<void>((resolve) => {
        hanging.push(resolve);
      });
    if (health === "does it late") return call();
    if (health === "answers late") return answer!;
    throw lost();
  };
  const sick: Ledger = {
    shared: true,
    reserve: (reservation) => treated("reserve", () => store.reserve(reservation)),
    commit: (...given) => treated("commit", () => store.commit(...given)),
    release: (...given) => treated("release", () => store.release(...given)),
    usage: (...given) => treated("usage", () => store.usage(...given)),
    abandoned: (before) => store.abandoned(before),
  };
  const timers = new Set<{ readonly ms: number; readonly call: () => void }>();
  const timer: Timer = (ms, call) => {
    const one = { ms, call };
    timers.add(one);
    return () => timers.delete(one);
  };
  const alarms: string[] = [];
  const ledger = new SteadyLedger(sick, { timer, alarm: (what) => alarms.push(what) });
  const turns = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    ...{ ledger, store, calls, alarms, turns },
    set: (health: Health) => {
      state.health = health;
    },
    /** Lets every timer of that length ring, and what follows happen. */
    async passes(ms: 1000 | 5000): Promise<void> {
      await turns();
      for (const one of [...timers])
        if (one.ms === ms) {
          timers.delete(one);
          one.call();
        }
      await turns();
    },
    async wakes(): Promise<void> {
      for (const wake of hanging.splice(0)) wake();
      await turns();
    },
    async counted() {
      const [usage] = await store.usage([limit], AT);
      return [usage!.used, usage!.reserved];
    },
  };
}

const AWAY = { code: "ERR_STORE" };

describe.each<Health>(["fails", "unanswered"])("while the store %s", (health) => {
  test("an end that it does not take is written once it is back, and counts once", async () => {
    const { ledger, set, counted, passes } = world();
    await ledger.reserve(order("one"));
    await ledger.reserve(order("two"));
    set(health);
    expect(await ledger.commit("one", usd(25n), AT)).toMatchObject({ outcome: "committed" });
    expect(await ledger.release("two", AT)).toMatchObject({ outcome: "released" });
    await passes(1000);
    expect(ledger.unwritten).toBe(2);
    set("well");
    await passes(1000);
    expect(ledger.unwritten).toBe(0);
    expect(await counted()).toEqual([25n, 0n]);
  });

  test("a reservation is refused, and what it may have held is given back", async () => {
    const { ledger, set, counted, passes } = world();
    set(health);
    await expect(ledger.reserve(order("one"))).rejects.toMatchObject(AWAY);
    set("well");
    await passes(1000);
    expect(await counted()).toEqual([0n, 0n]);
  });

  test("it is asked by one request a second, and by all once it answers", async () => {
    const { ledger, set, calls, passes } = world();
    set(health);
    const ask = (name: string) =>
      Promise.allSettled([1, 2, 3].map((nth) => ledger.reserve(order(`${name}${nth}`, 1n))));
    const reserved = () => calls.filter((name) => name === "reserve").length;
    await expect(ledger.reserve(order("zero"))).rejects.toMatchObject(AWAY);
    await ask("a");
    expect(reserved()).toBe(1);
    await passes(1000);
    await ask("b");
    expect(reserved()).toBe(2);
    set("well");
    await passes(1000);
    expect((await ask("c")).map(({ status }) => status)).toEqual([
      ...["fulfilled", "rejected", "rejected"],
    ]);
    expect((await ask("d")).map(({ status }) => status)).toEqual(Array(3).fill("fulfilled"));
  });
});

describe.each<Health>(["hangs", "hangs, and does it"])("while the store %s", (health) => {
  test("a reservation is refused in 5 s, and others at once", async () => {
    const { ledger, set, counted, passes, wakes, calls } = world();
    set(health);
    const first = expect(ledger.reserve(order("one"))).rejects.toMatchObject(AWAY);
    await passes(5000);
    await first;
    await expect(ledger.reserve(order("two"))).rejects.toMatchObject(AWAY);
    await expect(ledger.usage([limit], AT)).rejects.toMatchObject(AWAY);
    expect(calls).toEqual(["reserve"]);
    await wakes();
    set("well");
    await passes(1000);
    expect(await counted()).toEqual([0n, 0n]);
    expect(await ledger.reserve(order("three"))).toEqual({ reserved: true });
  });

  test("an answer waits 5 s for its end to be written, which is done later", async () => {
    const { ledger, set, counted, passes, wakes } = world();
    await ledger.reserve(order("one"));
    await ledger.reserve(order("two"));
    set(health);
    const first = ledger.commit("one", usd(25n), AT);
    await passes(5000);
    expect(await first).toMatchObject({ outcome: "committed", amount: usd(25n) });
    // Nobody waits behind it.
    expect(await ledger.commit("two", usd(30n), AT)).toMatchObject({ outcome: "committed" });
    await wakes();
    set("well");
    await passes(1000);
    await passes(1000);
    expect(await counted()).toEqual([55n, 0n]);
    expect(ledger.unwritten).toBe(0);
  });
});

describe.each(TROUBLES)("what the vendor has billed while the store %s", (health) => {
  const end = async () => {
    const made = world();
    await made.ledger.reserve(order("one"));
    made.set(health);
    const ending = made.ledger.commit("one", usd(25n), AT);
    await made.passes(5000);
    expect(await ending).toMatchObject({ outcome: "committed", amount: usd(25n) });
    return made;
  };

  test("is charged once the store is back, once", async () => {
    const { set, wakes, passes, ledger, counted } = await end();
    set("well");
    await wakes();
    for (let second = 0; second < 3; second++) await passes(1000);
    expect(ledger.unwritten).toBe(0);
    expect(await counted()).toEqual([25n, 0n]);
  });

  test("stays reserved, or is charged, if the gateway dies before it is back", async () => {
    const { store, counted } = await end();
    const open = await store.abandoned(Number.MAX_SAFE_INTEGER);
    // What the next start does with them.
    for (const { id, amount } of open) await store.commit(id, amount, AT);
    expect(await counted()).toEqual([open.length > 0 ? 40n : 25n, 0n]);
  });
});

test("a reservation that the database makes after it was given up is given back", async () => {
  const { ledger, set, store, counted, passes } = world();
  set("fails");
  await expect(ledger.reserve(order("one"))).rejects.toMatchObject(AWAY);
  set("well");
  await passes(1000);
  await store.reserve(order("one"));
  expect(await counted()).toEqual([40n, 40n]);
  await passes(1000);
  expect(await counted()).toEqual([0n, 0n]);
  for (let second = 0; second < 40; second++) await passes(1000);
  expect(ledger.unwritten).toBe(0);
});

test("what another process has charged meanwhile is charged no second time", async () => {
  const { ledger, set, store, counted, passes } = world();
  await ledger.reserve(order("one"));
  set("fails");
  await ledger.commit("one", usd(25n), AT);
  await store.commit("one", usd(40n), AT);
  set("well");
  await passes(1000);
  expect(await counted()).toEqual([40n, 0n]);
});

test("a fault that is not of the store is thrown, and stops nobody else", async () => {
  const { ledger, alarms } = world();
  await expect(ledger.commit("nothing", usd(1n), AT)).rejects.toThrow(TypeError);
  await expect(ledger.reserve(order("one", -1n))).rejects.toThrow(TypeError);
  expect(await ledger.reserve(order("two"))).toEqual({ reserved: true });
  expect(alarms).toEqual([]);
});

test("a stop writes what is left, or says how much is lost to its worst case", async () => {
  for (const health of ["well", "fails"] as const) {
    const { ledger, set, counted, alarms } = world();
    await ledger.reserve(order("one"));
    set("fails");
    await ledger.commit("one", usd(25n), AT);
    set(health);
    await ledger.close();
    expect(await counted()).toEqual(health === "well" ? [25n, 0n] : [40n, 40n]);
    expect(alarms.some((what) => what.includes("worst case"))).toBe(health === "fails");
  }
});
