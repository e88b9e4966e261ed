/** The folder of a gateway: its secret, its books, and the key of the last start. */
import { randomBytes } from "node:crypto";
import { lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../exit.ts";
import { makeFolder, readPrivate, writePrivate } from "../../treasury/folder.ts";

export interface GatewayFolder {
  readonly path: string;
  readonly database: string;
  /** Mints and verifies the credentials: 64 hex digits. */
  readonly secret: string;
  /** The key that the last start printed; undefined if there is none. */
  lastKey(): { readonly scope: string; readonly key: string } | undefined;
  keepKey(scope: string, key: string): void;
}

/**
 * Makes the folder if it is missing.
 *
 * @param given the secret, if it is not in the folder
 * @throws UsageError if others can read it
 */
export function openFolder(path: string, given?: string): GatewayFolder {
  makeFolder(path);
  const keyFile = join(path, "agent.key");
  return {
    path,
    database: databaseIn(path),
    secret: given ?? secretIn(path),
    lastKey() {
      if (!isThere(keyFile)) return undefined;
      const [scope, key] = readPrivate(keyFile, "The key of the gateway").split("\n");
      return scope === undefined || key === undefined ? undefined : { scope, key };
    },
    keepKey(scope, key) {
      if (isThere(keyFile)) rmSync(keyFile);
      writePrivate(keyFile, `${scope}\n${key}\n`, TAKEN);
    },
  };
}

export const databaseIn = (path: string): string => join(path, "gateway.db");

function secretIn(path: string): string {
  const file = join(path, "secret");
  if (!isThere(file)) writePrivate(file, `${randomBytes(32).toString("hex")}\n`, TAKEN);
  const secret = readPrivate(file, "The secret of the gateway");
  if (!isSecret(secret))
    throw new UsageError("The file secret in the folder of --dir is no secret of a gateway.");
  return secret;
}

/** 32 bytes in hex. */
export const isSecret = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

const TAKEN = "A file in the folder of --dir was made by another process at this moment.";

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
