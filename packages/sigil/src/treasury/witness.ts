/**
 * Keeps how far the books have come in a file beside the key, so that an older database in the
 * folder is noticed. Not part of a backup. docs/guides/backup.md.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { AdapterError } from "l8nt";
import type { BooksMark, BooksWitness } from "l8nt/ports";

/** The file at `path`, which need not exist. */
export const fileWitness = (path: string): BooksWitness => ({
  async read() {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw unreadable(error);
    }
    return marked(text);
  },

  async write(mark) {
    const { O_CREAT, O_EXCL, O_WRONLY } = constants;
    // Two processes may write: a daemon, and `sigil treasury restore`.
    const unfinished = `${path}.${randomUUID()}.unfinished`;
    const file = openSync(unfinished, O_CREAT | O_EXCL | O_WRONLY, 0o600);
    try {
      writeSync(file, `${JSON.stringify(mark)}\n`);
      fsyncSync(file);
      renameSync(unfinished, path);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
    const folder = openSync(dirname(path), constants.O_RDONLY);
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  },
});

const HASH = /^[0-9a-f]{64}$/;

function marked(text: string): BooksMark {
  let mark: Partial<BooksMark>;
  try {
    mark = JSON.parse(text) as Partial<BooksMark>;
  } catch (error) {
    throw unreadable(error);
  }
  const { latest, receipts, earlier } = Object(mark) as Partial<BooksMark>;
  const isWhole =
    typeof latest === "number" &&
    Number.isSafeInteger(receipts?.count) &&
    HASH.test(String(receipts?.last)) &&
    Array.isArray(earlier);
  if (!isWhole) throw unreadable(undefined);
  return mark as BooksMark;
}

/** Spending on without it could spend a budget twice. */
const unreadable = (cause: unknown): AdapterError =>
  new AdapterError(
    "ERR_STORE",
    "The file newest.json in the treasury's folder cannot be read. It says how far the books have come. If the books are the newest ones, delete it; if they are from a backup, use `sigil treasury restore`.",
    { cause },
  );
