/** `sigil journal checkpoint`, `sigil ledger verify` and a start, on books that were summed up. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ReceiptSigner } from "l8nt/receipts";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { msat } from "../../packages/l8nt/src/amount.ts";
import { signedSeal } from "../../packages/l8nt/src/receipt/checkpoint.ts";
import { openSecrets, readKey } from "../../packages/sigil/src/treasury/secrets.ts";
import { sigil } from "./support/sigil.ts";

/** 2030-01-01 00:00:00 UTC */
const NEW_YEAR = 1_893_456_000;

/** A treasury's folder, whose journal was folded with the treasury's own key. */
async function summedUp(isFolded = true) {
  const folder = mkdtempSync(join(tmpdir(), "sigil-checkpoint-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dir = join(folder, "treasury");
  const location = "http://127.0.0.1:8409";
  expect(await sigil(["treasury", "init", "--dir", dir, "--location", location])).toMatchObject({
    code: 0,
  });
  const database = join(dir, "treasury.db");
  const store = await openSqliteStore(database);
  const key = readKey(readFileSync(join(dir, "key"), "utf8").trim());
  const signer = await ReceiptSigner.fromSeed((await openSecrets(store, key)).receipts);
  const counted = [{ id: "budget", kind: "spend", unit: "msat", max: 10n ** 9n } as const];
  for (const id of ["use.service.1", "use.service.2"]) {
    await store.reserve({ id, at: NEW_YEAR, amount: msat(15_000n), uses: 1n, counted });
    await store.commit(id, msat(15_000n), NEW_YEAR);
  }
  const seal = await signedSeal(signer);
  if (isFolded) await store.fold({ at: NEW_YEAR + 9000, keepSeconds: 3600, limit: 100, seal });
  await store.close();
  return { folder, dir, database, ...{ publicKey: signer.publicKey, keyId: signer.keyId } };
}

const OTHER = (await ReceiptSigner.fromSeed(new Uint8Array(32).fill(9))).publicKey;

test("the latest checkpoint is shown with its sums, and verified with the treasury's key", async () => {
  const { dir, keyId } = await summedUp();
  const show = ["journal", "checkpoint", "--dir", dir];
  const plain = await sigil(show);
  expect(plain.code).toBe(0);
  expect(plain.stdout).toMatch(/^Checkpoint 1 of the books [0-9a-f]{32}\n/);
  expect(plain.stdout).toContain("4 entries, up to number 4 of 2030-01-01");
  expect(plain.stdout).toContain("spent        30 sat\n");
  expect(plain.stdout).toContain("uses         2\n");
  expect(plain.stdout).toContain(`key          ${keyId}\n`);
  expect(plain.stdout).toMatch(/not verified: --verify does\.\n$/);
  expect((await sigil([...show, "--verify"])).stdout).toMatch(/The signature is genuine\.\n$/);
  const ledger = await sigil(["ledger", "verify", "--dir", dir]);
  expect(ledger).toMatchObject({ code: 0 });
  expect(ledger.stdout).toContain(`their sums are as key ${keyId} signed them`);
});

test("a checkpoint is verified with the public key alone, without the folder", async () => {
  const { folder, dir, publicKey } = await summedUp();
  const shown = await sigil(["journal", "checkpoint", "--dir", dir, "--json"]);
  const { checkpoint } = JSON.parse(shown.stdout);
  expect(checkpoint).toMatchObject({
    ...{ type: "checkpoint", version: 1, seq: 1, through: 4, entries: 4, uses: "2" },
    spent: [{ unit: "msat", value: "30000" }],
  });
  const file = join(folder, "checkpoint.json");
  const verify = ["journal", "checkpoint", file, "--verify", "--public-key"];
  writeFileSync(file, JSON.stringify(checkpoint));
  expect(await sigil([...verify, publicKey])).toMatchObject({ code: 0 });
  expect(JSON.parse((await sigil([...verify, publicKey, "--json"])).stdout)).toEqual({
    ...{ checkpoint, holds: true },
  });
  const other = await sigil([...verify, OTHER]);
  expect(other.code).toBe(1);
  expect(other.stderr).toContain("ERR_CHECKPOINT");
  expect((await sigil([...verify, "abc"])).stderr).toContain("--public-key must be 64 hex");
  writeFileSync(file, JSON.stringify({ ...checkpoint, uses: "1" }));
  expect((await sigil([...verify, publicKey])).stderr).toContain("it was altered");
  writeFileSync(file, "{}");
  expect((await sigil([...verify, publicKey])).stderr).toContain("not a checkpoint");
  expect((await sigil(verify.slice(0, -1))).stderr).toContain("Missing --public-key");
  const none = await sigil(["journal", "checkpoint", join(folder, "none")]);
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be read") });
});

test("books that were never summed up say so, and there is nothing to verify", async () => {
  const { dir } = await summedUp(false);
  const show = ["journal", "checkpoint", "--dir", dir];
  expect((await sigil(show)).stdout).toMatch(/^Nothing was summed up yet/);
  expect(JSON.parse((await sigil([...show, "--json"])).stdout)).toEqual({ checkpoint: null });
  expect(await sigil([...show, "--verify"])).toMatchObject({ code: 2 });
  expect((await sigil(["ledger", "verify", "--dir", dir])).code).toBe(0);
});

test("sums that another program changed are named by every command, and no treasury starts on them", async () => {
  const { dir, database, publicKey } = await summedUp();
  const raw = new DatabaseSync(database);
  raw.exec(`UPDATE checkpoint SET body = replace(body, '30000', '20000')`);
  raw.close();
  for (const command of [
    ["journal", "checkpoint", "--verify"],
    ["journal", "checkpoint", "--public-key", publicKey],
  ]) {
    const refused = await sigil([...command, "--dir", dir]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("ERR_CHECKPOINT");
  }
  const ledger = await sigil(["ledger", "verify", "--dir", dir]);
  expect(ledger.code).toBe(1);
  expect(ledger.stdout).toContain("its signature is not valid");
  const start = await sigil(["treasury", "start", "--dir", dir], {
    SIGIL_WALLET: "dev+http://127.0.0.1:1/treasury?key=0123456789abcdef",
  });
  expect(start.code).not.toBe(0);
  expect(start.stderr).toContain("ERR_CHECKPOINT");
});
