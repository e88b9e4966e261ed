/** What is remembered of a purchase beside its record. spec/4-purchase.md §4.5, §4.6. */
import { describe, expect, test } from "vitest";
import { gate } from "../testing/fixtures/town.ts";
import { devClock } from "../testing/index.ts";
import { Evidence } from "./evidence.ts";

const HASH = "ab".repeat(32);
const ASKED = { request: "a request", key: "the first key" };

const start = () => {
  const clock = devClock(2_000_000_000);
  const evidence = new Evidence(clock);
  return { clock, evidence, known: evidence.of(HASH) };
};

/** So many other purchases that this one is forgotten. */
const forget = (evidence: Evidence): void => {
  for (let other = 0; other < 10_000; other++) evidence.of(`other ${other}`);
};

describe("hand-overs", () => {
  test("one pass that is handed to 10,000 orders takes no more memory than one handed to two", () => {
    const { known } = start();
    for (let order = 0; order < 10_000; order++) known.noteHanded(`node ${order}`);
    expect(known.handedTo).toHaveLength(2);
    expect(known.isHandedAgain).toBe(false);
  });

  test("a purchase tells of another order, and of the same one once more", () => {
    const { evidence, known } = start();
    expect(known.handedTo).toEqual([]);
    known.noteHanded("one");
    expect(known.handedTo).toEqual(["one"]);
    expect(known.isHandedAgain).toBe(false);
    known.noteHanded("one");
    expect(known.isHandedAgain).toBe(true);
    expect(known.handedTo).toEqual(["one"]);
    known.noteHanded("two");
    for (const order of ["one", "two", "three"])
      expect(known.handedTo.some((other) => other !== order)).toBe(true);
    expect(evidence.of("cd".repeat(32)).handedTo).toEqual([]);
  });
});

describe("a lost answer", () => {
  test("has the key of the first try, for ten minutes, and for the same request", () => {
    const { clock, known } = start();
    expect(known.lostKey(ASKED.request)).toBeUndefined();
    known.noteLost(ASKED);
    clock.advance("599s");
    known.noteLost({ ...ASKED, key: "another key" });
    expect(known.lostKey(ASKED.request)).toBe(ASKED.key);
    expect(known.lostKey("another request")).toBeUndefined();
    clock.advance("1s");
    expect(known.lostKey(ASKED.request)).toBeUndefined();
    known.noteLost({ ...ASKED, key: "another key" });
    expect(known.lostKey(ASKED.request)).toBe("another key");
  });

  test("is the order's that was answered, and no other's", () => {
    const { known } = start();
    known.noteLost(ASKED);
    known.isGivenBack = true;
    known.noteAnswered("an order", ASKED);
    expect(known.isGivenBack).toBe(false);
    expect(known.lostKey(ASKED.request)).toBeUndefined();
    expect(known.answeredKey("an order", ASKED.request)).toBe(ASKED.key);
    expect(known.answeredKey("another order", ASKED.request)).toBeUndefined();
    expect(known.answeredKey("an order", "another request")).toBeUndefined();
  });
});

test("purchases are forgotten, the oldest first, but not one that is at a service", async () => {
  const { evidence, known } = start();
  known.mayBeUsed = true;
  expect(evidence.of(HASH)).toBe(known);
  const answer = gate();
  const exchange = evidence.presenting(HASH, () => answer.opened);
  forget(evidence);
  expect(evidence.of(HASH)).toBe(known);
  expect(known.presentations).toBe(1);
  answer.open();
  await exchange;
  expect(known.presentations).toBe(0);
  forget(evidence);
  expect(evidence.of(HASH).mayBeUsed).toBe(false);
});

test("an exchange that fails is over, too", async () => {
  const { evidence, known } = start();
  const failing = evidence.presenting(HASH, () => Promise.reject(new Error("hung up")));
  await expect(failing).rejects.toThrow("hung up");
  expect(known.presentations).toBe(0);
});
