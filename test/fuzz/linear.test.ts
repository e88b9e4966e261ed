/** No parser of text that another party writes takes more than linear time. [case 115] */
import { describe, expect, test } from "vitest";
import { FAMILIES, NESTED } from "./families.ts";
import { slowFamilies } from "./linear.ts";
import { PARSERS } from "./parsers.ts";
import { grown, Slowest } from "./slowest.ts";

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

describe("the slowest inputs of a fuzzed parser", () => {
  const slow = (run: (text: string) => unknown) => {
    const slowest = new Slowest();
    for (const input of ["a,b", `x${" ".repeat(3000)}y`, "0123456789".repeat(300)])
      slowest.timed(input, () => run(input));
    return slowest.inputs.filter(
      (input) => slowFamilies({ name: "one", maxLength: 262_144, run }, [grown(input)]).length > 0,
    );
  };

  test("show a quadratic one, and none of a linear one", () => {
    expect(slow((text) => text.replace(/ +$/g, ""))).toContain(`x${" ".repeat(3000)}y`);
    expect(slow((text) => text.split(",").map((part) => part.trim()))).toEqual([]);
  });
});
