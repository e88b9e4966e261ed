/**
 * The clock of a treasury, and what treasuries on the same books count in a window although their
 * machines' clocks are apart. [case 109]
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { failure, secretOf, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { ForwardClock } from "./forward-clock.ts";
import { guardedFetch, Treasury } from "./index.ts";

const START = 2_000_000_000;

test.each([-590, 0, 590])(
  "two treasuries whose clocks are %i s apart serve three uses a minute in all",
  async (skew) => {
    const world = await town({ store: new MemoryStore() });
    class Shared extends MemoryStore {
      override readonly shared = true as never;
      now = async () => world.clock();
    }
    const store = new Shared();
    const open = (clock: () => number) => {
      const treasury = new Treasury({
        secret: secretOf("the treasury"),
        location: world.treasury.location,
        wallet: devWallet(world.network.account("treasury").url),
        store,
        fetch: guardedFetch({ allowLoopback: true }),
        clock,
        maxSilence: "1h",
        alarm: (what) => world.alarms.push(what),
      });
      onTestFinished(() => treasury.stop());
      return treasury;
    };
    const [a, b] = [open(() => world.clock() + skew), open(world.clock)];
    await Promise.all([a.start(), b.start()]);
    const shop = await world.openShop({ price: "1 sat" });
    const agent = world.mint({ maxUsesPerMinute: 3, expiresIn: "3h" }).toString();
    const order = (treasury: Treasury, nth: number) =>
      treasury.buy({
        id: `order-${nth}`.padEnd(10, "-"),
        credential: agent,
        method: "GET",
        url: `${shop.url}/${nth}`,
        headers: [],
      });
    let nth = 0;
    for (let minute = 0; minute < 3; minute++) {
      for (const treasury of minute === 1 ? [b, a, b] : [a, b, a])
        expect(await order(treasury, ++nth)).toMatchObject({ kind: "response" });
      for (const treasury of [a, b, a, b])
        expect(await failure(order(treasury, ++nth))).toMatchObject({ code: "ERR_USES" });
      world.clock.advance("62s");
    }
    expect(world.paid().count).toBe(9);
    expect(world.alarms).toEqual([]);
  },
);

test("the clock goes by the store's, follows it, and never goes back", async () => {
  let [own, theirs] = [START, START + 300];
  const alarms: string[] = [];
  const clock = new ForwardClock(
    () => own,
    (what) => alarms.push(what),
  );
  const store = { now: async () => theirs };
  expect(clock.now()).toBe(START);
  clock.atLeast(START);
  await clock.align(store);
  expect(clock.now()).toBe(START + 300);
  // This machine's clock is set right; within the minute nobody asks.
  own += 30;
  theirs += 30;
  await clock.align(store);
  expect(clock.now()).toBe(START + 330);
  own += 300;
  await clock.align(store);
  expect(clock.now()).toBe(START + 330);
  own += 5;
  expect(clock.now()).toBe(START + 335);
  theirs -= 100;
  own += 60;
  await clock.align(store);
  expect(clock.now()).toBe(START + 335);
  expect(alarms).toEqual([expect.stringContaining("behind the books")]);
});

test("a clock that was ahead before the first look at the store does not stand still", async () => {
  const clock = new ForwardClock(
    () => START + 500,
    () => {},
  );
  clock.now();
  await clock.align({ now: async () => START });
  expect(clock.now()).toBe(START);
});

test("a store that fails, is slow, or is more than ten minutes away leaves the clock as it is", async () => {
  const alarms: string[] = [];
  let own = START;
  const clock = new ForwardClock(
    () => own,
    (what) => alarms.push(what),
  );
  await clock.align({ now: () => Promise.reject(new Error("no store")) });
  own += 60;
  await clock.align({
    now: async () => {
      own += 2;
      return START + 400;
    },
  });
  own += 60;
  expect(alarms).toEqual([]);
  for (let turn = 0; turn < 2; turn++) {
    await clock.align({ now: async () => own + 601 });
    own += 60;
  }
  expect(clock.now()).toBe(own);
  expect(alarms).toEqual([expect.stringContaining("off that of the database")]);
  await clock.align({});
  expect(clock.now()).toBe(own);
});

describe("a clock that was set back", () => {
  function clocks(back: number) {
    let [wall, elapsed] = [START, 0];
    const alarms: string[] = [];
    const time = new ForwardClock(
      () => wall,
      (what) => alarms.push(what),
      () => elapsed,
    );
    time.now();
    wall -= back;
    time.now();
    const pass = (seconds: number) => {
      wall += seconds;
      elapsed += seconds;
      return time.now();
    };
    return { pass, alarms, time, jump: (seconds: number) => (wall += seconds) };
  }

  test.each([2, 59, 60, 540, 600])(
    "by %i s goes on at half its speed until it is right",
    (back) => {
      const { pass, alarms } = clocks(back);
      expect(pass(0)).toBe(START);
      expect(pass(1)).toBe(START + 0.5);
      let before = START;
      for (let second = 1; second < 3 * back; second++) {
        const now = pass(1);
        expect(now).toBeGreaterThanOrEqual(before);
        expect(now - before).toBeLessThanOrEqual(1);
        before = now;
      }
      expect(pass(1)).toBe(START - back + 3 * back + 1);
      expect(alarms).toHaveLength(back < 60 ? 0 : 1);
      expect(alarms.join()).toContain(back < 60 ? "" : "half its speed");
    },
  );

  test("by more than ten minutes stands still, as the books would never meet it", () => {
    const { pass, alarms } = clocks(10_000);
    for (let second = 0; second < 100; second++) expect(pass(1)).toBe(START);
    expect(alarms.join()).toContain("stands still");
  });

  test("and forth again and again adds nothing to what has passed", () => {
    const { pass, jump } = clocks(300);
    for (let times = 0; times < 1000; times++) {
      jump(times % 2 === 0 ? 299 : -299);
      pass(0);
    }
    expect(pass(0)).toBe(START);
  });
});
