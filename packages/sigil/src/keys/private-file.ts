/** Files that only their owner may read. */
import {
  closeSync,
  constants,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;

/** Writes a file that is not there yet, whole or not at all. @throws of `EEXIST` if it is */
export function writePrivate(path: string, text: string): void {
  const file = create(path);
  try {
    fill(file, text);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** What the new text is written to. It is there for as long as the file is being replaced. */
export const unfinishedOf = (path: string): string => `${path}.unfinished`;

/**
 * Replaces a file whole, or not at all, for one program at a time: of two that had read the same
 * text, the second would take away what the first one wrote.
 *
 * @param make called while no other program replaces it
 * @throws of `EEXIST` while another one does; what `make` throws
 */
export function replacePrivate(path: string, make: () => string): void {
  const unfinished = unfinishedOf(path);
  const file = create(unfinished);
  try {
    const text = make();
    // Run by root, it stays readable for its owner.
    const { uid, gid } = statSync(path);
    fchownSync(file, uid, gid);
    fill(file, text);
    renameSync(unfinished, path);
    syncFolder(path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

const create = (path: string): number =>
  openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);

function fill(file: number, text: string): void {
  // `writeSync` may write a part.
  writeFileSync(file, text);
  fsyncSync(file);
}

/** Without it the old file may come back after a power failure. */
function syncFolder(path: string): void {
  const folder = openSync(dirname(path), constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
