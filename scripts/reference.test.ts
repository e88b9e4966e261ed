import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ERRORS } from "../packages/l8nt/src/error-codes.ts";
import { LIMIT_KEYS } from "../packages/l8nt/src/treasury/limits.ts";
import { ENVIRONMENT } from "../packages/sigil/src/environment.ts";
import { readOptions } from "./reference/interface.ts";
import { table } from "./reference/markdown.ts";
import { referencePages } from "./reference.ts";

const root = resolve(import.meta.dirname, "..");
const pages = referencePages(root);

describe("the reference pages", () => {
  it("have a heading for every error code, which links can name", () => {
    for (const codes of Object.values(ERRORS))
      for (const code of Object.keys(codes))
        expect(pages["errors.md"]).toContain(`\n### ${code}\n`);
  });

  it("have a row for every key of config.json", () => {
    for (const key of [...Object.keys(LIMIT_KEYS), "location", "walletFile", "mints"])
      expect(pages["configuration.md"]).toContain(`\n| \`${key}\` |`);
  });

  it("list exactly the environment variables that the packages name", () => {
    const files = execFileSync("git", ["ls-files", "packages/*/src/*.ts"], {
      cwd: root,
      encoding: "utf8",
    });
    const named = files
      .split("\n")
      .filter((path) => path !== "" && !/\.test\.ts$|\/fixtures\/|\/environment\.ts$/.test(path))
      .flatMap(
        (path) => readFileSync(join(root, path), "utf8").match(/\bSIGIL_[A-Z][A-Z_]*/g) ?? [],
      );
    expect([...new Set(named)].sort()).toEqual(Object.keys(ENVIRONMENT).sort());
  });
});

describe("readOptions", () => {
  const source = `export interface Size {
  /** How many. @default 3 */
  readonly count?: number;
  /**
   * The name, which
   * people see.
   */
  readonly name: string;
}
export interface Bare {
  readonly count: number;
}
`;

  it("reads key, type, default and text of each option", () => {
    expect(readOptions(source, "Size")).toEqual([
      { key: "count", type: "number", byDefault: "`3`", text: "How many." },
      { key: "name", type: "string", byDefault: undefined, text: "The name, which people see." },
    ]);
  });

  it("refuses an option without a doc comment, by name", () => {
    expect(() => readOptions(source, "Bare")).toThrow("Bare.count");
  });

  it("refuses an interface that the source does not declare", () => {
    expect(() => readOptions(source, "Absent")).toThrow("Absent");
  });
});

describe("table", () => {
  it("escapes a pipe, which would begin another cell", () => {
    expect(table(["a"], [["x | y"]])).toBe("| a |\n| --- |\n| x \\| y |");
  });
});
