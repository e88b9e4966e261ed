import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { findLeaks, redact } from "./canary.ts";

const macaroon = `AgEE${"x".repeat(96)}`;
const preimage = "0123456789abcdef".repeat(4);

describe("a credential is found", () => {
  test.each([
    ["alone", `${macaroon}:${preimage}`],
    ["padded", `${macaroon}==:${preimage}`],
    ["in upper-case hex", `${macaroon}=:${preimage.toUpperCase()}`],
    ["in the URL-safe alphabet", `${"a-_b".repeat(30)}:${preimage}`],
    ["percent-encoded", `?credential=${macaroon}%3D%3D%3A${preimage}`],
    ["in a header", `Authorization: L402 ${macaroon}:${preimage}`],
    ["in JSON", `{"authorization":"LSAT ${macaroon}:${preimage}"}`],
    ["in colour", `\u001b[31m${macaroon}\u001b[39m:\u001b[32m${preimage}\u001b[39m`],
    ["with the macaroon in hex", `${"0201".repeat(40)}:${preimage}`],
  ])("%s", (_, line) => {
    expect(findLeaks(`quiet\n${line}\n`)).toEqual([{ line: 2 }]);
    expect(redact(line)).toContain("[credential]");
    expect(redact(line).toLowerCase()).not.toContain(preimage);
  });

  test("and the test file that was named last before it is told", () => {
    const log = `stdout | packages/a.test.ts > one\nx\nstderr | packages/b.test.ts > two\n\n${macaroon}:${preimage}\n`;
    expect(findLeaks(log)).toEqual([{ line: 5, file: "packages/b.test.ts" }]);
  });
});

test.each([
  ["a macaroon alone", macaroon],
  ["a preimage alone", `preimage: ${preimage}`],
  ["a digest", `sha256:${preimage}`],
  ["a macaroon beside a preimage", `${macaroon} ${preimage}`],
  ["a longer run of hex", `${macaroon}:${preimage}00`],
  ["a shortened macaroon", `${macaroon.slice(0, 8)}…:${preimage}`],
])("%s is no credential", (_, line) => {
  expect(findLeaks(line)).toEqual([]);
  expect(redact(line)).toBe(line);
});

test("a megabyte without a break is searched in linear time", () => {
  expect(findLeaks("A".repeat(1_000_000))).toEqual([]);
});

test("a run whose tests print credentials fails, names the tests, and repeats no credential", () => {
  const args = ["scripts/test.ts", "main", "--config", "scripts/fixtures/leaky.config.ts"];
  const run = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(run.stderr).toContain(
    "canary: a whole credential was printed by scripts/fixtures/leaky.test.ts",
  );
  expect(
    run.stderr.match(/by a child process of scripts\/fixtures\/leaky\.test\.ts/g),
  ).toHaveLength(3);
  expect(run.stderr).not.toContain("quiet.test.ts");
  expect(run.stdout.trimEnd().split("\n").at(-1)).toBe("5 passed, 4 failed");
  expect(run.status).toBe(1);
  expect(findLeaks(run.stdout + run.stderr)).toEqual([]);
});
