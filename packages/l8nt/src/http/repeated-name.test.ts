import fc from "fast-check";
import { expect, test } from "vitest";
import { repeatedName } from "./repeated-name.ts";

test.each([
  ['{"a":1,"a":2}', "a"],
  ['{"a":1,"\\u0061":2}', "a"],
  ['{"a" :1,"b":{"c":[{"d":1 , "d"\n: 2}]}}', "d"],
  ['{"":1,"":2}', ""],
  ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ['{"a\\"":1,"a\\"":2}', 'a"'],
  ['[{"a":{}},{"b":[],"b":0}]', "b"],
])("%s has %j twice", (json, name) => {
  expect(repeatedName(json)).toBe(name);
});

test("a name in two objects, a value that is a name, and braces in strings are not repeated", () => {
  for (const json of [
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
    '{"a":"b","b":"a","c":["a","a"]}',
    '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    '"a"',
    "null",
  ])
    expect(repeatedName(json), json).toBeUndefined();
});

test("what JSON.stringify writes has no repeated name", () => {
  fc.assert(
    fc.property(fc.json(), fc.integer({ min: 0, max: 2 }), (json, indent) => {
      const written = JSON.stringify(JSON.parse(json), null, indent);
      expect(repeatedName(written)).toBeUndefined();
      expect(repeatedName(`{"a":${written},"a":${written}}`)).toBe("a");
    }),
  );
});

test("thirty megabytes in one string, and a hundred thousand levels, are read", () => {
  expect(repeatedName(`{"a":"${"x".repeat(30_000_000)}","a":1}`)).toBe("a");
  expect(repeatedName(`{"a":"${"\\n".repeat(15_000_000)}","a":1}`)).toBe("a");
  expect(repeatedName("[".repeat(100_000) + "]".repeat(100_000))).toBeUndefined();
});
