/** A paywall whose clock is set ahead and back, on a database. [case 109] */
import { test } from "vitest";
import { clockLaws } from "../../packages/l8nt/src/testing/fixtures/clock-laws.ts";
import { Books } from "./support/books.ts";

clockLaws(test, {
  name: "in Postgres",
  open: async () => {
    const books = new Books();
    return { store: await books.open(), close: () => books.close() };
  },
  churn: 10,
});
