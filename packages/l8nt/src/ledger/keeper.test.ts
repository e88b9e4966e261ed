/** The keeper folds in the background, in steps, and stops when it is told. */
import { expect, test, vi } from "vitest";
import type { Folding } from "../ports/folding.ts";
import { SEAL } from "../testing/store-laws.ts";
import { Keeper, keepSeconds } from "./keeper.ts";

const START = 2_000_000_000;
const DAY = 86_400;

/** Books with so many steps to fold. */
function booksOf(steps: number) {
  const folded: Folding[] = [];
  let left = steps;
  const fold = async (folding: Folding) => {
    folded.push(folding);
    return --left > 0;
  };
  return { folded, fold };
}

const keeperOf = (books: ReturnType<typeof booksOf>, more: object = {}) => {
  const failed = vi.fn();
  const clock = () => START;
  const seal = async () => SEAL;
  return { failed, keeper: new Keeper({ books, clock, keepSeconds: DAY, failed, seal, ...more }) };
};

test("the keeper folds step by step, until nothing is left", async () => {
  const books = booksOf(3);
  await keeperOf(books).keeper.fold();
  const step = { at: START, now: START, keepSeconds: DAY, limit: 640, seal: SEAL };
  expect(books.folded).toEqual([step, step, step]);
});

test("what is woken folds once a minute, and not before a minute has passed", async () => {
  const books = booksOf(0);
  const { keeper } = keeperOf(books);
  const counts = [];
  for (const seconds of [0, 59, 60, 61, 119, 120, 30]) {
    keeper.wake(START + seconds);
    await new Promise((turn) => setImmediate(turn));
    counts.push(books.folded.length);
  }
  // The last one is a clock that went back.
  expect(counts).toEqual([0, 0, 1, 1, 1, 2, 3]);
});

test("a step that fails is told, and the next minute tries again", async () => {
  const books = booksOf(0);
  const { keeper, failed } = keeperOf({
    ...books,
    fold: async () => {
      throw new Error("the disk is full");
    },
  });
  for (const seconds of [0, 60, 120]) {
    keeper.wake(START + seconds);
    await new Promise((turn) => setImmediate(turn));
  }
  expect(failed.mock.calls.map(([error]) => error.message)).toEqual([
    "the disk is full",
    "the disk is full",
  ]);
});

test("a stop ends the work after the step under way", async () => {
  const books = booksOf(1000);
  const { keeper } = keeperOf({
    ...books,
    fold: async (folding) => {
      if (books.folded.length === 2) void keeper.stop();
      return books.fold(folding);
    },
  });
  await keeper.fold();
  expect(books.folded).toHaveLength(3);
});

test("a clock that is ahead of the database's forgets nothing before its time", async () => {
  const books = { ...booksOf(1), now: async () => START - 3600 };
  await keeperOf(books).keeper.fold();
  expect(books.folded[0]!.at).toBe(START - 3600);
});

test("a clock that is set ahead for some hours makes nothing old", async () => {
  const books = booksOf(2);
  let now = START;
  const { keeper } = keeperOf(books, { clock: () => now });
  keeper.wake(now);
  now += 2 * DAY;
  await keeper.fold();
  expect(books.folded[0]!.at).toBeLessThan(START + 60);
});

/** Books with a fact, that several processes open one after the other. */
function started(books: ReturnType<typeof booksOf>) {
  const facts = new Map<string, string>();
  const kept = {
    ...books,
    fact: async (name: string) => facts.get(name),
    setFact: async (name: string, value: string) => void facts.set(name, value),
  };
  const time = { now: START, elapsed: 0 };
  const pass = (seconds: number) => {
    time.now += seconds;
    time.elapsed += seconds;
  };
  const start = () => keeperOf(kept, { clock: () => time.now, elapsed: () => time.elapsed }).keeper;
  const folded = async (keeper: Keeper) => {
    await keeper.fold();
    return books.folded.at(-1)!;
  };
  return { time, pass, start, folded };
}

test("a start with a clock that is far ahead believes an hour of it, and each start after it", async () => {
  const { time, pass, start, folded } = started(booksOf(0));
  expect(await folded(start())).toMatchObject({ at: START, now: START });
  time.now += 40 * DAY;
  for (const hours of [1, 2, 3]) {
    const keeper = start();
    expect((await folded(keeper)).at).toBe(START + hours * 3600);
  }
  const keeper = start();
  keeper.wake(time.now);
  pass(60);
  expect(await folded(keeper)).toMatchObject({ at: START + 4 * 3600 + 240, now: time.now });
  // The clock is set right.
  time.now = START + 600;
  expect(await folded(start())).toMatchObject({ at: START + 600, now: START + 600 });
});

test("the time that no process ran has passed after a quarter of it", async () => {
  const { time, pass, start, folded } = started(booksOf(0));
  await folded(start());
  time.now += 4 * DAY;
  const keeper = start();
  expect((await folded(keeper)).at).toBe(START + 3600);
  pass(2 * DAY);
  expect((await folded(keeper)).at).toBe(time.now);
});

test("a start that cannot read the fact is told, and folds nothing on the clock's word", async () => {
  const books = booksOf(0);
  const fact = async () => {
    throw new Error("the disk is gone");
  };
  const { keeper, failed } = keeperOf({ ...books, ...{ fact } });
  keeper.wake(START);
  await expect(keeper.fold()).rejects.toThrow("the disk is gone");
  expect(failed).toHaveBeenCalledTimes(1);
  expect(books.folded).toEqual([]);
});

test.each(["59m", "10s", "1w", "", 90])("entries are kept for an hour or more, not %j", (keep) => {
  expect(() => keepSeconds(keep as never, "keep")).toThrow(/^keep must be/);
});

test("entries are kept as long as the owner says", () => {
  expect(["1h", "1d", "90d"].map((keep) => keepSeconds(keep as never, "keep"))).toEqual([
    3600,
    DAY,
    90 * DAY,
  ]);
});

test("books that another folds are left alone", async () => {
  const books = booksOf(3);
  const { keeper } = keeperOf(books, { seal: async () => undefined });
  await keeper.fold();
  await keeper.check();
  expect(books.folded).toEqual([]);
});
