/**
 * Exports: one signed receipt per line, and a signed head as the last line, which shows that no
 * line was removed at the end. spec/6-receipts.md §4.
 */
import { ReceiptError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Clock } from "../ports/clock.ts";
import type { ReceiptBook } from "../ports/receipts.ts";
import { Chain } from "./chain.ts";
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

/**
 * The lines of an export, without their line feeds.
 *
 * @example for await (const line of exportReceipts(store, signer, systemClock))
 * file.write(`${line}\n`);
 */
export async function* exportReceipts(
  book: Pick<ReceiptBook, "receipts">,
  signer: ReceiptSigner,
  clock: Clock,
): AsyncGenerator<string, void> {
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
  };
  yield lineOf(head, signer.sign(signedBytes(head)));
}

/** The result of {@link verifyExport}. */
export type ExportVerdict =
  | { readonly holds: true; readonly head: ReceiptHead }
  /** The first fault, and the line that it is in. */
  | { readonly holds: false; readonly fault: ReceiptError };

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
    return { holds: true, head };
  } catch (error) {
    if (error instanceof ReceiptError) return { holds: false, fault: error };
    throw error;
  }
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
