/**
 * Opens the file, or refuses it in one clear line: name, lock, format, owner, schema, integrity,
 * pragmas.
 */
import type { DatabaseSync } from "node:sqlite";
import { AdapterError } from "../../errors.ts";
import { isBusy, isNoDatabase, storeError } from "./faults.ts";
import { openLog, type WriteAheadLog } from "./log.ts";
import { MIGRATIONS } from "./schema.ts";

/** "Sigl", so that another program's database is not taken for ours. */
const APPLICATION_ID = 0x5369_676c;
/** How long to wait for another program's lock. The process is blocked in that time. */
const BUSY_MS = 250;

/** 16 MiB of log. A commit that finds more copies it into the file, which takes two fsyncs. */
export const PAGES_BEFORE_CHECKPOINT = 4000;

/** The settings without which an acknowledged commit may not survive a power cut. */
const PRAGMAS: readonly (readonly [name: string, value: string, read: string | number])[] = [
  ["journal_mode", "WAL", "wal"],
  ["synchronous", "FULL", 2],
  ["fullfsync", "1", 1],
  ["checkpoint_fullfsync", "1", 1],
  ["foreign_keys", "1", 1],
  ["trusted_schema", "0", 0],
  ["wal_autocheckpoint", String(PAGES_BEFORE_CHECKPOINT), PAGES_BEFORE_CHECKPOINT],
  ["busy_timeout", String(BUSY_MS), BUSY_MS],
];

export interface Opened {
  readonly database: DatabaseSync;
  /** As `DatabaseFile.number`. */
  readonly number?: string;
  /** If it is given, a commit is durable only once the log was synced. */
  readonly log?: WriteAheadLog;
  /** Gives up the lock. */
  readonly unlock: () => void;
  /**
   * Why this process may not write any more; undefined if it may. Ask within each transaction: its
   * lock keeps the answer true until the commit.
   */
  readonly lost: () => string | undefined;
}

const refused = (why: string, cause?: unknown): AdapterError =>
  new AdapterError("ERR_STORE", `The database was not opened: ${why}.`, { cause });

/** @throws AdapterError `ERR_STORE` if the runtime has no SQLite; Node 24 has it */
function builtin(): typeof import("node:sqlite") {
  const sqlite = globalThis.process?.getBuiltinModule?.("node:sqlite");
  if (sqlite?.DatabaseSync === undefined)
    throw refused("this runtime has no node:sqlite; Node 24 or later has it");
  return sqlite;
}

export function openForWriting(path: string): Opened {
  const { DatabaseSync } = builtin();
  const file = path === ":memory:" ? undefined : fileAt(path, createPrivate);
  const unlock = file === undefined ? () => {} : lock(file.path);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file?.path ?? path, { timeout: BUSY_MS });
    checkOwner(database);
    setPragmas(database);
    checkIntegrity(database);
    migrate(database);
    const isOwn = ownEpoch(database);
    const lost = () => {
      if (file?.isStillThere() === false) return MOVED;
      return isOwn() ? undefined : OPENED_AGAIN;
    };
    if (file === undefined) return { database, unlock, lost };
    const log = openLog(file.path);
    // From here on the queue syncs the log after each commit, on another thread. SQLite syncs it
    // itself before a checkpoint, as ever.
    database.exec("PRAGMA synchronous = NORMAL");
    const { number } = file;
    return { database, log, unlock, lost, ...(number !== undefined && { number }) };
  } catch (error) {
    database?.close();
    unlock();
    throw plain(error);
  }
}

/** Opens the file for reading, also while another process writes. */
export function openForReading(path: string): Opened {
  const { DatabaseSync } = builtin();
  const file = fileAt(path);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file.path, { readOnly: true, timeout: BUSY_MS });
    checkOwner(database);
    const version = checkSchema(database);
    if (version !== MIGRATIONS.length)
      throw refused(
        "its schema is older than this version of Sigil, which migrates it when a treasury starts on it",
      );
    return { database, unlock: () => {}, lost: () => undefined };
  } catch (error) {
    database?.close();
    throw plain(error);
  }
}

const plain = (error: unknown): unknown => {
  if (error instanceof AdapterError) return error;
  if (isNoDatabase(error))
    return refused("it is damaged, or no SQLite database. Restore it from a backup", error);
  return storeError(error);
};

const MOVED =
  "the file of the books was moved or replaced while this process had it open. Nothing was written, and this process writes no more: start it again on the file that should be used";
const OPENED_AGAIN =
  "another process has opened these books, although this one was using them: its lock file was removed. Nothing was written, and this process writes no more: end it, and let one process run";

interface DatabaseFile {
  /** Absolute, without links: two names of one file are one lock and one log. */
  readonly path: string;
  /** Its inode number; undefined if its file system does not keep one. */
  readonly number?: string;
  readonly isStillThere: () => boolean;
}

/**
 * File systems of Linux that make up inode numbers, so that a file may have another one after each
 * mount: FAT, exFAT, FUSE (also the shared folders of virtual machines), SMB and 9P.
 */
const WITHOUT_NUMBERS = new Set([
  0x4d44, 0x2011bab0, 0x65735546, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997,
]);

function numberOf(path: string, inode: bigint): string | undefined {
  const fs = globalThis.process.getBuiltinModule("node:fs");
  try {
    if (WITHOUT_NUMBERS.has(fs.statfsSync(path).type >>> 0)) return undefined;
  } catch {
    // A runtime or a system that does not tell.
  }
  return inode === 0n ? undefined : inode.toString();
}

/**
 * The file behind a name. A file with a second name (a hard link) is refused: SQLite keeps a log
 * beside each name, and a reader or writer of one name never sees what the log of the other holds.
 */
export function fileAt(name: string, create = (_name: string): void => {}): DatabaseFile {
  const fs = globalThis.process.getBuiltinModule("node:fs");
  create(name);
  let path: string;
  let links: number;
  let own: string;
  let number: string | undefined;
  const identity = ({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }) =>
    `${dev} ${ino}`;
  try {
    path = fs.realpathSync(name);
    const stat = fs.statSync(path, { bigint: true });
    links = Number(stat.nlink);
    own = identity(stat);
    number = numberOf(path, stat.ino);
  } catch (cause) {
    throw refused("there is no file of that name, or it cannot be read", cause);
  }
  if (links > 1)
    throw refused(
      `its file has ${links} names (hard links), and SQLite keeps a separate log for each, so changes would be lost. Remove every name but one; for a copy, use a backup`,
    );
  return {
    path,
    ...(number !== undefined && { number }),
    isStillThere: () => {
      const now = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
      return now !== undefined && identity(now) === own;
    },
  };
}

/**
 * Raises the epoch of the books. Returns whether it is still the one that was raised here: a
 * process that opened the books later, for example after the lock file was removed, raised it too.
 */
function ownEpoch(database: DatabaseSync): () => boolean {
  database.exec("BEGIN IMMEDIATE");
  database.exec("UPDATE books SET epoch = epoch + 1 WHERE one = 1");
  const read = database.prepare("SELECT epoch FROM books WHERE one = 1");
  const own = read.get()!.epoch;
  database.exec("COMMIT");
  return () => read.get()!.epoch === own;
}

/**
 * Takes the lock of the only writer: a lock of the operating system on a file beside the database.
 * It ends with the process, even a killed one. The file holds the process id.
 */
export function lock(path: string): () => void {
  const { DatabaseSync } = builtin();
  createPrivate(`${path}.lock`);
  const holder = new DatabaseSync(`${path}.lock`, { timeout: 0 });
  try {
    holder.exec("PRAGMA journal_mode = MEMORY");
    holder.exec("BEGIN IMMEDIATE");
    holder.exec("CREATE TABLE IF NOT EXISTS holder (pid INTEGER)");
    holder.exec("DELETE FROM holder");
    holder.prepare("INSERT INTO holder VALUES (?)").run(globalThis.process.pid);
    holder.exec("COMMIT");
    // This lock does not stop readers, so another process can read the process id.
    holder.exec("BEGIN IMMEDIATE");
    return () => holder.close();
  } catch (error) {
    const pid = isBusy(error) ? pidIn(holder) : undefined;
    holder.close();
    if (!isBusy(error)) throw plain(error);
    const who = pid === undefined ? "another process" : `process ${pid}`;
    throw refused(`${who} has it open, and one writes at a time. End that process first`);
  }
}

function pidIn(holder: DatabaseSync): number | undefined {
  try {
    const row = holder.prepare("SELECT pid FROM holder").get() as { pid: number } | undefined;
    return row?.pid;
  } catch {
    return undefined;
  }
}

/** SQLite gives its other files the permissions of the first one. */
function createPrivate(file: string): void {
  const fs = globalThis.process.getBuiltinModule("node:fs");
  try {
    fs.closeSync(fs.openSync(file, fs.constants.O_CREAT | fs.constants.O_RDWR, 0o600));
  } catch (cause) {
    throw refused(
      "its file cannot be made or written to. Are its folder and its rights as they should be?",
      cause,
    );
  }
}

function setPragmas(database: DatabaseSync): void {
  for (const [name, value, expected] of PRAGMAS) {
    database.exec(`PRAGMA ${name} = ${value}`);
    const read = pragmaOf(database, name);
    if (read !== expected && !(name === "journal_mode" && read === "memory"))
      throw refused(
        `SQLite does not take the setting ${name} = ${value} here (it says ${read}), so nothing would be durable`,
      );
  }
}

function pragmaOf(database: DatabaseSync, pragma: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
}

const objectsIn = (database: DatabaseSync): readonly string[] =>
  database
    .prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
    .all()
    .map(({ name }) => String(name));

function checkOwner(database: DatabaseSync): void {
  const id = pragmaOf(database, "application_id");
  if (id === APPLICATION_ID || (id === 0 && objectsIn(database).length === 0)) return;
  throw refused("it is another program's database");
}

/** Returns the number of the schema. Every step up to it must be complete. [case 110] */
function checkSchema(database: DatabaseSync): number {
  const version = Number(pragmaOf(database, "user_version"));
  if (version > MIGRATIONS.length)
    throw refused(
      `its schema is ${version}, and this version of Sigil knows ${MIGRATIONS.length} at most. Use the newer version that wrote it`,
    );
  const present = new Set(objectsIn(database));
  const expected = MIGRATIONS.slice(0, version).flatMap(({ objects }) => objects);
  if (expected.some((name) => !present.has(name)) || (version === 0 && present.size > 0))
    throw refused(
      "its tables are not those of its schema number: a migration was cut, or somebody changed them. Restore it from a backup",
    );
  return version;
}

function checkIntegrity(database: DatabaseSync): void {
  const found = pragmaOf(database, "quick_check");
  if (found !== "ok") throw refused("it is damaged. Restore it from a backup");
}

/**
 * Each step is one transaction that includes its number, so an interrupted step leaves the step
 * before it.
 */
function migrate(database: DatabaseSync): void {
  for (let version = checkSchema(database); version < MIGRATIONS.length; version++) {
    database.exec("BEGIN IMMEDIATE");
    for (const statement of MIGRATIONS[version]!.statements) database.exec(statement);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${version + 1}`);
    database.exec("COMMIT");
  }
  checkSchema(database);
}
