/** Files that only their owner may read. */
import { closeSync, constants, fsyncSync, openSync, writeSync } from "node:fs";

const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;

/** Writes a file that is not there yet, to the disk. @throws of `EEXIST` if it is */
export function writePrivate(path: string, text: string): void {
  const file = openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
