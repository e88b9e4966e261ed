/** The files of a treasury's folder, and checks that only this user can read them. [case 87] */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../exit.ts";

/** Paths of the folder and its files. */
export interface Folder {
  readonly path: string;
  readonly config: string;
  readonly key: string;
  readonly database: string;
  /** How far the books have come. */
  readonly mark: string;
  readonly ownerCredential: string;
  readonly agentCredential: string;
  /** Where a running treasury answers its owner. */
  readonly ownerSocket: string;
}

/** The paths of a folder, which need not exist. */
export const folderAt = (path: string): Folder => ({
  path,
  config: join(path, "config.json"),
  key: join(path, "key"),
  database: join(path, "treasury.db"),
  mark: join(path, "newest.json"),
  ownerCredential: join(path, "owner.credential"),
  agentCredential: join(path, "agent.credential"),
  ownerSocket: join(path, "owner.sock"),
});

/** Makes the folder if it does not exist. @throws UsageError if others can read it */
export function makeFolder(path: string): Folder {
  try {
    makeFolders(resolve(path));
  } catch {
    throw new UsageError(
      "The folder of --dir cannot be made. Name a folder in one that this user may write to.",
    );
  }
  checkPrivate(path, "The folder of --dir");
  return folderAt(path);
}

/**
 * Makes a folder and those above it. Node's own `recursive` never returns where a folder cannot be
 * made and its parent exists all the same, as in /proc.
 */
function makeFolders(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) makeFolders(parent);
  mkdirSync(path, { mode: 0o700 });
}

/** @throws UsageError if the folder has a treasury */
export function refuseExisting({ config, key }: Folder): void {
  if ([config, key].some((file) => lstatSync(file, { throwIfNoEntry: false }) !== undefined))
    throw new UsageError(
      "The folder of --dir has a treasury, or files of one, already. Name another folder, or delete the files.",
    );
}

/** Opens a treasury's folder. @throws UsageError if it is a link, or if others can read it */
export function existingFolder(path: string): Folder {
  const folder = folderAt(path);
  checkPrivate(path, "The folder of --dir");
  if (lstatSync(folder.config, { throwIfNoEntry: false }) === undefined)
    throw new UsageError(
      "The folder of --dir has no treasury. `sigil treasury init --dir DIR` makes one.",
    );
  return folder;
}

/** Whether a running treasury made its owner's socket there, or one that died left it. */
export const hasOwnerSocket = ({ ownerSocket }: Folder): boolean =>
  lstatSync(ownerSocket, { throwIfNoEntry: false })?.isSocket() ?? false;

/** Removes the socket of a treasury that died. The books are open here, so none uses it. */
export function removeOwnerSocket(folder: Folder): void {
  if (hasOwnerSocket(folder)) rmSync(folder.ownerSocket);
}

function checkPrivate(path: string, what: string): void {
  const stat = statOf(path, what);
  if (stat === undefined) throw new UsageError(`${what} does not exist.`);
  if (stat.isSymbolicLink())
    throw new UsageError(`${what} is a symbolic link. Give the path of its target.`);
  if ((stat.mode & 0o077) !== 0)
    throw new UsageError(
      `${what} can be read by others. Run chmod ${stat.isDirectory() ? "700" : "600"} on it.`,
    );
}

/** Node's errors repeat the path, which may be a misplaced wallet URL. */
function statOf(path: string, what: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    throw new UsageError(`${what} cannot be read.`);
  }
}

const TAKEN = "The folder of --dir has a treasury, or files of one, already.";

/**
 * Writes a new file that only this user can read. Never overwrites a file or follows a link.
 *
 * @throws UsageError with the message `taken` if the file exists
 */
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

/** Reads a private file. @throws UsageError if it is a link, or if others can read it */
export function readPrivate(path: string, what: string): string {
  checkPrivate(path, what);
  // Check the open file again: the path may have been replaced in between.
  const file = opened(path, what);
  try {
    if ((fstatSync(file).mode & 0o077) !== 0)
      throw new UsageError(`${what} can be read by others. Run chmod 600 on it.`);
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
