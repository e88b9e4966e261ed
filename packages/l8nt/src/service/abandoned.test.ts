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
