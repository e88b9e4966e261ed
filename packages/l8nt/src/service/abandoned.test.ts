/** A paywall that was killed with requests under way leaves no use reserved for ever. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { msat } from "../amount.ts";
import type { Scope } from "../caveat/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import { killedPaywall, LOCATION, request, START } from "./fixtures/killed-paywall.ts";
import type { Paywall } from "./index.ts";

// Node 20 has no SQLite of its own.
const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;
const CHILD = resolve(import.meta.dirname, "fixtures/paywall-child.ts");

/** Runs a service until `times` requests with each credential are under way, and kills it. */
async function killWith(path: string, times: number, credentials: readonly string[]) {
  const child = fork(CHILD, [path, String(times), ...credentials], {
    execArgv: ["--no-warnings"],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout!, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function outcome(paywall: Paywall, credential: string): Promise<string> {
  const decision = await paywall.authorize(request(credential));
  if (!decision.granted) return decision.error?.code ?? "answered";
  await decision.finish(200);
  return "granted";
}

test.skipIf(!hasSqlite)(
  "a killed paywall's requests count as used after its restart, and a window frees itself [case 89]",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sigil-killed-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "uses.db");
    const minting = killedPaywall({});
    const mint = (scope: Scope) =>
      minting.authority.minter
        .mint({ endpoints: [`GET ${LOCATION}/**`], expiresIn: "1h", ...scope })
        .toString();
    const rate = mint({ maxUsesPerMinute: 6, budget: "1000 sat" });
    const uses = mint({ maxUses: 7, budget: "1000 sat" });
    const budget = mint({ budget: "70 sat" });
    await killWith(path, 5, [rate, uses, budget]);

    const store = await openSqliteStore(path);
    onTestFinished(() => store.close());
    const time = { now: START };
    const paywall = killedPaywall({ store, clock: () => time.now });
    await paywall.ready();
    expect(await store.abandoned(Number.MAX_SAFE_INTEGER)).toEqual([]);
    const twice = async (credential: string) => [
      await outcome(paywall, credential),
      await outcome(paywall, credential),
      await outcome(paywall, credential),
    ];
    // The sixth use of the rate was given back by the service before it was killed.
    expect(await twice(rate)).toEqual(["granted", "ERR_USES", "ERR_USES"]);
    expect(await twice(uses)).toEqual(["granted", "granted", "ERR_USES"]);
    expect(await twice(budget)).toEqual(["granted", "granted", "ERR_BUDGET"]);
    time.now += 61;
    expect(await twice(rate)).toEqual(["granted", "granted", "granted"]);
  },
);

describe("in a store that several processes share", () => {
  /** Two paywalls of one service on one store; one of them may be dead. */
  async function shared() {
    const store = Object.assign(new MemoryStore(), { shared: true as boolean });
    const time = { now: START };
    const build = () => killedPaywall({ store, clock: () => time.now });
    const living = build();
    const credential = living.authority.minter
      .mint({
        endpoints: [`GET ${LOCATION}/**`],
        expiresIn: "9h",
        maxUsesPerMinute: 1,
        budget: "99 sat",
      })
      .toString();
    const open = async () => (await store.abandoned(Number.MAX_SAFE_INTEGER)).length;
    return { store, time, build, living, credential, open };
  }

  test("a start ends no use of a process that may live, and the use is given back", async () => {
    const { time, build, living, credential, open } = await shared();
    const running = await living.authorize(request(credential));
    if (!running.granted) throw running.error;
    time.now += 899;
    const other = build();
    await other.ready();
    expect(await outcome(other, credential)).toBe("ERR_USES");
    expect(await open()).toBe(1);
    await running.finish(500);
    expect(await outcome(other, credential)).toBe("granted");
  });

  test("a use whose answer has not begun after 15 minutes is consumed, and a window frees itself", async () => {
    const { time, build, living: killed, credential, open } = await shared();
    const other = build();
    expect((await killed.authorize(request(credential))).granted).toBe(true);
    for (const seconds of [61, 838]) {
      time.now += seconds;
      expect(await outcome(other, credential)).toBe("ERR_USES");
      expect(await open()).toBe(1);
    }
    time.now += 60;
    expect(await outcome(other, credential)).toBe("ERR_USES");
    await vi.waitFor(async () => expect(await open()).toBe(0));
    time.now += 61;
    expect(await outcome(other, credential)).toBe("granted");
  });

  test("a start ends what is older than 15 minutes, and leaves other reservations alone", async () => {
    const { store, time, build, credential, living: killed } = await shared();
    expect((await killed.authorize(request(credential))).granted).toBe(true);
    const of = { at: START, amount: msat(1n), uses: 1n, counted: [] };
    for (const id of ["use.treasury.one.1", "payment"]) await store.reserve({ id, ...of });
    time.now += 901;
    await build().ready();
    const left = await store.abandoned(Number.MAX_SAFE_INTEGER);
    expect(left.map(({ id }) => id)).toEqual(["use.treasury.one.1", "payment"]);
  });

  test("a late answer of a process that lives counts as it was counted", async () => {
    const { time, build, living, credential, open } = await shared();
    const slow = await living.authorize(request(credential));
    if (!slow.granted) throw slow.error;
    time.now += 901;
    await build().ready();
    expect(await open()).toBe(0);
    await slow.finish(500);
    expect(await outcome(living, credential)).toBe("ERR_USES");
  });
});

describe("of processes that say that they live", () => {
  const BEAT = 10;

  /** Paywalls as if each were a process of its own, on one shared store with a clock of its own. */
  async function fleet() {
    const time = { now: START };
    const store = Object.assign(new MemoryStore(), {
      shared: true as boolean,
      now: async () => time.now,
    });
    const start = async (clockApart = 0) => {
      vi.resetModules();
      const { killedPaywall: build } = await import("./fixtures/killed-paywall.ts");
      const paywall = build({ store, clock: () => time.now + clockApart });
      await paywall.ready();
      await paywall.heartbeat();
      return paywall;
    };
    /** Each of them beats until so many seconds have passed. Returns how many uses they ended. */
    const beat = async (seconds: number, ...paywalls: Paywall[]) => {
      let ended = 0;
      for (let passed = 0; passed < seconds; passed += BEAT) {
        time.now += BEAT;
        for (const paywall of paywalls) ended += await paywall.heartbeat();
      }
      return ended;
    };
    const open = async () => (await store.abandoned(Number.MAX_SAFE_INTEGER)).length;
    const mint = (paywall: Paywall) =>
      paywall.authority.minter
        .mint({ endpoints: [`GET ${LOCATION}/**`], expiresIn: "9h", budget: "20 sat" })
        .toString();
    const serve = async (paywall: Paywall, credential = mint(paywall)) => {
      const running = await paywall.authorize(request(credential));
      if (!running.granted) throw running.error;
      return running;
    };
    return { time, store, start, beat, open, serve, mint };
  }

  test.each([0, 600, -600])(
    "a dead one's uses count within a minute, whatever its clock says (%i s)",
    async (apart) => {
      const { start, beat, open, serve } = await fleet();
      const [living, dead] = [await start(), await start(apart)];
      await beat(120, living, dead);
      await serve(dead);
      expect(await beat(40, living)).toBe(0);
      expect(await open()).toBe(1);
      expect(await beat(20, living)).toBe(1);
      expect(await open()).toBe(0);
    },
  );

  test.each([0, 600, -600])(
    "a slow answer of one that lives is left alone for an hour, at starts too (%i s)",
    async (apart) => {
      const { start, beat, open, serve } = await fleet();
      const [living, slow] = [await start(), await start(apart)];
      const running = await serve(slow);
      expect(await beat(3600, living, slow)).toBe(0);
      await start();
      expect(await open()).toBe(1);
      await running.finish(500);
      expect(await open()).toBe(0);
    },
  );

  test("one that starts, or that could not ask for long, hears all of them before it judges", async () => {
    const { time, start, beat, open, serve } = await fleet();
    const [one, slow] = [await start(), await start()];
    await beat(120, one, slow);
    await serve(slow);
    // The database was away, for both.
    time.now += 300;
    expect(await one.heartbeat()).toBe(0);
    const fresh = await start();
    expect(await beat(20, one, fresh)).toBe(0);
    expect(await slow.heartbeat()).toBe(0);
    expect(await beat(300, one, fresh, slow)).toBe(0);
    expect(await open()).toBe(1);
    expect(await beat(60, fresh)).toBe(1);
  });

  test.each(["a start", "a limit that is used up"])(
    "%s after the database was away ends no long answer of one that lives",
    async (what) => {
      const { time, start, beat, open, serve, mint } = await fleet();
      const [one, slow] = [await start(), await start()];
      const credential = mint(one);
      await beat(20, one, slow);
      await serve(slow, credential);
      await beat(1000, one, slow);
      time.now += 60;
      if (what === "a start") await start();
      else
        for (const expected of ["granted", "ERR_BUDGET"])
          expect(await outcome(one, credential)).toBe(expected);
      await new Promise(setImmediate);
      expect(await open()).toBe(1);
    },
  );

  test("two that find a dead one's use count it once", async () => {
    const { time, start, beat, open, serve, mint } = await fleet();
    const [one, two, dead] = [await start(), await start(), await start()];
    const credential = mint(one);
    await beat(60, one, two, dead);
    await serve(dead, credential);
    await beat(40, one, two);
    time.now += BEAT;
    await Promise.all([one.heartbeat(), two.heartbeat()]);
    expect(await open()).toBe(0);
    expect(await outcome(one, credential)).toBe("granted");
    expect(await outcome(two, credential)).toBe("ERR_BUDGET");
  });

  test("one that was taken for dead is told what was spent, and spends no more", async () => {
    const { start, beat, serve, mint } = await fleet();
    const [one, cutOff] = [await start(), await start()];
    const credential = mint(one);
    const running = await serve(cutOff, credential);
    expect(await beat(120, one)).toBe(1);
    running.grant.release();
    expect(await running.finish(200)).toEqual(msat(10_000n));
    const other = await serve(one, credential);
    expect(await other.finish(200)).toEqual(msat(10_000n));
    expect(await outcome(one, credential)).toBe("ERR_BUDGET");
  });

  test("one that never said so is judged by age, and one that fell silent by those that hear", async () => {
    const { time, store, start, beat, open, serve } = await fleet();
    const living = await start();
    vi.resetModules();
    const { killedPaywall: build } = await import("./fixtures/killed-paywall.ts");
    const dumb = () => build({ store, clock: () => time.now });
    await serve(dumb());
    const dead = await start();
    await serve(dead);
    time.now += 901;
    expect(await open()).toBe(2);
    await dumb().ready();
    expect(await open()).toBe(1);
    expect(await beat(60, living)).toBe(1);
  });

  test.each([901, 3_600, 80_000])(
    "a start after the database was away for %i s ends no answer of one that lives",
    async (away) => {
      const { time, start, beat, open, serve } = await fleet();
      const [one, slow] = [await start(), await start()];
      await beat(60, one, slow);
      const running = await serve(slow);
      time.now += away;
      const fresh = await start();
      expect(await open()).toBe(1);
      expect(await beat(120, fresh, one, slow)).toBe(0);
      await running.finish(500);
      expect(await open()).toBe(0);
    },
  );

  test("a start that nobody else hears ends what is left after a day", async () => {
    const { time, store, start, open, serve } = await fleet();
    await serve(await start());
    vi.resetModules();
    const { killedPaywall: build } = await import("./fixtures/killed-paywall.ts");
    for (const left of [1, 0]) {
      time.now += 43_201;
      await build({ store, clock: () => time.now }).ready();
      expect(await open()).toBe(left);
    }
  });

  test("the words of the long dead are removed, once everybody was heard, and no others", async () => {
    const { time, store, start, beat, open, serve } = await fleet();
    const { setFact } = store;
    const words = new Set<string>();
    store.setFact = (name, value) => {
      if (name.startsWith("alive ")) words.add(name);
      return setFact.call(store, name, value);
    };
    const kept = async () => {
      const all = await Promise.all([...words].map((name) => store.fact(name)));
      return all.filter((word) => word !== undefined).length;
    };
    for (let death = 0; death < 3; death++) await start();
    const [one, slow] = [await start(), await start()];
    expect(await kept()).toBe(5);
    await beat(7_200, one, slow);
    const running = await serve(slow);
    // Nobody says anything: the database is away.
    time.now += 86_400;
    expect(await one.heartbeat()).toBe(0);
    const fresh = await start();
    expect(await kept()).toBe(6);
    expect(await beat(60, one, slow, fresh)).toBe(0);
    expect(await kept()).toBe(3);
    expect(await open()).toBe(1);
    await running.finish(500);
  });

  test("a store of one process, and one without a clock of its own, have nothing to hear", async () => {
    for (const shared of [true, false]) {
      const store = Object.assign(new MemoryStore(), { shared });
      expect(await killedPaywall({ store }).heartbeat()).toBe(0);
    }
  });
});

test("a second paywall on the same store in one process leaves the first one's requests alone", async () => {
  const store = new MemoryStore();
  const first = killedPaywall({ store });
  const credential = first.authority.minter
    .mint({ endpoints: [`GET ${LOCATION}/**`], expiresIn: "1h", maxUses: 1, budget: "10 sat" })
    .toString();
  const decision = await first.authorize(request(credential));
  if (!decision.granted) throw decision.error;
  const second = killedPaywall({ store });
  await second.ready();
  await decision.finish(500);
  expect(await outcome(second, credential)).toBe("granted");
});

test("a store that fails at the start is told to the operator, and asked again by `ready`", async () => {
  const store = new MemoryStore();
  const { abandoned } = store;
  store.abandoned = () => Promise.reject(new Error("the disk is gone"));
  const alarms: unknown[] = [];
  const paywall = killedPaywall({ store, alarm: (_, cause) => alarms.push(cause) });
  await expect(paywall.ready()).rejects.toMatchObject({ code: "ERR_STORE" });
  expect(alarms).toMatchObject([{ code: "ERR_STORE" }]);
  store.abandoned = abandoned;
  await paywall.ready();
});
