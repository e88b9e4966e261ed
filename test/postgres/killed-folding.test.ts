/** A process that is killed while it folds books in Postgres. [case 88] */
import { expect, test } from "vitest";
import {
  expectWhole,
  foldedUntil,
  usedBooks,
} from "../../packages/l8nt/src/stores/fixtures/folding-books.ts";
import { Books } from "./support/books.ts";

test("killed before any statement of folding, the books are whole, and no use is served twice", async () => {
  const killed = async (nth: number): Promise<boolean> => {
    const books = new Books();
    try {
      const store = await books.open();
      const used = await usedBooks(store);
      const isDone = await foldedUntil(nth, books.url, books.schema);
      await expectWhole(store, used);
      return isDone;
    } finally {
      await books.close();
    }
  };
  let nth = 1;
  while (!(await Promise.all([killed(nth), killed(nth + 1), killed(nth + 2)])).every(Boolean))
    nth += 3;
  expect(nth).toBeGreaterThan(15);
});
