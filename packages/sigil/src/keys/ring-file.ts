/** The file with an issuer's private keys, which only its owner may read. */
import { KeyRing } from "l8nt/biscuit";
import type { Arguments, Flag } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import { fromScope } from "../scope-flags.ts";
import { readPrivate } from "../treasury/folder.ts";
import { replacePrivate, unfinishedOf, writePrivate } from "./private-file.ts";

const WHAT = "The file of --keys";

export const KEYS_FLAG = {
  keys: { value: "FILE", help: "the issuer's private keys, as `sigil keys new` wrote them" },
} as const satisfies Record<string, Flag>;

/** The path that `--keys` gives. @throws UsageError without one */
export function keysPath(given: Arguments<"keys">): string {
  const path = given.text("keys");
  if (path !== undefined) return path;
  throw new UsageError("Missing --keys FILE: the file with the issuer's private keys.");
}

/**
 * @param what the file is in messages
 * @throws UsageError for a file that is not there, that others may read, or that holds no keys
 */
export function readKeys(path: string, what = WHAT): KeyRing {
  const text = readPrivate(path, what);
  return fromScope(() => KeyRing.parse(text));
}

/** Writes a file that is not there yet. @throws UsageError if it is */
export function writeNewKeys(path: string, ring: KeyRing): void {
  try {
    writePrivate(path, ring.serialize());
  } catch (error) {
    throw new UsageError(
      isThere(error)
        ? `${WHAT} is there already, and is not overwritten: \`sigil keys rotate\` adds a key to it.`
        : `${WHAT} cannot be written.`,
    );
  }
}

/**
 * Replaces the keys of a file whole, or not at all. Returns the new ones.
 *
 * @throws UsageError if another program is at it, or the file cannot be read or written
 */
export function changeKeys(path: string, change: (ring: KeyRing) => KeyRing): KeyRing {
  let changed: KeyRing | undefined;
  try {
    replacePrivate(path, () => {
      changed = fromScope(() => change(readKeys(path)));
      return changed.serialize();
    });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      isThere(error)
        ? `${WHAT} is being changed by another \`sigil keys\`. If none is running, one was ended in the middle: delete ${unfinishedOf(path)}, and run this again.`
        : `${WHAT} cannot be written, and is as it was.`,
    );
  }
  return changed!;
}

const isThere = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EEXIST";
