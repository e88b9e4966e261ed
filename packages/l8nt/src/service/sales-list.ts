/** The owner's list of sales, and their sums. spec/5-ledger.md §9. */
import { checkKeys, type Keys } from "../internal/keys.ts";
import { dated, dayOf } from "../ledger/index.ts";
import type { RevenueTotal } from "../ports/owner.ts";
import type { SalesBook } from "../ports/sales.ts";
import type { Sale } from "./sold.ts";

export interface SalesQuery {
  /** Unix seconds. */
  readonly from?: number;
  /** Unix seconds; a sale of this very time is not in it. */
  readonly to?: number;
  /** Only sales with a greater `seq`. @default 0 */
  readonly after?: number;
  /** At most 1000. @default 100 */
  readonly limit?: number;
}

export interface SalesTotalsQuery {
  readonly by: "day" | "route";
  /** Unix seconds: from the beginning of this day (UTC) on. */
  readonly from?: number;
  /** Unix seconds: up to the beginning of this day (UTC). */
  readonly to?: number;
}

/** The sum of the sales of a day, or of a route. */
export type SalesTotal = RevenueTotal;

const QUERY = { from: true, to: true, after: true, limit: true } satisfies Keys<SalesQuery>;
const TOTALS = { by: true, from: true, to: true } satisfies Keys<SalesTotalsQuery>;
const MAX_LIMIT = 1000;

export async function salesIn(
  book: Partial<SalesBook>,
  query: SalesQuery,
): Promise<readonly Sale[]> {
  checkKeys(query, QUERY, "sales");
  const { after = 0, limit = 100, from, to } = query;
  checkTimes({ from, to });
  if (!Number.isSafeInteger(after) || after < 0)
    throw new TypeError("sales.after is the seq of a sale, or 0");
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new TypeError(`sales.limit is a whole number from 1 to ${MAX_LIMIT}`);
  return kept(book, "sales").call(book, { from, to, after, limit });
}

export async function totalsIn(
  book: Partial<SalesBook>,
  query: SalesTotalsQuery,
): Promise<readonly SalesTotal[]> {
  checkKeys(query, TOTALS, "totals");
  const { by, from, to } = query;
  if (by !== "day" && by !== "route") throw new TypeError('totals.by is "day" or "route"');
  checkTimes({ from, to });
  const totals = await kept(book, "saleTotals").call(book, {
    by,
    fromDay: from === undefined ? undefined : dayOf(from),
    toDay: to === undefined ? undefined : dayOf(to),
  });
  return dated(totals);
}

function kept<Name extends "sales" | "saleTotals">(
  book: Partial<SalesBook>,
  name: Name,
): SalesBook[Name] {
  const method = book[name];
  if (method === undefined)
    throw new TypeError("the paywall's store keeps no sales: give it one of l8nt/stores");
  return method as SalesBook[Name];
}

function checkTimes(times: Readonly<Record<string, number | undefined>>): void {
  for (const [name, at] of Object.entries(times))
    if (at !== undefined && !Number.isFinite(at))
      throw new TypeError(`${name} is a time in Unix seconds`);
}
