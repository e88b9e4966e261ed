import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { asyncContext } from "./async-context.ts";

test("a value is carried across every await of its run, and is undefined outside of it", async () => {
  const context = asyncContext<string>();
  const read = async () => {
    await setImmediate();
    return context.get();
  };
  expect(context.get()).toBeUndefined();
  expect(
    await Promise.all([
      context.run("a", read),
      context.run("b", () => context.run("c", read)),
      read(),
    ]),
  ).toEqual(["a", "c", undefined]);
});

test("two contexts do not see each other's values, and an inner undefined hides an outer value", () => {
  const [one, other, third] = [
    asyncContext<string>(),
    asyncContext<string>(),
    asyncContext<string | undefined>(),
  ];
  third.run("outer", () =>
    one.run("a", () => {
      expect([one.get(), other.get(), third.get()]).toEqual(["a", undefined, "outer"]);
      third.run(undefined, () => expect([one.get(), third.get()]).toEqual(["a", undefined]));
    }),
  );
});
