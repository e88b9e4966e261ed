/** The list of public names: what the reader of modules finds, and what a difference says. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ambiguities, difference, exportedNames, publicNames } from "./exports.ts";

describe("exportedNames", () => {
  test.each<[string, string, string[]]>([
    [
      "a list of values and types",
      'export { b, type C, a as z } from "./x.ts";',
      ["type C", "b", "z"],
    ],
    ["a list of types", 'export type { A, B } from "./x.ts";', ["type A", "type B"]],
    ["a list over several lines", 'export {\n  a,\n  type B,\n} from "./x.ts";', ["type B", "a"]],
    ["a constant", "export const made = 1;", ["made"]],
    [
      "functions",
      "export function f() {}\nexport async function g() {}\nexport function* h() {}",
      ["f", "g", "h"],
    ],
    ["classes", "export class A {}\nexport abstract class B {}", ["A", "B"]],
    ["types", "export type A = 1;\nexport interface B {}", ["type A", "type B"]],
    ["a type and a value of one name", "export type A = 1;\nexport const A = 1;", ["A"]],
    ["overloads", "export function f(a: 1): 1;\nexport function f(a: 2): 2;", ["f"]],
  ])("finds %s", (_what, text, names) => {
    expect(exportedNames(text).sort()).toEqual([...names].sort());
  });

  test.each([
    ["a private declaration", "const a = 1;\nfunction f() {}"],
    ["an example in a comment", "/**\n * @example\n * export const a = 1;\n */\n// export { b };"],
    ["a commented line of a list", "/*\nexport { a };\n*/"],
  ])("leaves out %s", (_what, text) => {
    expect(exportedNames(text)).toEqual([]);
  });

  test.each(['export * from "./x.ts";', 'export * as x from "./x.ts";', "export default 1;"])(
    "refuses %s, which hides names",
    (text) => expect(() => exportedNames(text)).toThrow(/name what they export/),
  );
});

test("a new export and a removed one are each named", () => {
  expect(difference(["l8nt a", "l8nt b"], ["l8nt b", "l8nt c"])).toEqual([
    "not in the list: l8nt c",
    "in the list only: l8nt a",
  ]);
});

test("a name that two subpaths declare apart has two meanings; one exported again has one", () => {
  const folder = mkdtempSync(join(tmpdir(), "exports-"));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write("a.ts", "export interface Client {}\nexport const made = 1;\nexport function paid() {}");
  write(
    "b.ts",
    'export interface Client {}\nexport { made } from "./a.ts";\nexport const paid = 1;',
  );
  write(
    "package.json",
    JSON.stringify({
      exports: { "./a": { "l8nt-source": "./a.ts" }, "./b": { "l8nt-source": "./b.ts" } },
    }),
  );
  expect(ambiguities(folder)).toEqual([expect.stringMatching(/^has two meanings: Client \(/)]);
});

test("l8nt/ports exports types only", () => {
  const names = publicNames(resolve(import.meta.dirname, "../packages/l8nt"));
  const ports = names.filter((name) => name.startsWith("l8nt/ports "));
  expect(ports).toContain("l8nt/ports type Store");
  expect(ports.filter((name) => !name.startsWith("l8nt/ports type "))).toEqual([]);
});
