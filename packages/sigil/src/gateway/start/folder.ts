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
  /** The key that an earlier start printed for this scope; undefined if there is none. */
  keptKey(scope: string): string | undefined;
  keepKey(scope: string, key: string): void;
}

/** Makes the folder if it is missing. @throws UsageError if others can read it */
export function openFolder(path: string): GatewayFolder {
  makeFolder(path);
  const secretFile = join(path, "secret");
  const keyFile = join(path, "agent.key");
  if (!isThere(secretFile)) writePrivate(secretFile, `${randomBytes(32).toString("hex")}\n`, TAKEN);
  const secret = readPrivate(secretFile, "The secret of the gateway");
  if (!/^[0-9a-f]{64}$/.test(secret))
    throw new UsageError("The file secret in the folder of --dir is no secret of a gateway.");
  return {
    path,
    database: databaseIn(path),
    secret,
    keptKey(scope) {
      if (!isThere(keyFile)) return undefined;
      const [of, key] = readPrivate(keyFile, "The key of the gateway").split("\n");
      return of === scope ? key : undefined;
    },
    keepKey(scope, key) {
      if (isThere(keyFile)) rmSync(keyFile);
      writePrivate(keyFile, `${scope}\n${key}\n`, TAKEN);
    },
  };
}

export const databaseIn = (path: string): string => join(path, "gateway.db");

const TAKEN = "A file in the folder of --dir was made by another process at this moment.";

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
