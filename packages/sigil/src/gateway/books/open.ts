/** Opens the books of a gateway that starts, and ends what an earlier process left open. */
import type { Store } from "l8nt/ports";
import { Books, type BooksOptions } from "./books.ts";
import { recoverRows } from "./recover.ts";

export interface OpenOptions extends BooksOptions {
  readonly journal: Pick<Store, "journal">;
}

/** Call it when the paywalls are ready, and before the first request. */
export async function openBooks({ journal, ...options }: OpenOptions): Promise<Books> {
  const { database, clock, alarm } = options;
  const recovered = await recoverRows({ database, journal, now: clock() }).catch(async (error) => {
    await database.close();
    throw error;
  });
  if (recovered > 0)
    alarm(
      `${recovered} requests were under way when this gateway last ended; the books have what the ledger charged for them`,
    );
  return new Books(options);
}
