/** Copies the books while they are used, and puts a copy in their place. */
import { AdapterError } from "../../errors.ts";
import { BOOKS_FILE } from "../../ports/facts.ts";
import { fileAt, lock, openForReading, openForWriting } from "./database.ts";

const failed = (why: string, cause?: unknown): AdapterError =>
  new AdapterError("ERR_STORE", `${why}.`, { cause });

const files = () => globalThis.process.getBuiltinModule("node:fs");
const paths = () => globalThis.process.getBuiltinModule("node:path");

/**
 * Writes a copy of the books to a new file, as they are at one moment. A treasury may write to them
 * meanwhile.
 *
 * @param from the file of the books
 * @param to a file that does not exist yet. Only this user can read it
 * @throws AdapterError `ERR_STORE`
 */
export async function backupSqliteStore(from: string, to: string): Promise<void> {
  const fs = files();
  if (fs.lstatSync(to, { throwIfNoEntry: false }) !== undefined)
    throw failed("There is a file of the backup's name already. Name another one");
  const unfinished = `${to}.unfinished`;
  const { database } = openForReading(from);
  try {
    createNew(unfinished);
    // One read transaction, so that a writer neither waits for it nor starts it anew.
    database.prepare("VACUUM INTO ?").run(unfinished);
    flush(unfinished);
    // A link, unlike a rename, never replaces a file.
    fs.linkSync(unfinished, to);
    fs.rmSync(unfinished);
    flush(paths().dirname(to));
  } catch (cause) {
    fs.rmSync(unfinished, { force: true });
    throw failed(
      "The backup could not be written. Is there room for it, and may this user write there?",
      cause,
    );
  } finally {
    database.close();
  }
}

/** SQLite writes into an empty file, and keeps its permissions. */
function createNew(path: string): void {
  const fs = files();
  fs.rmSync(path, { force: true });
  fs.closeSync(fs.openSync(path, "wx", 0o600));
}

/**
 * Puts a backup in the place of the books, which are moved aside and kept. The books may be
 * damaged or missing.
 *
 * @param from the backup
 * @param to the file of the books
 * @returns where the earlier books are; undefined if there were none
 * @throws AdapterError `ERR_STORE` if a process has the books open, or the backup cannot be used;
 * nothing was changed then
 */
export async function restoreSqliteStore(from: string, to: string): Promise<string | undefined> {
  const fs = files();
  const copy = `${to}.unfinished`;
  const isThere = fs.lstatSync(to, { throwIfNoEntry: false }) !== undefined;
  const path = isThere ? fileAt(to).path : to;
  const unlock = lock(path);
  try {
    await copyOf(from, copy);
    const kept = isThere ? asideOf(path) : undefined;
    if (kept !== undefined)
      for (const end of ["-wal", "-shm", ""])
        if (fs.existsSync(path + end)) fs.renameSync(path + end, kept + end);
    fs.renameSync(copy, path);
    flush(paths().dirname(path));
    return kept;
  } catch (cause) {
    fs.rmSync(copy, { force: true });
    throw cause instanceof AdapterError
      ? cause
      : failed("The backup could not be put in place. Run the same command again", cause);
  } finally {
    unlock();
  }
}

/** A checked copy without a log beside it. */
async function copyOf(from: string, copy: string): Promise<void> {
  const fs = files();
  fs.rmSync(copy, { force: true });
  await backupSqliteStore(from, copy);
  // Opened as the treasury will open it, so that a damaged backup does not replace the books.
  const { database, unlock, number } = openForWriting(copy);
  // It takes the place of the books, so it is no copy beside them.
  if (number !== undefined)
    database
      .prepare("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)")
      .run(BOOKS_FILE, number);
  database.exec("PRAGMA journal_mode = DELETE");
  database.close();
  unlock();
  for (const end of [".lock", "-wal", "-shm"]) fs.rmSync(copy + end, { force: true });
  flush(copy);
}

/** `treasury.db.before-2026-11-29T08-30-00Z`, with a number if that exists. */
function asideOf(path: string): string {
  const fs = files();
  const time = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(":", "-");
  const name = `${path}.before-${time}`;
  for (let number = 1; ; number++) {
    const free = number === 1 ? name : `${name}-${number}`;
    if (!fs.existsSync(free)) return free;
  }
}

function flush(path: string): void {
  const fs = files();
  const file = fs.openSync(path, "r");
  try {
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}
