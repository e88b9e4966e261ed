import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { following, running, runWith } from "./running.ts";

test("what follows a call goes over every await, to its end and no further", async () => {
  const call = following<string>();
  const told = async () => {
    await setImmediate();
    return call.get();
  };
  expect(call.get()).toBeUndefined();
  expect(
    await Promise.all([call.run("a", told), call.run("b", () => call.run("c", told)), told()]),
  ).toEqual(["a", "c", undefined]);
});

test("two of them know nothing of each other, nor of whose turn it is", () => {
  const [one, other] = [following<string>(), following<string>()];
  runWith("whose", () =>
    one.run("a", () => {
      expect([one.get(), other.get(), running()]).toEqual(["a", undefined, "whose"]);
      runWith(undefined, () => expect([one.get(), running()]).toEqual(["a", undefined]));
    }),
  );
});
