/**
 * Brings SQLite's write-ahead log to the disk, and from there into the file, on other threads: a
 * commit or a checkpoint does not hold up the thread that serves.
 */
import type { Worker } from "node:worker_threads";

/** The write-ahead log of a database, which a connection of this process keeps open. */
export interface WriteAheadLog {
  /**
   * Resolves once everything that was written to the log before the call is on the disk. After a
   * failure nobody knows what is.
   */
  sync(): Promise<void>;
  /**
   * Copies what is in the log to the file, beside commits that go on. Returns the pages of the log.
   * Undefined if the runtime has no worker threads: then SQLite does it, within a commit.
   */
  readonly checkpoint: (() => Promise<number>) | undefined;
  close(): Promise<void>;
}

/** An fsync that failed, in the form of SQLite's own error for it: SQLITE_IOERR_FSYNC. */
const FAILED_FSYNC = 1034;

/**
 * A text, because a file of its own would be lost where the library is bundled. `mode=rw`: it must
 * not make a file where the books were moved away. The settings are those of the connection that
 * writes.
 */
const CHECKPOINTER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { DatabaseSync } = require("node:sqlite");
  let database;
  parentPort.on("message", () => {
    try {
      database ??= new DatabaseSync(new URL(workerData + "?mode=rw"));
      for (const pragma of ["synchronous = FULL", "fullfsync = 1", "checkpoint_fullfsync = 1"])
        database.exec("PRAGMA " + pragma);
      const { log } = database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
      parentPort.postMessage({ pages: Number(log) });
    } catch ({ message, errcode }) {
      parentPort.postMessage({ message, errcode });
    }
  });
`;

/**
 * Opens the log of the database at `path`, which must have one. The descriptor is of the log alone:
 * to close one of the database itself would end the locks that SQLite has on it.
 */
export function openLog(path: string): WriteAheadLog {
  const fs = globalThis.process.getBuiltinModule("node:fs");
  const threads = globalThis.process.getBuiltinModule("node:worker_threads");
  const file = fs.openSync(`${path}-wal`, "r+");
  let worker: Worker | undefined;
  return {
    sync: () =>
      new Promise((resolve, reject) => {
        // It syncs the size of the file as well. On macOS it is F_FULLFSYNC, as SQLite's own sync.
        fs.fdatasync(file, (cause) => {
          if (cause === null) resolve();
          else
            reject(Object.assign(new Error(cause.message, { cause }), { errcode: FAILED_FSYNC }));
        });
      }),
    checkpoint:
      threads === undefined
        ? undefined
        : () => {
            worker ??= started(threads, path);
            return asked(worker);
          },
    async close() {
      // A checkpoint under way ends first.
      await worker?.terminate();
      fs.closeSync(file);
    },
  };
}

function started(threads: typeof import("node:worker_threads"), path: string): Worker {
  const { pathToFileURL } = globalThis.process.getBuiltinModule("node:url");
  const workerData = pathToFileURL(path).href;
  const worker = new threads.Worker(CHECKPOINTER, {
    ...{ eval: true, workerData, execArgv: ["--no-warnings"], env: {} },
  });
  worker.unref();
  return worker;
}

function asked(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    const end = () => {
      worker.off("message", answered);
      worker.off("error", failed);
      worker.off("exit", failed);
    };
    const failed = (cause: unknown) => {
      end();
      reject(cause instanceof Error ? cause : new Error("the thread of checkpoints ended"));
    };
    const answered = (answer: { pages: number } | { message: string; errcode?: number }) => {
      end();
      if ("pages" in answer) resolve(answer.pages);
      else reject(Object.assign(new Error(answer.message), { errcode: answer.errcode }));
    };
    worker.on("message", answered);
    worker.on("error", failed);
    worker.on("exit", failed);
    worker.postMessage(null);
  });
}
