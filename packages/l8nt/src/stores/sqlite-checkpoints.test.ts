/** The log of the SQLite store stays short, and the thread that serves copies none of it. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Checkpoints } from "./sqlite/checkpoints.ts";
import { openSqliteStore } from "./sqlite.ts";

const sqlite = process.getBuiltinModule("node:sqlite");
const threads = process.getBuiltinModule("node:worker_threads");
const START = 1_900_000_000;
const MEBIBYTE = 1024 * 1024;
const failure = { name: "AdapterError", code: "ERR_STORE" };

function fresh(): string {
  const folder = mkdtempSync(join(tmpdir(), "sigil-checkpoints-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "a name with # and ?.db");
}

/** Ends each checkpoint by hand. */
function byHand() {
  const running: { resolve: (pages: number) => void; reject: (cause: unknown) => void }[] = [];
  const failed = vi.fn();
  const checkpoints = new Checkpoints({
    checkpoint: () => new Promise((resolve, reject) => running.push({ resolve, reject })),
    failed,
  });
  return { running, failed, checkpoints };
}

describe("a checkpoint", () => {
  test("begins after 256 changes, one at a time, and no commit waits for it", async () => {
    const { running, checkpoints } = byHand();
    expect(checkpoints.after(255)).toBeUndefined();
    expect(running).toHaveLength(0);
    for (const _ of [1, 2, 3]) expect(checkpoints.after(256)).toBeUndefined();
    expect(running).toHaveLength(1);
    running[0]!.resolve(300);
    await new Promise(setImmediate);
    expect(checkpoints.after(1)).toBeUndefined();
    expect(running).toHaveLength(2);
  });

  test("of a long log is done once more while the next commit waits, so that the log begins anew", async () => {
    const { running, checkpoints } = byHand();
    checkpoints.after(256);
    running[0]!.resolve(4000);
    await new Promise(setImmediate);
    const waiting = checkpoints.after(1);
    expect(waiting).toBeInstanceOf(Promise);
    running[1]!.resolve(4100);
    await waiting;
    expect(checkpoints.after(1)).toBeUndefined();
    expect(running).toHaveLength(2);
  });

  test("that fails is reported once, ends no wait with an error, and is the last", async () => {
    const { running, failed, checkpoints } = byHand();
    checkpoints.after(256);
    running[0]!.resolve(5000);
    await new Promise(setImmediate);
    const waiting = checkpoints.after(1);
    const cause = new Error("the disk");
    running[1]!.reject(cause);
    await waiting;
    expect(failed.mock.calls).toEqual([[cause]]);
    expect(checkpoints.after(10_000)).toBeUndefined();
    expect(running).toHaveLength(2);
  });
});

describe.skipIf(sqlite === undefined)("an SQLite store", () => {
  const note = "x".repeat(64 * 1024);

  test("keeps its log short on another thread, and loses nothing", async () => {
    const path = fresh();
    const store = await openSqliteStore(path);
    const started = vi.spyOn(threads, "Worker");
    onTestFinished(() => started.mockRestore());
    // 17 pages each: twice what the log has when it begins anew.
    for (let nth = 0; nth < 560; nth++) await store.note(`${nth} ${note}`, START);
    expect(started).toHaveBeenCalledTimes(1);
    expect(statSync(`${path}-wal`).size).toBeLessThan(30 * MEBIBYTE);
    await store.close();
    const again = await openSqliteStore(path);
    const journal = await again.journal(0, 1000);
    expect(journal).toHaveLength(560);
    expect(journal.at(-1)!.event).toMatchObject({ text: expect.stringMatching(/^559 x/) });
    await again.close();
  });

  test.each([
    ["a disk that fails writes no more", 10, "writing the disk failed"],
    ["a thread that cannot open the file leaves it to SQLite", 14, undefined],
  ])("whose checkpoint meets %s", async (_, errcode, why) => {
    const path = fresh();
    class Failing {
      on(event: string, act: (answer: unknown) => void) {
        if (event === "message") setImmediate(() => act({ message: "injected", errcode }));
      }
      off() {}
      unref() {}
      postMessage() {}
      async terminate() {}
    }
    const { Worker } = threads;
    threads.Worker = Failing as unknown as typeof Worker;
    onTestFinished(() => {
      threads.Worker = Worker;
    });
    const store = await openSqliteStore(path);
    await Promise.all(Array.from({ length: 300 }, () => store.note("x", START)));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const written = store.note("after", START);
    if (why === undefined) await written;
    else
      await expect(written).rejects.toMatchObject({
        ...failure,
        message: expect.stringContaining(why),
      });
    expect((await store.journal(0, 1000)).length).toBeGreaterThanOrEqual(300);
    await store.close();
  });
});
