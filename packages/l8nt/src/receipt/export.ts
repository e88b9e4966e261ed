/**
 * Exports: one signed receipt per line, and a signed head as the last line, which shows that no
 * line was removed at the end. spec/6-receipts.md §4.
 */
import { ReceiptError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Clock } from "../ports/clock.ts";
import type { Facts } from "../ports/facts.ts";
import type { ReceiptBook } from "../ports/receipts.ts";
import { Chain } from "./chain.ts";
import { type EarlierReceipts, earlierReceipts } from "./earlier.ts";
import { ReceiptKey, type ReceiptSigner } from "./key.ts";
import { linesOf } from "./lines.ts";
import {
  hashOfLine,
  lineOf,
  NO_RECEIPT,
  type Receipt,
  type ReceiptHead,
  signedBytes,
} from "./receipt.ts";

const PAGE = 500;
const EXPORT_OPTIONS = { earlier: true } satisfies Keys<ExportOptions>;

/** Options of {@link exportReceipts}. */
export interface ExportOptions {
  /**
   * Other histories that the key signed, for the head.
   *
   * @default those that the book remembers
   */
  readonly earlier?: readonly EarlierReceipts[];
}

/**
 * The lines of an export, without their line feeds.
 *
 * @example for await (const line of exportReceipts(store, signer, systemClock))
 * file.write(`${line}\n`);
 */
export async function* exportReceipts(
  book: Pick<ReceiptBook, "receipts"> & Partial<Pick<Facts, "fact">>,
  signer: ReceiptSigner,
  clock: Clock,
  options: ExportOptions = {},
): AsyncGenerator<string, void> {
  checkKeys(options, EXPORT_OPTIONS, "exportReceipts");
  const { fact } = book;
  const earlier =
    options.earlier ??
    (fact === undefined ? [] : await earlierReceipts({ fact: (name) => fact.call(book, name) }));
  let count = 0;
  let after = 0;
  let last = NO_RECEIPT;
  for (;;) {
    const rows = await book.receipts(after, PAGE);
    for (const { seq, text } of rows) {
      count++;
      after = seq;
      last = hashOfLine(text);
      yield text;
    }
    if (rows.length === 0) break;
  }
  const { keyId } = signer;
  const head: ReceiptHead = {
    type: "head",
    version: 1,
    count,
    last,
    keyId,
    at: Math.floor(clock()),
    ...(earlier.length > 0 && { earlier }),
  };
  yield lineOf(head, signer.sign(signedBytes(head)));
}

/** The result of {@link verifyExport}. */
export type ExportVerdict =
  | { readonly holds: true; readonly head: ReceiptHead }
  /**
   * The first fault, and the line that it is in. `head` is there for `ERR_RECEIPT_LOST`: every line
   * is genuine, and the head says that receipts of another history are missing.
   */
  | { readonly holds: false; readonly fault: ReceiptError; readonly head?: ReceiptHead };

/** Options of {@link verifyExport}. */
export interface VerifyExportOptions {
  /**
   * Called with each receipt as soon as it is verified. Use its results only if the whole export is
   * valid.
   */
  readonly each?: (receipt: Receipt) => void;
}

const OPTIONS = { each: true } satisfies Keys<VerifyExportOptions>;

/**
 * Whether a source is a complete export that the key signed. Needs nothing but the public key.
 *
 * @param source the lines of the export without their line feeds, or its bytes in chunks of any
 * size
 * @throws TypeError for a malformed public key
 */
export async function verifyExport(
  source: Iterable<string> | AsyncIterable<string | Uint8Array>,
  publicKey: string,
  options: VerifyExportOptions = {},
): Promise<ExportVerdict> {
  checkKeys(options, OPTIONS, "verifyExport");
  const chain = new Chain(await ReceiptKey.of(publicKey));
  let head: ReceiptHead | undefined;
  try {
    for await (const line of linesOf(source)) {
      if (head !== undefined)
        throw new ReceiptError(
          "ERR_RECEIPT_HEAD",
          chain.count + 2,
          "it stands after the head, which is the last line",
        );
      const signed = chain.read(line);
      if (signed.type === "receipt") {
        const receipt = chain.follow(line, signed);
        options.each?.(receipt);
      } else head = endOf(chain, signed);
    }
    if (head === undefined)
      throw chain.fault(
        "ERR_RECEIPT_HEAD",
        "the export ends before its head, so that its end is missing",
      );
    const lost = lostIn(head);
    return lost === undefined ? { holds: true, head } : { holds: false, fault: lost, head };
  } catch (error) {
    if (error instanceof ReceiptError) return { holds: false, fault: error };
    throw error;
  }
}

/** A backup was restored: receipts made after it are missing, however the chain went on. */
function lostIn({ count, earlier = [] }: ReceiptHead): ReceiptError | undefined {
  if (earlier.length === 0) return undefined;
  const lost = earlier
    .map((one) => `${one.kept + 1} to ${one.count} of a history that ends with ${one.last}`)
    .join(", and ");
  return new ReceiptError(
    "ERR_RECEIPT_LOST",
    count + 1,
    `the books were restored from a backup, and the same key signed receipts that are missing here: numbers ${lost}`,
  );
}

function endOf(chain: Chain, head: ReceiptHead): ReceiptHead {
  if (head.count !== chain.count)
    throw chain.fault(
      "ERR_RECEIPT_HEAD",
      `the head counts ${head.count} receipts, and ${chain.count} stand before it: some are missing or too many`,
    );
  if (head.last !== chain.last)
    throw chain.fault(
      "ERR_RECEIPT_HEAD",
      "the head follows another receipt than the one before it",
    );
  return head;
}
