/** What is judged of a JSON text beside its value. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hasFewParts, repeatedName } from "./json-text.ts";

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

test.each<[json: string, parts: number]>([
  ["", 0],
  ["1", 0],
  ["{}", 1],
  ['{"a":1,"b":[2,3]}', 4],
  ["[[[[", 4],
  [",,,", 3],
  ['"[[[,,,{{{"', 0],
  ['{"a\\"[,":"\\\\"}', 1],
  ['["unfinished,[,[', 1],
])("%s has %i parts", (text, parts) => {
  expect(hasFewParts(text, parts)).toBe(true);
  if (parts > 0) expect(hasFewParts(text, parts - 1)).toBe(false);
});

test("a megabyte in one string is one part, and as many members are not read to their end", () => {
  expect(hasFewParts(`{"body":"${"x".repeat(2 ** 20)}"}`, 1)).toBe(true);
  expect(hasFewParts(`{"body":"${'\\"'.repeat(2 ** 19)}"}`, 1)).toBe(true);
  expect(hasFewParts(`{${Array.from({ length: 2 ** 17 }, (_, at) => `"k${at}":1`)}}`, 9999)).toBe(
    false,
  );
});
