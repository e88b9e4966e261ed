import { expect, test } from "vitest";
import { checkKeys, type Keys } from "./keys.ts";

interface Options {
  readonly price?: string;
  readonly grants?: object;
}
const KEYS = { price: true, grants: true } satisfies Keys<Options>;
const check = (options: object) => () => checkKeys(options, KEYS, "a paywall");

test("known keys pass, all or some or none of them", () => {
  for (const options of [{}, { price: "1 sat" }, { grants: {}, price: "1 sat" }])
    expect(check(options)).not.toThrow();
});

test("an unknown key is named, with the known one that it resembles [case 97]", () => {
  expect(check({ pric: "10 sat" })).toThrow(
    new TypeError('a paywall has no option "pric"; did you mean "price"? Options: price, grants'),
  );
});

test("an unknown key that resembles nothing is named alone", () => {
  expect(check({ colour: 1 })).toThrow(
    new TypeError('a paywall has no option "colour". Options: price, grants'),
  );
});

test("a key of Object's prototype is no option", () => {
  expect(check({ constructor: 1 })).toThrow(/has no option "constructor"/);
});
