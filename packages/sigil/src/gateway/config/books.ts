/** `books`: what is kept of requests, beside what the ledger counts. */
import { z } from "zod";

export const books = z.strictObject({
  keepDays: z
    .int()
    .min(1)
    .max(3_650)
    .default(90)
    .meta({ description: "How long each request has a row. Totals of its day are kept." }),
  keepRows: z
    .int()
    .min(1_000)
    .default(500_000)
    .meta({ description: "How many requests have a row at most. Older ones go into totals." }),
});

export type BooksConfig = z.output<typeof books>;
