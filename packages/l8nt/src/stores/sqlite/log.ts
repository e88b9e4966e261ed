/**
 * Brings SQLite's write-ahead log to the disk on another thread, so that no commit holds up the
 * thread that serves.
 */

/** The write-ahead log of a database, which a connection of this process keeps open. */
export interface WriteAheadLog {
  /**
   * Resolves once everything that was written to the log before the call is on the disk. After a
   * failure nobody knows what is.
   */
  sync(): Promise<void>;
  close(): void;
}

/** An fsync that failed, in the form of SQLite's own error for it: SQLITE_IOERR_FSYNC. */
const FAILED_FSYNC = 1034;

/**
 * Opens the log of the database at `path`, which must have one. The descriptor is of the log alone:
 * to close one of the database itself would end the locks that SQLite has on it.
 */
export function openLog(path: string): WriteAheadLog {
  const fs = globalThis.process.getBuiltinModule("node:fs");
  const file = fs.openSync(`${path}-wal`, "r+");
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
    close: () => fs.closeSync(file),
  };
}
