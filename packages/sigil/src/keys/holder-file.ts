/** The file with the key of an agent, which its credentials are bound to. */
import { existsSync } from "node:fs";
import { HolderKey } from "l8nt/holder";
import { UsageError } from "../exit.ts";
import { readPrivate } from "../treasury/folder.ts";
import { writePrivate } from "./private-file.ts";

const WHAT = "The file of --keys";

/**
 * The key in a file; a new one, if the file is not there.
 *
 * @throws UsageError for a file that others may read, that holds no key, or that cannot be written
 */
export function holderKeyAt(path: string): { readonly key: HolderKey; readonly isNew: boolean } {
  if (existsSync(path)) return { key: read(path), isNew: false };
  const key = new HolderKey();
  try {
    writePrivate(path, `${key.exportPrivateKey()}\n`);
  } catch {
    throw new UsageError(`${WHAT} cannot be written.`);
  }
  return { key, isNew: true };
}

function read(path: string): HolderKey {
  const text = readPrivate(path, WHAT);
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new UsageError(
      `${WHAT} holds no key of an agent, which is 64 hex digits; \`sigil keys holder\` writes one to a file that is not there.`,
    );
  return new HolderKey(text);
}
