/** A paywall keeps its books bounded, and serves no use twice for it. [cases 88, 109] */
import { expect, onTestFinished, test, vi } from "vitest";
import { msat } from "../amount.ts";
import { MemoryStore } from "../stores/memory.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import { killedPaywall, LOCATION, request, START } from "./fixtures/killed-paywall.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;
const DAY = 86_400;

const stores = {
  memory: async () => new MemoryStore({ journal: true }),
  ...(hasSqlite && { SQLite: () => openSqliteStore(":memory:") }),
};

test.each(Object.entries(stores))(
  "a paywall on the %s store folds uses that are a day old, and grants none of them again",
  async (_name, open) => {
    const store = await open();
    onTestFinished(() => store.close());
    const time = { now: START };
    const build = () => killedPaywall({ store, clock: () => time.now });
    const outcome = async (paywall: ReturnType<typeof build>, credential: string) => {
      const decision = await paywall.authorize(request(credential));
      if (!decision.granted) return decision.error?.code;
      await decision.finish(200);
      return "granted";
    };
    const first = build();
    const mint = (expiresIn: "1h" | "30d") =>
      first.authority.minter
        .mint({ endpoints: [`GET ${LOCATION}/**`], expiresIn, maxUses: 1 })
        .toString();
    const [short, long, next] = [mint("1h"), mint("30d"), mint("30d")];
    expect([await outcome(first, short), await outcome(first, long)]).toEqual([
      "granted",
      "granted",
    ]);
    // Another process, so that time has passed by its clock too.
    time.now += 2 * DAY;
    const second = build();
    expect(await outcome(second, next)).toBe("granted");
    time.now += 61;
    expect(await outcome(second, long)).toBe("ERR_USES");
    expect(await outcome(second, mint("30d"))).toBe("granted");
    await vi.waitFor(async () => expect((await store.checkpoint()).entries).toBe(4));
    expect((await store.counters("", 100)).length).toBe(3);
    // The clock is set back to where both are valid.
    time.now = START + 60;
    expect(await outcome(build(), short)).toBe("ERR_USES");
    expect(await outcome(build(), long)).toBe("ERR_USES");
  },
);

test("a paywall takes a ledger that cannot be folded, and refuses to keep too little", async () => {
  const ledger = {
    shared: false,
    reserve: async () => ({ reserved: true }) as const,
    commit: async () => ({ outcome: "committed", amount: msat(0n), uses: 1n }) as const,
    release: async () => ({ outcome: "released", amount: msat(0n), uses: 0n }) as const,
    usage: async () => [],
    abandoned: async () => [],
  };
  const paywall = killedPaywall({ store: ledger });
  const credential = paywall.authority.minter
    .mint({ endpoints: [`GET ${LOCATION}/**`], expiresIn: "1h", maxUses: 1 })
    .toString();
  expect((await paywall.authorize(request(credential))).granted).toBe(true);
  expect(() => killedPaywall({ keep: "5m" })).toThrow('keep must be "1h" or more');
});
