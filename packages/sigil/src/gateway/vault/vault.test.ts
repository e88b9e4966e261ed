/** Keys that are read again while requests use them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { place } from "./place.ts";
import { type Lease, Vault } from "./vault.ts";

const keyOf = (lease: Lease | undefined) =>
  lease && place(lease.secret, { kind: "header", name: "k" }).headers[0]![1];

test("a request keeps the version that it began with, and new ones get the new one", async () => {
  const env: Record<string, string> = { A: "a1", B: "b1" };
  const references = { a: "env:A", b: "env:B" };
  const vault = await Vault.open(references, { env });
  const old = vault.lease("a")!;
  env.A = "a2";
  expect(keyOf(vault.lease("a"))).toBe("a1");
  await vault.reload(references);
  const young = vault.lease("a")!;
  expect([keyOf(old), keyOf(young), keyOf(vault.lease("b"))]).toEqual(["a1", "a2", "b1"]);
  expect(vault.inUse("a")).toEqual([
    { version: 1, requests: 2 },
    { version: 2, requests: 1 },
  ]);
  old.end();
  old.end();
  expect(vault.inUse("a")[0]).toEqual({ version: 1, requests: 1 });
  young.end();
  await vault.reload(references);
  expect(vault.inUse("a")).toEqual([{ version: 1, requests: 1 }]);
  expect(keyOf(old)).toBe("a1");
});

test("if one key cannot be read, all stay as they were", async () => {
  const env: Record<string, string | undefined> = { A: "a1", B: "b1" };
  const references = { a: "env:A", b: "env:B" };
  const vault = await Vault.open(references, { env });
  env.A = "a2";
  env.B = undefined;
  await expect(vault.reload(references)).rejects.toThrow("b: the environment variable");
  expect([keyOf(vault.lease("a")), keyOf(vault.lease("b"))]).toEqual(["a1", "b1"]);
  env.B = "b2";
  await vault.reload(references);
  expect([keyOf(vault.lease("a")), keyOf(vault.lease("b"))]).toEqual(["a2", "b2"]);
});

test("a key that is no longer named serves its requests under way, and no new one", async () => {
  const vault = await Vault.open({ a: "env:A" }, { env: { A: "a1" } });
  const lease = vault.lease("a")!;
  await vault.reload({});
  expect(keyOf(lease)).toBe("a1");
  expect(vault.lease("a")).toBeUndefined();
  expect(vault.inUse("a")).toEqual([{ version: 1, requests: 1 }]);
  expect(vault.lease("toString")).toBeUndefined();
});

test("of two reloads at once, the later one counts, however slow the first is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-reload-"));
  const pipe = join(folder, "slow");
  execFileSync("mkfifo", [pipe]);
  const vault = await Vault.open({}, { env: { B: "late" } });
  const first = vault.reload({ a: `cmd:cat ${pipe}` });
  const second = vault.reload({ a: "env:B" });
  await writeFile(pipe, "early");
  await Promise.all([first, second]);
  expect(keyOf(vault.lease("a"))).toBe("late");
  rmSync(folder, { recursive: true });
});

test("an empty vault can be opened, and a wrong reference cannot", async () => {
  expect((await Vault.open({})).lease("a")).toBeUndefined();
  await expect(Vault.open({ a: "env:NONE" }, { env: {} })).rejects.toThrow("a: ");
});
