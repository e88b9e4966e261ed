/** What the file of a witness keeps while two processes write it. docs/guides/backup.md. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fileWitness } from "./witness.ts";

const MARK = { latest: 7, receipts: { count: 0, last: "0".repeat(64) }, earlier: [] };

test("a writer leaves the unfinished file of another one alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-witness-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "newest.json");
  writeFileSync(`${path}.unfinished`, "half of");
  const witness = fileWitness(path);
  await witness.write(MARK as never);
  expect(await witness.read()).toEqual(MARK);
  expect(readFileSync(`${path}.unfinished`, "utf8")).toBe("half of");
  expect(readdirSync(folder).sort()).toEqual(["newest.json", "newest.json.unfinished"]);
});
