/** `sigil treasury backup` and `restore`: copies the books, and puts a copy in their place. */
import { resolve } from "node:path";
import { AdapterError } from "l8nt";
import type { Directive, Store } from "l8nt/ports";
import { backupSqliteStore, openSqliteStore, restoreSqliteStore } from "l8nt/stores/sqlite";
import type { Arguments } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { existingFolder, type Folder } from "./folder.ts";
import { openSecrets, readKey } from "./secrets.ts";
import { folderFlag, keyText } from "./start.ts";
import { fileWitness } from "./witness.ts";

/** Copies the books to a new file, while a treasury may be using them. Returns the exit code. */
export async function backup(given: Arguments<"dir">, terminal: Terminal): Promise<number> {
  const folder = existingFolder(folderFlag(given));
  demandFile(terminal, "pg_dump");
  const file = fileOf(given, "backup");
  await backupSqliteStore(folder.database, file);
  terminal.answer(
    `Copied the books to ${file}. The key is not in it: keep a copy of the key elsewhere, because nothing opens the books without it.\n`,
    { backup: file },
  );
  return EXIT.ok;
}

/** Puts a backup in the place of the books, and returns the exit code. */
export async function restore(
  given: Arguments<"dir" | "key-file">,
  terminal: Terminal,
): Promise<number> {
  const folder = existingFolder(folderFlag(given));
  demandFile(terminal, "pg_restore");
  const file = fileOf(given, "restore");
  await checkKey(file, readKey(keyText(given, terminal, folder)));
  // Marked first: a restore that is cut off must not leave older books that nobody notices.
  await mark(folder);
  const kept = await restoreSqliteStore(file, folder.database);
  const carried = kept === undefined ? 0 : await carryRevocations(kept, folder.database);
  terminal.answer(
    [
      `Restored the books from ${file}.`,
      ...(kept === undefined ? [] : [`The books that were in the folder are kept in ${kept}.`]),
      ...(carried === undefined
        ? [
            "They cannot be read, so what was revoked after the backup is not revoked any more. Revoke it again before the next start.",
          ]
        : carried > 0
          ? [
              `What was revoked after the backup stays revoked: ${carried === 1 ? "one agent" : `${carried} agents`}.`,
            ]
          : []),
      "At its next start the treasury compares them with the wallet. It spends nothing until you have explained each payment that they lack:",
      `  sigil treasury unexplained --dir ${folder.path}`,
      "",
    ].join("\n"),
    { restored: file, ...(kept !== undefined && { kept }), revocations: carried ?? null },
  );
  return EXIT.ok;
}

/**
 * Revokes in the restored books what was revoked in the books that they replace. Returns the number
 * of these nodes; undefined if the replaced books cannot be read.
 */
async function carryRevocations(replaced: string, restored: string): Promise<number | undefined> {
  const revoked = async (store: Store): Promise<readonly Directive[]> =>
    (await store.directives(0)).filter(({ kind }) => kind === "revoke");
  let before: readonly Directive[];
  try {
    const store = await openSqliteStore(replaced, { readOnly: true });
    before = await revoked(store).finally(() => store.close());
  } catch {
    return undefined;
  }
  const store = await openSqliteStore(restored);
  try {
    const known = new Set((await revoked(store)).map(({ nodeId }) => nodeId));
    const missing = before.filter(({ nodeId }) => !known.has(nodeId));
    for (const { kind, nodeId, endsAt, above, by, at, reason } of missing)
      await store.addDirective({
        ...{ kind, nodeId, at },
        ...(endsAt !== undefined && { endsAt }),
        ...(above !== undefined && { above }),
        ...(by !== undefined && { by }),
        ...(reason !== undefined && { reason }),
      });
    return missing.length;
  } finally {
    await store.close();
  }
}

/** @throws UsageError if the treasury's books are not a file */
function demandFile({ env }: Terminal, tool: string): void {
  if (env.SIGIL_STORE)
    throw new UsageError(
      `SIGIL_STORE is set, so the books are in Postgres: use ${tool}, as docs/guides/backup.md says.`,
    );
}

function fileOf({ positionals }: Arguments, verb: string): string {
  const [, file, ...more] = positionals;
  if (file === undefined || more.length > 0)
    throw new UsageError(`Name one file: sigil treasury ${verb} FILE --dir DIR`);
  return resolve(file);
}

/** @throws AdapterError `ERR_STORE` for a file that is no backup of the treasury with this key */
async function checkKey(file: string, key: Buffer): Promise<void> {
  const store = await openSqliteStore(file, { readOnly: true });
  try {
    await openSecrets(store, key);
  } catch (cause) {
    throw new AdapterError(
      "ERR_STORE",
      "The backup is not one of the treasury whose key this is, so nothing was changed.",
      { cause },
    );
  } finally {
    await store.close();
  }
}

const NOTHING = { latest: 0, receipts: { count: 0, last: "0".repeat(64) }, earlier: [] };

async function mark({ mark: path }: Folder): Promise<void> {
  const witness = fileWitness(path);
  await witness.write({ ...NOTHING, ...(await witness.read()), restored: true });
}
