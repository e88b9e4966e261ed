/** A paywall keeps its books bounded, and serves no use twice for it. [cases 88, 109] */
import { expect, onTestFinished, test, vi } from "vitest";
import { msat } from "../amount.ts";
import { keyedSeal } from "../receipt/checkpoint.ts";
import { MemoryStore } from "../stores/memory.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { killedPaywall, LOCATION, request, START } from "./fixtures/killed-paywall.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;
const DAY = 86_400;

/** The clock that nobody sets. */
const monotonic = (start: number) => {
  const time = { passed: start };
  const spy = vi.spyOn(performance, "now").mockImplementation(() => time.passed * 1000);
  onTestFinished(() => spy.mockRestore());
  return time;
};

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
    const elapsed = monotonic(0);
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
    // Another process: it believes its clock as time goes on.
    time.now += 2 * DAY;
    const second = build();
    expect(await outcome(second, next)).toBe("granted");
    time.now += 61;
    elapsed.passed += DAY;
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

test.each(Object.entries(stores))(
  "a paywall on the %s store that is started thrice with a clock 40 days ahead forgets nothing, and sells and serves again once it is right",
  async (_name, open) => {
    const store = await open();
    onTestFinished(() => store.close());
    const time = { now: START };
    const elapsed = monotonic(0);
    const clock = () => time.now;
    const invoicer = new FakeInvoicer(clock);
    const pass = async (seconds: number) => {
      time.now += seconds;
      elapsed.passed += seconds;
      // Folding runs in the background.
      for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
    };
    const run = () => {
      const paywall = killedPaywall({ store, clock, invoicer });
      const use = async (credential: string) => {
        const decision = await paywall.authorize(request(credential));
        if (!decision.granted) return decision.error?.code;
        await decision.finish(200);
        return "granted";
      };
      const buy = async () => {
        const decision = await paywall.authorize(new Request(`${LOCATION}/paid`));
        if (decision.granted) throw new Error("it was free");
        return invoicer.buy(decision.response.headers.get("www-authenticate")!);
      };
      const mint = () =>
        paywall.authority.minter
          .mint({ endpoints: [`GET ${LOCATION}/**`], expiresIn: "30d", maxUses: 1 })
          .toString();
      return { use, buy, mint };
    };
    const { use, mint } = run();
    const monthly = mint();
    expect(await use(monthly)).toBe("granted");
    for (const _start of [1, 2, 3]) {
      time.now = START + 40 * DAY;
      const ahead = run();
      for (const _minute of [1, 2, 3]) {
        expect(await ahead.use(await ahead.buy())).toBe("granted");
        await pass(61);
      }
    }
    expect((await store.checkpoint()).forgottenUntil).toBe(0);
    for (const days of [0, 1, 10, 29]) {
      time.now = START + 1200 + days * DAY;
      const right = run();
      expect(await right.use(await right.buy())).toBe("granted");
      expect(await right.use(monthly)).toBe("ERR_USES");
    }
  },
);

test.each(Object.entries(stores))(
  "a paywall on the %s store sells nothing that it would deny at once, and makes no invoice for it",
  async (_name, open) => {
    const store = await open();
    onTestFinished(() => store.close());
    const made: number[] = [];
    const real = new FakeInvoicer(() => START);
    const invoicer = {
      createInvoice: (wanted: Parameters<typeof real.createInvoice>[0]) => {
        made.push(1);
        return real.createInvoice(wanted);
      },
    };
    const counted = [{ id: "a", kind: "uses", max: 1n, expiresAt: START + 7200 }] as const;
    await store.reserve({ id: "x", at: START, amount: msat(0n), uses: 1n, counted });
    await store.commit("x", msat(0n), START);
    // A clock that was ahead for days.
    const seal = keyedSeal(killedPaywall({}).authority.derivedKeys("checkpoints"));
    await store.fold({ at: START + 40 * DAY, keepSeconds: 3600, limit: 100, seal });
    expect((await store.checkpoint()).forgottenUntil).toBe(START + 7200);
    const status = async (grants: object) => {
      const paywall = killedPaywall({ store, invoicer, grants });
      const decision = await paywall.authorize(new Request(`${LOCATION}/paid`));
      if (decision.granted) throw new Error("it was free");
      return [
        decision.response.status,
        (await decision.response.json()).code,
        made.splice(0).length,
      ];
    };
    const refused = [503, "ERR_STORE", 0];
    const offered = [402, "ERR_TOKEN_MISSING", 1];
    expect(await status({})).toEqual(refused);
    expect(await status({ uses: 5 })).toEqual(refused);
    expect(await status({ budget: "100 sat" })).toEqual(refused);
    // Without a counter, and valid for longer than what was forgotten.
    expect(await status({ validFor: "1h" })).toEqual(offered);
    expect(await status({ uses: 1, validFor: "3h" })).toEqual(offered);
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
