/** A paywall that was killed with requests under way leaves no use reserved for ever. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
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

test("in a shared store a paywall ends what its own name left under way, and nothing of another", async () => {
  const left = async (instance: string | undefined) => {
    const store = Object.assign(new MemoryStore(), { shared: true as boolean });
    for (const id of ["use.service.a.dead.1", "use.service.b.dead.1", "use.service..dead.1"])
      await store.reserve({ id, at: START, amount: msat(1n), uses: 1n, counted: [] });
    const paywall = killedPaywall({ store, ...(instance !== undefined && { instance }) });
    await paywall.ready();
    return (await store.abandoned(Number.MAX_SAFE_INTEGER)).map(({ id }) => id);
  };
  expect(await left("a")).toEqual(["use.service.b.dead.1", "use.service..dead.1"]);
  expect(await left("c")).toHaveLength(3);
  expect(await left(undefined)).toHaveLength(3);
  for (const instance of ["", "a.b", "x".repeat(65)])
    expect(() => killedPaywall({ instance })).toThrow(TypeError);
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
