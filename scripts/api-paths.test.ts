import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { OWN_PATHS, spelledPaths } from "./api-paths.ts";

const TREASURY = "packages/l8nt/src/treasury/api.ts";

test("the paths that are looked for are those of spec/4-purchase.md §7 and spec/3-challenge.md §6", () => {
  expect(OWN_PATHS).toEqual(
    expect.arrayContaining([
      "/.well-known/l402",
      "/.well-known/l402/revocations",
      "/v1/purchases",
      "/v1/credential",
      "/v1/tree",
      "/v1/receipts",
      "/v1/openapi.json",
      "/v1/owner/",
    ]),
  );
});

describe("a path of ours in code outside wire/ is found", () => {
  test.each([
    ["in a string", TREASURY, 'const path = "/v1/purchases";'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: code that is judged
    ["in a template", "packages/sigil/src/a.ts", "fetch(`${location}/v1/tree?x=1`)"],
    ["in a template over several lines", TREASURY, "`a\n/v1/tree`"],
    ["in a regular expression", TREASURY, "const is = /^\\/\\.well-known\\/l402$/;"],
    ["with a parameter", "packages/sigil/src/a.ts", 'post("/v1/owner/payments/00/give-up")'],
    ["after a URL", "examples/a.ts", 'get("https://a.example/v1/receipts");'],
    ["before a comment", TREASURY, 'const path = "/v1/tree"; // a path'],
    ["that no message declares", TREASURY, 'const path = "/v1/refunds";'],
    ["of a well-known file", "packages/l8nt/src/wallets/lnd.ts", '"/.well-known/l402"'],
  ])("%s", (_where, path, text) => {
    expect(spelledPaths(path, text)).toHaveLength(1);
  });
});

describe("nothing else is", () => {
  test.each([
    ["a comment", TREASURY, "/** Answers `/.well-known/l402`. */\n// and /v1/tree"],
    ["a declaration", "packages/l8nt/src/wire/nodes.ts", 'path: "/v1/tree"'],
    ["a test", "packages/l8nt/src/treasury/api.test.ts", 'ask("/v1/tree")'],
    ["a contract suite", "packages/l8nt/src/testing/challenge.ts", '"/.well-known/l402"'],
    ["a wallet's own API", "packages/l8nt/src/wallets/lnd.ts", '"/v1/payments"'],
    ["a vendor's API in the program", "packages/sigil/src/a.ts", '"/v1/messages"'],
    ["a longer word", "packages/sigil/src/a.ts", '"/v1/treehouse"'],
  ])("%s", (_what, path, text) => {
    expect(spelledPaths(path, text)).toEqual([]);
  });
});

test("the repository keeps the rule", () => {
  const run = spawnSync(process.execPath, ["scripts/api-paths.ts"], { encoding: "utf8" });
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  expect(run.stdout).toMatch(/^API paths: [1-9][0-9]* files, 0 faults$/m);
});
