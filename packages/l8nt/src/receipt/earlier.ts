/**
 * Histories of receipts that a restored backup ended: receipts that were signed and are in no book
 * any more. spec/6-receipts.md §4.
 */
import type { ReceiptsEnd } from "../ports/books-mark.ts";
import type { Facts } from "../ports/facts.ts";
import type { ReceiptBook } from "../ports/receipts.ts";

/** A chain of receipts that was signed with the same key, and went on after the backup was made. */
export interface EarlierReceipts extends ReceiptsEnd {
  /** How many of its receipts the backup had, so that they are in the present chain too. */
  readonly kept: number;
}

type Book = Pick<ReceiptBook, "receipts" | "lastReceipt"> & Pick<Facts, "fact" | "setFact">;

const FACT = "earlier receipts";

/** Those that the books remember. */
export async function earlierReceipts(book: Pick<Book, "fact">): Promise<EarlierReceipts[]> {
  return JSON.parse((await book.fact(FACT)) ?? "[]") as EarlierReceipts[];
}

/** Adds the ends of histories that the books do not contain. Returns all that they remember now. */
export async function keepEarlier(
  book: Book,
  ends: readonly (ReceiptsEnd & { readonly kept?: number })[],
): Promise<readonly EarlierReceipts[]> {
  const all = await withEarlier(book, ends);
  await book.setFact(FACT, JSON.stringify(all));
  return all;
}

/** As {@link keepEarlier}, without writing anything down. */
export async function withEarlier(
  book: Pick<Book, "receipts" | "lastReceipt" | "fact">,
  ends: readonly (ReceiptsEnd & { readonly kept?: number })[],
): Promise<readonly EarlierReceipts[]> {
  const all = await earlierReceipts(book);
  const now = (await book.lastReceipt())?.seq ?? 0;
  for (const { count, last, kept = now } of ends) {
    if (count === 0 || all.some((one) => one.last === last)) continue;
    const [receipt] = await book.receipts(count - 1, 1);
    if (receipt?.hash !== last) all.push({ count, last, kept: Math.min(kept, count - 1) });
  }
  return all;
}
