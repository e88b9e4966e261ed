/**
 * A treasury's folder: what lies in it, and that nobody else can read what must stay private. [case
 * 87]
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  type Stats,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { UsageError } from "../exit.ts";

export interface Folder {
  readonly path: string;
  readonly config: string;
  readonly key: string;
  readonly database: string;
  readonly ownerCredential: string;
  readonly agentCredential: string;
}

export const folderAt = (path: string): Folder => ({
  path,
  config: join(path, "config.json"),
  key: join(path, "key"),
  database: join(path, "treasury.db"),
  ownerCredential: join(path, "owner.credential"),
  agentCredential: join(path, "agent.credential"),
});

export function makeFolder(path: string): Folder {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch {
    throw new UsageError("The folder of --dir cannot be made.");
  }
  checkPrivate(path, "The folder of --dir");
  return folderAt(path);
}

/** @throws UsageError where there is a treasury in it */
export function refuseExisting({ config, key }: Folder): void {
  if ([config, key].some((file) => lstatSync(file, { throwIfNoEntry: false }) !== undefined))
    throw new UsageError(
      "There is a treasury in the folder of --dir already, or what is left of one: name another, or delete it if it is worth nothing.",
    );
}

/** @throws UsageError for one that others may enter or that is a link */
export function existingFolder(path: string): Folder {
  const folder = folderAt(path);
  checkPrivate(path, "The folder of --dir");
  if (lstatSync(folder.config, { throwIfNoEntry: false }) === undefined)
    throw new UsageError(
      "There is no treasury in the folder of --dir. `sigil treasury init --dir DIR` makes one.",
    );
  return folder;
}

function checkPrivate(path: string, what: string): void {
  const stat = looked(path, what);
  if (stat === undefined) throw new UsageError(`${what} is not there.`);
  if (stat.isSymbolicLink())
    throw new UsageError(`${what} is a symbolic link: name the place itself.`);
  if ((stat.mode & 0o077) !== 0)
    throw new UsageError(
      `${what} can be read by others: chmod ${stat.isDirectory() ? "700" : "600"} it.`,
    );
}

/** Node's own errors repeat the path, which may be a wallet's URL in the wrong place. */
function looked(path: string, what: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    throw new UsageError(`${what} cannot be read.`);
  }
}

const TAKEN = "There is a treasury in the folder of --dir already, or what is left of one.";

/** Never over an existing one, for which `taken` is said; never through a link. */
export function writePrivate(path: string, text: string, taken = TAKEN): void {
  const file = openNew(path, taken);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}

function openNew(path: string, taken: string): number {
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
  try {
    return openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw new UsageError(taken);
    throw new UsageError("A file in the folder of --dir cannot be written.");
  }
}

/** @throws UsageError where it is a link, or others can read it */
export function readPrivate(path: string, what: string): string {
  checkPrivate(path, what);
  // Looked at again through the open file: it may have been changed in between.
  const file = opened(path, what);
  try {
    if ((fstatSync(file).mode & 0o077) !== 0)
      throw new UsageError(`${what} can be read by others: chmod 600 it.`);
    return readFileSync(file, "utf8").trim();
  } finally {
    closeSync(file);
  }
}

function opened(path: string, what: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    throw new UsageError(`${what} cannot be read.`);
  }
}
