/** No parser of text that another party writes takes more than linear time. [case 115] */
import { describe, expect, test } from "vitest";
import { FAMILIES, NESTED } from "./families.ts";
import { slowFamilies } from "./linear.ts";
import { PARSERS } from "./parsers.ts";

describe("the measurement", () => {
  const blanks = FAMILIES.filter(({ name }) => name.startsWith('" " '));
  const measured = (run: (text: string) => unknown) =>
    slowFamilies({ name: "one", maxLength: 262_144, run }, blanks).length > 0;

  test("finds a regular expression that backtracks, and lets a linear one through", () => {
    expect(measured((text) => text.split(/[ \t]*,[ \t]*/))).toBe(true);
    expect(measured((text) => text.replace(/^ +| +$/g, ""))).toBe(true);
    expect(measured((text) => text.split(",").map((part) => part.trim()))).toBe(false);
    expect(measured((text) => [...text].sort())).toBe(false);
  });
});

test.each(PARSERS)("$name is read in linear time, whatever it holds [case 115]", (parser) => {
  expect(slowFamilies(parser, [...FAMILIES, NESTED])).toEqual([]);
});
