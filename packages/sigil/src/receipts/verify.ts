/** `sigil receipts verify`: verifies an export with a public key, and prints the sums. */
import { createReadStream } from "node:fs";
import { type ReceiptHead, verifyExport } from "l8nt/receipts";
import type { Arguments } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { dateText } from "../words.ts";
import { Sums } from "./sums.ts";

/** Verifies an export and returns the exit code. */
export async function verifyReceipts(
  given: Arguments<"public-key">,
  [file = "-"]: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const publicKey = given.text("public-key");
  if (publicKey === undefined)
    throw new UsageError("Missing --public-key HEX: the treasury's receipt key, 64 hex digits.");
  if (file === "-" && terminal.stdin.isTTY)
    throw new UsageError("Missing receipts. Usage: sigil receipts verify FILE, or pipe them in.");
  const sums = new Sums();
  const verdict = await judged(
    file === "-" ? terminal.stdin : createReadStream(file),
    publicKey,
    sums,
  );
  if (!verdict.holds) {
    // Every receipt is genuine, so the sums are right for what is there.
    if (verdict.head !== undefined) terminal.note(inWords(verdict.head, sums).trimEnd());
    terminal.fail(verdict.fault, { holds: false });
    return EXIT.failed;
  }
  terminal.answer(inWords(verdict.head, sums), documentOf(verdict.head, sums));
  return EXIT.ok;
}

/** @throws UsageError for a bad key or an unreadable file */
async function judged(bytes: AsyncIterable<Uint8Array>, publicKey: string, sums: Sums) {
  try {
    return await verifyExport(bytes, publicKey, { each: (receipt) => sums.add(receipt) });
  } catch (error) {
    if (error instanceof TypeError)
      throw new UsageError("--public-key must be 64 hex digits: an Ed25519 public key.", {
        cause: error,
      });
    // The system's message repeats the path, which may be a misplaced secret.
    if ((error as NodeJS.ErrnoException).syscall !== undefined)
      throw new UsageError("The file of receipts cannot be read.");
    throw error;
  }
}

function inWords({ count, keyId, at, earlier }: ReceiptHead, sums: Sums): string {
  const exportedAt = `exported ${dateText(at)}`;
  if (sums.firstAt === undefined || sums.lastAt === undefined)
    return `The export is genuine and has no receipts; signed by key ${keyId}, ${exportedAt}\n`;
  return [
    `${count} ${count === 1 ? "receipt is" : "receipts are"} genuine, and ${earlier === undefined ? "none is missing" : "others are missing"}; signed by key ${keyId}, ${exportedAt}`,
    `first ${dateText(sums.firstAt)}, last ${dateText(sums.lastAt)}`,
    ...sums.lines(),
    "",
  ].join("\n");
}

const documentOf = ({ count, keyId, at, last }: ReceiptHead, sums: Sums) => ({
  holds: true,
  receipts: count,
  keyId,
  exportedAt: at,
  lastHash: last,
  firstAt: sums.firstAt ?? null,
  lastAt: sums.lastAt ?? null,
  sums: sums.rows(),
});
