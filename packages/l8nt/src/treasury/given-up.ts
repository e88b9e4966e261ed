/**
 * Payments that the owner gave up while their outcome was unknown. The wallet is asked about them
 * until it is certain: one may be made days later. spec/4-purchase.md §8.
 */
import type { Facts } from "../ports/facts.ts";

type Book = Pick<Facts, "fact" | "setFact">;

const FACT = "given up";

/** Their hashes. */
export const givenUp = async (book: Pick<Book, "fact">): Promise<readonly string[]> =>
  JSON.parse((await book.fact(FACT)) ?? "[]") as string[];

export async function addGivenUp(book: Book, paymentHash: string): Promise<void> {
  const all = new Set(await givenUp(book)).add(paymentHash);
  await book.setFact(FACT, JSON.stringify([...all]));
}

export async function removeGivenUp(book: Book, paymentHash: string): Promise<void> {
  const all = await givenUp(book);
  if (!all.includes(paymentHash)) return;
  await book.setFact(FACT, JSON.stringify(all.filter((hash) => hash !== paymentHash)));
}
