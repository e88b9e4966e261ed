/** The file with an issuer's private keys, which only its owner may read. */
import { randomUUID } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { KeyRing } from "l8nt/biscuit";
import type { Arguments, Flag } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import { fromScope } from "../scope-flags.ts";
import { readPrivate } from "../treasury/folder.ts";
import { writePrivate } from "./private-file.ts";

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

/** @throws UsageError for a file that is not there, that others may read, or that holds no keys */
export function readKeys(path: string): KeyRing {
  const text = readPrivate(path, WHAT);
  return fromScope(() => KeyRing.parse(text));
}

/** Writes a file that is not there yet. @throws UsageError if it is */
export function writeNewKeys(path: string, ring: KeyRing): void {
  try {
    write(path, ring);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new UsageError(
      isThere
        ? `${WHAT} is there already, and is not overwritten: \`sigil keys rotate\` adds a key to it.`
        : `${WHAT} cannot be written.`,
    );
  }
}

/** Replaces a file whole, or not at all. @throws UsageError if it cannot be written */
export function replaceKeys(path: string, ring: KeyRing): void {
  const unfinished = `${path}.${randomUUID()}.unfinished`;
  try {
    write(unfinished, ring);
    renameSync(unfinished, path);
  } catch {
    rmSync(unfinished, { force: true });
    throw new UsageError(`${WHAT} cannot be written, and is as it was.`);
  }
}

const write = (path: string, ring: KeyRing): void => writePrivate(path, `${ring.serialize()}\n`);
