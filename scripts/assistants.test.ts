/**
 * The files for coding assistants in the package name every subpath, and only names that exist.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const folder = join(import.meta.dirname, "../packages/l8nt");
const read = (name: string) => readFileSync(join(folder, name), "utf8");

test("llms.txt names every subpath, and no other", () => {
  const { exports, files } = JSON.parse(read("package.json")) as {
    exports: object;
    files: string[];
  };
  const subpaths = Object.keys(exports)
    .filter((subpath) => subpath !== "./package.json")
    .map((subpath) => subpath.replace(/^\.(?=$|\/)/, "l8nt"));
  const [, list = ""] = /^## Subpaths\n([\s\S]*?)^## /m.exec(read("llms.txt")) ?? [];
  expect(new Set(list.match(/\bl8nt(?:\/[a-z0-9-]+)*/g))).toEqual(new Set(subpaths));
  expect(files).toEqual(expect.arrayContaining(["AGENTS.md", "llms.txt"]));
});

test("every error code and every option that it names exists", () => {
  const text = read("llms.txt") + read("AGENTS.md");
  const errors = read("src/error-codes.ts") + read("src/errors.ts");
  for (const code of text.match(/\bERR_[A-Z_]+\b/g) ?? []) expect(errors).toContain(code);
  for (const name of ["DeniedError", "PaymentError", "refusals", "spent"])
    expect(errors).toContain(name);
});
