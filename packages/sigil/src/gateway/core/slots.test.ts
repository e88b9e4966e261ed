import fc from "fast-check";
import { expect, test } from "vitest";
import { NoSlot, type Slot, Slots, takeInside } from "./slots.ts";

const many = (slots: Slots, holder: string, count: number): Slot[] =>
  Array.from({ length: count }, () => slots.take(holder));
const atOnce = (all: readonly Slot[]): number =>
  all.filter(({ free }) => free === undefined).length;

test("one holder has three quarters, and the others have the last one", () => {
  const slots = new Slots(16);
  expect(atOnce(many(slots, "a", 20))).toBe(12);
  expect(atOnce(many(slots, "b", 3))).toBe(3);
  expect(atOnce(many(slots, "c", 3))).toBe(1);
});

test("however many hold as many as they can, there is one for a holder that has none", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 2000 }), (holders) => {
      const slots = new Slots(256);
      for (const holder of holders) slots.take(`${holder}`);
      expect(slots.take("new").free).toBeUndefined();
    }),
  );
});

test("those who wait have their turn one holder after the other", async () => {
  const slots = new Slots(4);
  const order: string[] = [];
  const [held] = many(slots, "x", 3);
  const last = slots.take("y");
  for (const holder of ["a", "a", "a", "b", "c", "b"])
    void slots.take(holder).free!.then(() => order.push(holder));
  held!.release();
  // Its last quarter is one, and "a" has none yet.
  await Promise.resolve();
  last.release();
  await new Promise(setImmediate);
  expect(order).toEqual(["a", "b"]);
});

test("one that is given back twice is given back once", () => {
  const slots = new Slots(4);
  const [first] = many(slots, "a", 3);
  first!.release();
  first!.release();
  expect(atOnce(many(slots, "a", 2))).toBe(1);
});

test("who leaves while waiting has none, and the next one has it", async () => {
  const slots = new Slots(4);
  const [held] = many(slots, "a", 3);
  const [leaving, staying] = many(slots, "a", 2);
  leaving!.release();
  await leaving!.free;
  held!.release();
  await staying!.free;
  leaving!.release();
  expect(slots.take("a").free).toBeInstanceOf(Promise);
});

test("no holder waits for more than its limit", () => {
  const slots = new Slots(4, 2);
  many(slots, "a", 5);
  expect(() => slots.take("a")).toThrow(NoSlot);
  expect(slots.take("b").free).toBeUndefined();
});

test("holders of a part share it, and leave the rest to others", async () => {
  const outer = new Slots(16);
  const inner = new Slots(8);
  const take = (holder: string) =>
    takeInside({ slots: inner, holder }, { slots: outer, holder: "strangers" });
  const ofOne = Array.from({ length: 20 }, () => take("a"));
  expect(atOnce(ofOne)).toBe(6);
  expect(take("b").free).toBeUndefined();
  expect(take("c").free).toBeUndefined();
  const waiting = take("d");
  ofOne[0]!.release();
  await waiting.free;
  waiting.release();
  waiting.release();
  expect(take("e").free).toBeUndefined();
  expect(atOnce(many(outer, "key", 8))).toBe(6);
  expect(atOnce(many(outer, "other", 8))).toBe(2);
});

test("one who leaves while it waits for a part has nothing of the whole", async () => {
  const outer = new Slots(16);
  const inner = new Slots(4);
  const take = () =>
    takeInside({ slots: inner, holder: "a" }, { slots: outer, holder: "strangers" });
  const held = Array.from({ length: 3 }, take);
  const leaving = take();
  leaving.release();
  await leaving.free;
  for (const slot of held) slot.release();
  expect(atOnce(many(outer, "key", 12))).toBe(12);
});
