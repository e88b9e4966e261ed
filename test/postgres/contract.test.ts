/**
 * The Postgres store under the store contract: three handles with their own connections on one
 * schema.
 */
import { storeContract } from "l8nt/testing";
import { expect, test } from "vitest";
import { order, spend } from "../../packages/l8nt/src/testing/store-laws.ts";
import { Books } from "./support/books.ts";

storeContract(test, {
  name: "the Postgres store",
  setup: async () => {
    const books = new Books();
    const [store, ...others] = [
      await books.open(),
      await books.open(),
      await books.open(),
    ] as const;
    return { store, others, teardown: () => books.close() };
  },
  histories: 8,
});

test("the calls of one turn are one transaction, and so are those that come while it runs", async () => {
  const books = new Books();
  try {
    const store = await books.open();
    const hold = (count: number) =>
      Promise.all(Array.from({ length: count }, () => store.reserve(order([spend("a")], 1n))));
    const first = hold(30);
    // Beyond the turn: the first batch has been sent, and its answer is read in a later one.
    await new Promise((turn) => void setImmediate(turn));
    await Promise.all([first, hold(10), hold(10)]);
    const batches = await books.sql(
      "SELECT count(*)::integer AS entries FROM sigil_journal GROUP BY xmin ORDER BY min(seq)",
    );
    expect(batches).toEqual([{ entries: 30 }, { entries: 20 }]);
  } finally {
    await books.close();
  }
});
