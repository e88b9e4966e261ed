import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import {
  aliasesOf,
  cyclesIn,
  exportedSources,
  importsOf,
  libraryFaults,
  programFaults,
  unreachable,
} from "./layers.ts";

const exported = [
  "index.ts",
  "stores/memory.ts",
  "stores/sqlite.ts",
  "middleware/hono.ts",
  "middleware/node.ts",
];
const faultsOf = (files: Record<string, string>) =>
  libraryFaults(new Map(Object.entries(files)), exported);

describe("a tree that keeps the table has no faults", () => {
  test("rows import upwards, folders within themselves, tests whatever they like", () => {
    expect(
      faultsOf({
        "errors.ts": "export class SigilError extends Error {}",
        "internal/bytes.ts":
          'import { hex } from "@scure/base";\nimport { SigilError } from "../errors.ts";',
        "macaroon/index.ts": 'export { Macaroon } from "./macaroon.ts";',
        "macaroon/macaroon.ts": 'import { concat } from "../internal/bytes.ts";',
        "stores/memory.ts": 'import type { Store } from "../ports/store.ts";',
        "service/paywall.ts": 'import { MemoryStore } from "../stores/memory.ts";',
        "service/paywall.test.ts":
          'import { Client } from "../client/client.ts";\nimport fs from "node:fs";',
        "index.ts": 'export { Client } from "./client/client.ts";',
        "middleware/hono.ts":
          'import type { Context } from "hono";\nimport { answer } from "./answer.ts";',
        "middleware/node.ts":
          'import http from "node:http";\nimport { answer } from "./answer.ts";',
        "middleware/answer.ts": 'import type { Paywall } from "../service/paywall.ts";',
        "testing/network.ts": 'import http from "node:http";\nimport { test } from "vitest";',
      }),
    ).toEqual([]);
  });

  test("an import in a comment is none", () => {
    expect(
      faultsOf({
        "errors.ts":
          '/**\n * import { Client } from "./client/client.ts";\n */\n// import("./x.ts")',
      }),
    ).toEqual([]);
  });
});

test.each<[broken: string, path: string, text: string, says: RegExp]>([
  [
    "a row imports a row below it",
    "credential/a.ts",
    'import { x } from "../macaroon/x.ts";',
    /credential\/a\.ts:1: .*below it/,
  ],
  ["a type counts too", "ports/a.ts", 'import type { X } from "../ledger/x.ts";', /below it/],
  ["so does a type expression", "ports/a.ts", 'type X = import("../ledger/x.ts").X;', /below it/],
  [
    "so does a dynamic import",
    "caveat/a.ts",
    'const x = await import("../l402/x.ts");',
    /below it/,
  ],
  [
    "so does a re-export",
    "l402/a.ts",
    '\nexport * from "../service/x.ts";',
    /l402\/a\.ts:2: .*below it/,
  ],
  [
    "so does an import over several lines",
    "l402/a.ts",
    'import {\n  a,\n  b,\n} from "../client/x.ts";',
    /below it/,
  ],
  ["so does a bare import", "l402/a.ts", 'import "../client/x.ts";', /below it/],
  [
    "the ends never meet",
    "client/a.ts",
    'import { T } from "../treasury/t.ts";',
    /never import each other/,
  ],
  [
    "the ends never meet, in types",
    "service/a.ts",
    'import type { T } from "../client/t.ts";',
    /never import each other/,
  ],
  [
    "stores know no wallets",
    "stores/memory.ts",
    'import { w } from "../wallets/dev.ts";',
    /never import each other/,
  ],
  [
    "an adapter knows no sibling",
    "stores/sqlite.ts",
    'import { m } from "./memory.ts";',
    /its sibling/,
  ],
  ["nor by a folder", "stores/sqlite/index.ts", 'import { m } from "../memory.ts";', /its sibling/],
  [
    "middleware knows no other",
    "middleware/hono.ts",
    'import { n } from "./node.ts";',
    /its sibling/,
  ],
  [
    "the root leads to no adapter",
    "index.ts",
    'export { MemoryStore } from "./stores/memory.ts";',
    /root index/,
  ],
  [
    "the root leads to no contract suite",
    "index.ts",
    'export * from "./testing/index.ts";',
    /below it/,
  ],
  [
    "the core loads in a browser",
    "l402/a.ts",
    'import { createHash } from "node:crypto";',
    /browser/,
  ],
  [
    "and so do the stores",
    "stores/sqlite.ts",
    'import { DatabaseSync } from "node:sqlite";',
    /browser/,
  ],
  ["the core has few dependencies", "service/a.ts", 'import { z } from "zod";', /@noble/],
  [
    "the library does not import itself by name",
    "service/a.ts",
    'import { Client } from "l8nt";',
    /by name/,
  ],
  [
    "nothing leaves the library",
    "errors.ts",
    'import x from "../package.json" with { type: "json" };',
    /outside/,
  ],
  ["nothing imports a test", "testing/a.ts", 'import { x } from "../l402/a.test.ts";', /test file/],
  ["every file has a row", "misc/a.ts", "export {};", /no row/],
  [
    "a file is no cycle of its own",
    "l402/a.ts",
    'import { x } from "./a.ts";',
    /cycle: l402\/a\.ts -> l402\/a\.ts/,
  ],
])("%s", (_, path, text, says) => {
  const faults = faultsOf({ [path]: text });
  expect(faults.join("\n")).toMatch(says);
});

test("a cycle is found inside one folder, also through types, and shown once by its shortest path", () => {
  const faults = faultsOf({
    "caveat/a.ts": 'import type { C } from "./b.ts";',
    "caveat/b.ts": 'import { c } from "./c.ts";',
    "caveat/c.ts": 'import { a } from "./a.ts";',
    "caveat/d.ts": 'import { a } from "./a.ts";',
  });
  expect(faults).toEqual(["cycle: caveat/a.ts -> caveat/b.ts -> caveat/c.ts -> caveat/a.ts"]);
});

test("two cycles are two faults", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["a"]],
    ["c", ["d", "a"]],
    ["d", ["c"]],
  ]);
  expect(cyclesIn(graph)).toEqual([
    ["a", "b", "a"],
    ["c", "d", "c"],
  ]);
});

test("a file that no subpath leads to is found; tests are not missed", () => {
  const tree = new Map([
    ["index.ts", 'export * from "./l402/a.ts";'],
    ["l402/a.ts", 'import type { B } from "../caveat/b.ts";'],
    ["caveat/b.ts", "export type B = 1;"],
    ["stores/forgotten.ts", 'import type { B } from "../caveat/b.ts";'],
    ["stores/forgotten.test.ts", ""],
  ]);
  expect(unreachable(tree, ["index.ts", "treasury/missing.ts"])).toEqual(["stores/forgotten.ts"]);
});

test("a private specifier is judged by every file that it may mean", () => {
  const manifest = {
    exports: {
      ".": { "l8nt-source": "./src/index.ts", default: "./dist/index.js" },
      "./package.json": "./package.json",
    },
    imports: {
      "#now": {
        browser: { "l8nt-source": "./src/agents/a.ts" },
        "l8nt-source": "./src/internal/a.ts",
      },
    },
  };
  const tree = new Map([
    ["index.ts", 'import { now } from "#now";'],
    ["internal/a.ts", ""],
    ["agents/a.ts", ""],
    ["l402/b.ts", 'import { x } from "#unknown";'],
  ]);
  expect(exportedSources(manifest)).toEqual(["index.ts"]);
  expect(libraryFaults(tree, ["index.ts"], aliasesOf(manifest)).join("\n")).toMatch(
    /^index.ts:1: index.ts imports agents\/a.ts, but .*below it\n.*adapter.*\nl402\/b.ts:1: imports #unknown, which belongs to no row$/,
  );
  expect(unreachable(tree, ["index.ts"], aliasesOf(manifest))).toEqual(["l402/b.ts"]);
});

describe("the program", () => {
  const subpaths = ["l8nt", "l8nt/service"];
  const faultsIn = (text: string) => programFaults(new Map([["commands/get.ts", text]]), subpaths);

  test("uses the library's subpaths and its own package.json", () => {
    expect(
      faultsIn(
        'import { Client } from "l8nt";\nimport { Paywall } from "l8nt/service";\nimport own from "../../package.json" with { type: "json" };',
      ),
    ).toEqual([]);
  });

  test.each([
    [
      "never reaches into its source",
      'import { x } from "../../../l8nt/src/internal/bytes.ts";',
      /outside its own/,
    ],
    [
      "names no subpath that is not there",
      'import { x } from "l8nt/internal/bytes";',
      /not a subpath/,
    ],
  ])("%s", (_, text, says) => {
    expect(faultsIn(text).join("\n")).toMatch(says);
  });
});

test("every form of import is read, with its kind", () => {
  const text = [
    'import a, { b as c } from "1";',
    'import * as d from "2";',
    'import type { e } from "3";',
    'import { type f } from "4";',
    'import "5";',
    'export * as g from "6";',
    'export { h } from "7";',
    'export type { i } from "8";',
    'import type from "9";',
    'const j = await import("10");',
    'export const k = "not an import";',
    'import l from "11" with { type: "json" };',
  ].join("\n");
  expect(importsOf(text).map(({ specifier, kind }) => `${specifier} ${kind}`)).toEqual([
    "1 value",
    "2 value",
    "3 type",
    "4 value",
    "5 value",
    "6 re-export",
    "7 re-export",
    "8 type",
    "9 value",
    "11 value",
    "10 dynamic",
  ]);
});

test("the command ends well on this repository, and says how many files it read", () => {
  const run = spawnSync(process.execPath, ["scripts/layers.ts"], { encoding: "utf8" });
  expect(run.stderr).toBe("");
  expect(run.stdout).toMatch(/^layers: [1-9]\d* files, 0 faults$/m);
});
