/** `sigil journal checkpoint`: shows the latest checkpoint of a journal, and verifies it. */
import { readFileSync } from "node:fs";
import type { Checkpoint } from "l8nt/ports";
import { checkpointText, checkpointVerifier, ReceiptSigner, readCheckpoint } from "l8nt/receipts";
import { formatSum } from "../amounts.ts";
import type { Arguments, Flag } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { dateText } from "../words.ts";
import { existingFolder, type Folder } from "./folder.ts";
import { openSecrets, readKey, type Vault } from "./secrets.ts";
import { folderFlag, keyText } from "./start.ts";
import { openStore } from "./store.ts";

export const KEY_FLAGS = {
  "public-key": { value: "HEX", help: "the treasury's receipt key, 64 hex digits" },
  "key-file": { value: "FILE", help: "the treasury's key, if it is not in the folder" },
} as const satisfies Record<string, Flag>;

export const CHECKPOINT_FLAGS = {
  verify: { help: "checkpoint: verify the signature" },
  ...KEY_FLAGS,
} as const satisfies Record<string, Flag>;

export type CheckpointFlag = keyof typeof CHECKPOINT_FLAGS;

/** Shows the checkpoint in a file or in the books, and returns the exit code. */
export async function checkpoint(
  given: Arguments<"dir" | CheckpointFlag>,
  file: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const { found, publicKey } =
    file === undefined ? await inBooks(given, terminal) : inFile(given, file);
  if (publicKey === undefined) return shown(found, undefined, terminal);
  if (found.seq === 0)
    throw new UsageError("Nothing was summed up yet, so there is no signature to verify.");
  const verifier = await verifierOf(publicKey);
  try {
    verifier.demand(found);
  } catch (error) {
    terminal.fail(error, { holds: false });
    return EXIT.failed;
  }
  return shown(found, publicKey, terminal);
}

interface Found {
  readonly found: Checkpoint;
  /** With which it is to be verified. */
  readonly publicKey: string | undefined;
}

function inFile(given: Arguments<CheckpointFlag>, file: string): Found {
  const publicKey = given.text("public-key");
  if (given.has("verify") && publicKey === undefined)
    throw new UsageError("Missing --public-key HEX: the treasury's receipt key, 64 hex digits.");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // The system's message repeats the path, which may be a misplaced secret.
    throw new UsageError("The file of the checkpoint cannot be read.");
  }
  return { found: readCheckpoint(text), publicKey };
}

async function inBooks(
  given: Arguments<"dir" | CheckpointFlag>,
  terminal: Terminal,
): Promise<Found> {
  const folder = existingFolder(folderFlag(given));
  const store = await openStore(folder, terminal, true);
  try {
    const isVerified = given.has("verify") || given.text("public-key") !== undefined;
    const publicKey = isVerified ? await publicKeyOf(given, terminal, folder, store) : undefined;
    return { found: await store.checkpoint(), publicKey };
  } finally {
    await store.close();
  }
}

/** The key that signs a treasury's checkpoints, as it is given, or from the treasury's own key. */
export async function publicKeyOf(
  given: Arguments<keyof typeof KEY_FLAGS>,
  terminal: Terminal,
  folder: Folder,
  vault: Vault,
): Promise<string> {
  const publicKey = given.text("public-key");
  if (publicKey !== undefined) return publicKey;
  const { receipts } = await openSecrets(vault, readKey(keyText(given, terminal, folder)));
  return (await ReceiptSigner.fromSeed(receipts)).publicKey;
}

/** @throws UsageError for a malformed public key */
export const verifierOf = (publicKey: string) =>
  checkpointVerifier([publicKey]).catch((cause) => {
    throw new UsageError("--public-key must be 64 hex digits: an Ed25519 public key.", { cause });
  });

function shown(found: Checkpoint, publicKey: string | undefined, terminal: Terminal): number {
  const isVerified = publicKey !== undefined;
  const document = { checkpoint: found.seq === 0 ? null : JSON.parse(checkpointText(found)) };
  terminal.answer(inWords(found, isVerified), { ...document, ...(isVerified && { holds: true }) });
  return EXIT.ok;
}

function inWords(found: Checkpoint, isVerified: boolean): string {
  const { seq, books, through, at, entries, spent, uses, forgottenUntil } = found;
  if (seq === 0) return "Nothing was summed up yet: the journal has every entry.\n";
  return [
    `Checkpoint ${seq} of the books ${books}`,
    `  covers       ${entries} entries, up to number ${through} of ${dateText(at)}`,
    `  spent        ${formatSum(spent) || "nothing"}`,
    `  uses         ${uses}`,
    ...(forgottenUntil === 0
      ? []
      : [`  forgotten    counters of credentials that ended up to ${dateText(forgottenUntil)}`]),
    `  entries'     ${found.digest}`,
    `  counters'    ${found.counters}`,
    `  before it    ${found.previous}`,
    `  key          ${found.keyId}`,
    `  signature    ${found.signature}`,
    isVerified ? "The signature is genuine." : "The signature was not verified: --verify does.",
    "",
  ].join("\n");
}
