/**
 * Canonical JSON against RFC 8785's own samples, the author's published ones, and another
 * implementation.
 */
import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonical, type JcsValue } from "./jcs.ts";

const read = (text: string) => JSON.parse(text) as JcsValue;

describe("RFC 8785", () => {
  test("§3.2.2: literals, and a string with every kind of escape", () => {
    const sample = String.raw`{ "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }`;
    expect(canonical(read(sample))).toBe(
      String.raw`{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  test("§3.2.3: names are sorted by their UTF-16 code units", () => {
    const sample = read(String.raw`{
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
    }`);
    expect([...canonical(sample).matchAll(/:"([^"]+)"/g)].map(([, name]) => name)).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });

  test("Appendix B: the integers, the negative zero among them", () => {
    expect([0, -0, 9007199254740991, -9007199254740991].map(canonical)).toEqual([
      "0",
      "0",
      "9007199254740991",
      "-9007199254740991",
    ]);
  });
});

// The samples `structures` and `arrays` that the author of RFC 8785 publishes.
test.each([
  [
    String.raw`{ "1": {"f": {"f": "hi","F": 5}, "\n": 56}, "10": { }, "": "empty", "a": { }, "111": [ {} ], "A": { } }`,
    String.raw`{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}`,
  ],
  ['[ 56, { "d": true, "10": null, "1": [ ] } ]', '[56,{"1":[],"10":null,"d":true}]'],
])("%s becomes %s", (text, expected) => {
  expect(canonical(read(text))).toBe(expected);
});

const values = fc.letrec<{ value: JcsValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
    fc.maxSafeInteger(),
    fc.constantFrom(0, -0, -1),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value")),
    fc.dictionary(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constantFrom("__proto__", "toString", "10", "2", ""),
      ),
      tie("value"),
    ),
  ),
})).value;

test("the text is that of the npm package canonicalize, and reads back as the value", () => {
  fc.assert(
    fc.property(values, (value) => {
      const text = canonical(value);
      expect(text).toBe(canonicalize(value));
      expect(canonical(read(text))).toBe(text);
    }),
    { numRuns: 2000 },
  );
});

test("a value has one text, in whatever order its members were written", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "binary" }), values), (value) => {
      expect(canonical(Object.fromEntries(Object.entries(value).reverse()))).toBe(canonical(value));
    }),
  );
});

test.each([
  ["a fraction", 0.5],
  ["an integer that is not exact", 2 ** 53],
  ["NaN", Number.NaN],
  ["an infinity", Number.NEGATIVE_INFINITY],
  ["a lone surrogate", "\ud800"],
  ["a lone surrogate in a name", { "x\udc00": 1 }],
  ["undefined", undefined],
  ["a member that is undefined", { a: undefined }],
  ["a hole", new Array(1)],
  ["a bigint", 1n],
  ["a Date, which has a text of its own", new Date(0)],
  ["a Map, which has no members", new Map()],
  ["a boxed string", Object("x")],
  ["a function", () => {}],
])("%s is refused, wherever it stands", (_what, value) => {
  for (const place of [value, [value], { a: { b: value } }])
    expect(() => canonical(place as JcsValue)).toThrow(TypeError);
});
