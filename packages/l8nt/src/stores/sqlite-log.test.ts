/** What the SQLite store acknowledges or reads is on the disk, and no thread waits for the disk. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync as Database } from "node:sqlite";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { msat } from "../amount.ts";
import { auditLedger } from "../ledger/index.ts";
import type { Store } from "../ports/store.ts";
import { buy } from "../testing/payment-laws.ts";
import { order, START, spend } from "../testing/store-laws.ts";
import { openSqliteStore } from "./sqlite.ts";

const sqlite = process.getBuiltinModule("node:sqlite");
const fs = process.getBuiltinModule("node:fs");
const limit = spend("a", 1_000_000n);
const failure = { name: "AdapterError", code: "ERR_STORE" };
type End = (error: NodeJS.ErrnoException | null) => void;

function fresh(): string {
  const folder = mkdtempSync(join(tmpdir(), "sigil-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "books.db");
}

async function open(path: string): Promise<Store> {
  const store = await openSqliteStore(path);
  onTestFinished(() => store.close());
  return store;
}

/** Ends the calls of `fdatasync` by hand. */
function heldDisk(): { readonly syncs: End[]; release(): void } {
  const syncs: End[] = [];
  const spy = vi.spyOn(fs, "fdatasync").mockImplementation(((_fd: number, end: End) => {
    syncs.push(end);
  }) as typeof fs.fdatasync);
  const release = () => {
    spy.mockRestore();
    for (const end of syncs.splice(0)) end(null);
  };
  onTestFinished(release);
  return { syncs, release };
}

/** Enough turns for everything that does not wait for the disk. */
const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
};

function watched<Value>(promise: Promise<Value>): { isOver: boolean } {
  const state = { isOver: false };
  const over = () => {
    state.isOver = true;
  };
  promise.then(over, over);
  return state;
}

describe.skipIf(sqlite === undefined)("while the disk is busy", () => {
  test("no change is acknowledged, the thread is free, and what comes shares the next transaction", async () => {
    const store = await open(fresh());
    const { syncs, release } = heldDisk();
    const first = store.reserve(order([limit], 1n));
    const isFirst = watched(first);
    await settled();
    expect(syncs).toHaveLength(1);
    expect(isFirst.isOver).toBe(false);
    const { exec } = sqlite!.DatabaseSync.prototype;
    const commits: string[] = [];
    vi.spyOn(sqlite!.DatabaseSync.prototype, "exec").mockImplementation(function (
      this: Database,
      sql: string,
    ) {
      if (sql === "COMMIT") commits.push(sql);
      exec.call(this, sql);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const later = Promise.all([1, 2, 3].map(() => store.reserve(order([limit], 1n))));
    const isLater = watched(later);
    await settled();
    expect(commits).toEqual([]);
    syncs.shift()!(null);
    expect(await first).toEqual({ reserved: true });
    await settled();
    expect(commits).toHaveLength(1);
    expect(isLater.isOver).toBe(false);
    release();
    expect(await later).toEqual([{ reserved: true }, { reserved: true }, { reserved: true }]);
  });

  test("no answer is made from what may still be lost", async () => {
    const store = await open(fresh());
    const { syncs, release } = heldDisk();
    const reserved = store.reserve(order([limit], 5n));
    await settled();
    const usage = store.usage([limit], START);
    const journal = store.journal(0, 10);
    const reads = [watched(usage), watched(journal)];
    await settled();
    expect(syncs).toHaveLength(1);
    expect(reads.map(({ isOver }) => isOver)).toEqual([false, false]);
    release();
    await reserved;
    expect((await usage)[0]!.used).toBe(5n);
    expect(await journal).toHaveLength(1);
  });

  test("a close waits, and then the file has everything", async () => {
    const path = fresh();
    const store = await open(path);
    const { release } = heldDisk();
    const reserved = store.reserve(order([limit], 5n));
    await settled();
    const closed = store.close();
    const state = watched(closed);
    await settled();
    expect(state.isOver).toBe(false);
    release();
    await Promise.all([reserved, closed]);
    expect((await (await open(path)).usage([limit], START))[0]!.used).toBe(5n);
  });
});

test.skipIf(sqlite === undefined)("a patient mark is written with the next change", async () => {
  const store = await open(fresh());
  const { paymentHash } = await buy(store);
  const synced = vi.spyOn(fs, "fdatasync");
  onTestFinished(() => synced.mockRestore());
  const marked = store.mark(paymentHash, { status: "used" }, "patient");
  await settled();
  expect(synced).not.toHaveBeenCalled();
  await store.reserve(order([limit], 1n));
  expect(await marked).toMatchObject({ status: "used" });
  expect(synced).toHaveBeenCalledTimes(1);
});

describe.skipIf(sqlite === undefined)("a sync that fails [case 108]", () => {
  test("rejects its whole group; nothing more is written, also not by trying again; reading goes on", async () => {
    const path = fresh();
    const store = await open(path);
    await store.reserve(order([limit], 10n, START, "before"));
    const { syncs, release } = heldDisk();
    const during = Promise.allSettled([
      store.reserve(order([limit], 20n, START, "during")),
      store.commit("before", msat(5n), START),
    ]);
    await settled();
    const read = store.usage([limit], START);
    syncs.shift()!(Object.assign(new Error("EIO"), { code: "EIO" }));
    for (const answer of await during)
      expect(answer).toMatchObject({ status: "rejected", reason: failure });
    await read;
    release();
    const again = store.commit("before", msat(5n), START);
    await expect(again).rejects.toMatchObject({
      ...failure,
      message: expect.stringContaining("writing the disk failed"),
    });
    expect(await store.journal(0, 10)).not.toEqual([]);
    await store.close();
    expect((await auditLedger(await open(path))).faults).toEqual([]);
  });
});

describe.skipIf(sqlite === undefined)("a power cut at any moment", () => {
  test("leaves everything that was acknowledged, in the bytes that were synced [case 107]", async () => {
    const path = fresh();
    const store = await open(path);
    const copy = fresh();
    const { fdatasync } = fs;
    let syncs = 0;
    // The disk has what the log held when a sync that has ended was begun.
    vi.spyOn(fs, "fdatasync").mockImplementation(((fd: number, end: End) => {
      const begun = `${copy}-${++syncs}`;
      copyFileSync(`${path}-wal`, begun);
      fdatasync(fd, (error) => {
        copyFileSync(begun, `${copy}-wal`);
        rmSync(begun);
        end(error);
      });
    }) as typeof fs.fdatasync);
    onTestFinished(() => void vi.restoreAllMocks());
    const cut = async () => {
      const saved = fresh();
      copyFileSync(path, saved);
      copyFileSync(`${copy}-wal`, `${saved}-wal`);
      const after = await openSqliteStore(saved);
      const [usage] = await after.usage([limit], START);
      expect((await auditLedger(after)).faults).toEqual([]);
      await after.close();
      return usage!.used;
    };
    let acknowledged = 0n;
    for (let round = 0; round < 15; round++) {
      const group = Array.from({ length: 1 + (round % 4) }, () =>
        store.reserve(order([limit], 1n)),
      );
      if (round % 2 === 1) {
        await group[0];
        acknowledged++;
        expect(await cut()).toBeGreaterThanOrEqual(acknowledged);
        acknowledged--;
      }
      await Promise.all(group);
      acknowledged += BigInt(group.length);
      const [seen] = await store.usage([limit], START);
      expect(await cut()).toBeGreaterThanOrEqual(seen!.used);
      expect(seen!.used).toBe(acknowledged);
    }
    expect(syncs).toBeGreaterThanOrEqual(15);
  });
});
