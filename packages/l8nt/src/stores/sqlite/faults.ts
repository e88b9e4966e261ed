/**
 * SQLite's errors as one line for people: what happened, what it means for the money, what to do.
 */
import { AdapterError } from "../../errors.ts";

interface SqliteFault {
  readonly errcode?: number;
  readonly message: string;
}

const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

export const primaryCode = (error: unknown): number => ((error as SqliteFault).errcode ?? 0) & 0xff;

const WORDS: Readonly<Record<number, string>> = {
  [BUSY]: "another program holds a lock on the database. Nothing was written; end that program",
  [LOCKED]: "another program holds a lock on the database. Nothing was written; end that program",
  [READONLY]:
    "the database cannot be written to. Nothing was written; give this process the right to write to it",
  [IOERR]:
    "reading or writing the disk failed. Nothing more is written by this process: check the disk, then start again",
  [CORRUPT]: "the database is damaged. Nothing more is written: restore it from a backup",
  [FULL]:
    "the disk is full. Nothing was written, and nothing that was acknowledged is lost; make room",
  [CANTOPEN]: "the database cannot be opened. Are its path and its rights as they should be?",
  [NOTADB]: "the file is no SQLite database",
};

export function storeError(cause: unknown): AdapterError {
  const why = WORDS[primaryCode(cause)] ?? `SQLite refused: ${(cause as SqliteFault).message}`;
  return new AdapterError("ERR_STORE", `The store failed: ${why}.`, { cause });
}

/**
 * After one of these nobody knows what reached the disk. A second fsync could say yes to what the
 * first one lost. [case 108]
 */
export const isDoubtful = (error: unknown): boolean => {
  const code = primaryCode(error);
  return code === IOERR || code === CORRUPT || code === NOTADB;
};

export const isBusy = (error: unknown): boolean => [BUSY, LOCKED].includes(primaryCode(error));
export const isNoDatabase = (error: unknown): boolean =>
  [NOTADB, CORRUPT].includes(primaryCode(error));
