/** Ends the rows that an earlier process left open, with what the ledger charged for them. */
import type { Journal, JournalEntry } from "l8nt/ports";
import { type BooksDatabase, type Statement, tuples } from "./database.ts";

export interface RecoverOptions {
  readonly database: BooksDatabase;
  readonly journal: Pick<Journal, "journal">;
  /** Unix seconds. */
  readonly now: number;
}

/** Clocks may be that far apart. */
const SKEW_SECONDS = 600;
/** By then the paywall has counted what a dead process left reserved in a shared ledger. */
const ABANDONED_SECONDS = 900;
const PAGE = 500;

const recover = (count: number): string =>
  `WITH known (id, spent, estimated) AS (VALUES ${tuples(count, 3)})
   UPDATE gateway_requests SET ended = 'recovered', spent = CAST(known.spent AS BIGINT),
     estimated = CAST(known.estimated AS INTEGER)
   FROM known WHERE gateway_requests.id = known.id AND gateway_requests.ended = 'open'`;
const RECOVER = recover(1);

/**
 * Call it when the paywall is ready, which has counted what was reserved at the most. A row whose
 * reservation was never made, because its process died between the two, cost nothing. Returns how
 * many rows were ended.
 */
export async function recoverRows({ database, journal, now }: RecoverOptions): Promise<number> {
  const open = await database.read({
    sql: "SELECT id, at FROM gateway_requests WHERE ended = 'open' ORDER BY id",
    values: [],
  });
  if (open.length === 0) return 0;
  const times = new Map(open.map(({ id, at }) => [String(id), Number(at) / 1000]));
  const charges = await chargesOf(journal, times);
  const ended: Statement[] = [];
  for (const [id, at] of times) {
    const charge = charges.get(id);
    // Of another gateway on the same ledger, which may be at work on it.
    if (charge === "reserved") continue;
    if (charge === undefined && database.shared && now - at < ABANDONED_SECONDS) continue;
    const spent = charge ?? 0n;
    ended.push({ sql: RECOVER, values: [id, spent, spent > 0n ? 1 : 0], many: recover });
  }
  for (let at = 0; at < ended.length; at += PAGE) await database.write(ended.slice(at, at + PAGE));
  return ended.length;
}

/** What the ledger charged, in the unit of its row, by the id of the request. */
async function chargesOf(
  journal: Pick<Journal, "journal">,
  times: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, bigint | "reserved">> {
  const charges = new Map<string, bigint | "reserved">();
  const spent = new Map<string, bigint>();
  const reserved = new Map<string, string>();
  const since = Math.min(...times.values()) - SKEW_SECONDS;
  let after = await numberBefore(journal, since);
  for (;;) {
    const entries = await journal.journal(after, PAGE);
    for (const { event } of entries) {
      if (event.type !== "reserve" && event.type !== "commit" && event.type !== "release") continue;
      const whole = event.type === "reserve" ? event.reservation.id : event.id;
      // A WebSocket has a reservation for each minute: the id of its row, and a number.
      const id = whole.slice(whole.lastIndexOf(".") + 1).split("-", 1)[0]!;
      if (!times.has(id)) continue;
      if (event.type === "reserve") reserved.set(whole, id);
      else {
        reserved.delete(whole);
        const charged = event.type === "commit" ? event.amount.value : 0n;
        spent.set(id, (spent.get(id) ?? 0n) + charged);
      }
    }
    if (entries.length === 0) break;
    after = entries.at(-1)!.seq;
  }
  for (const [id, charged] of spent) charges.set(id, charged);
  for (const id of reserved.values()) charges.set(id, "reserved");
  return charges;
}

/** A number of the journal behind which all entries since a time are: its entries are many. */
async function numberBefore(journal: Pick<Journal, "journal">, since: number): Promise<number> {
  const isBefore = async (seq: number): Promise<boolean> => {
    const [entry]: readonly (JournalEntry | undefined)[] = await journal.journal(seq, 1);
    return entry !== undefined && entry.at < since;
  };
  let [low, high] = [0, 1];
  while (await isBefore(high)) [low, high] = [high, high * 2];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await isBefore(middle)) low = middle;
    else high = middle;
  }
  return low;
}
