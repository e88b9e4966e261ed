/** Sums of sales, by day and route. spec/5-ledger.md §9. */
import { MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { RevenueTotal } from "../ports/owner.ts";
import type { SaleRecord, SalesFolding, SaleTotal, TotalsQuery } from "../ports/sales.ts";

const DAY_SECONDS = 86_400;

/** The number of the day since 1970, UTC. */
export const dayOf = (at: number): number => Math.floor(at / DAY_SECONDS);

/** The first time at which a credential has certainly ended, when it ends before this. */
export const endedBefore = ({ at }: SalesFolding): number => at - MAX_CLOCK_SKEW_SECONDS;

/**
 * Whether a sale can be summed up. While its credential is valid the sale stays, or the next
 * request with the credential would be a sale again.
 */
export const isEnded = ({ at, endsAt }: SaleRecord, folding: SalesFolding): boolean =>
  at < folding.at - folding.keepSeconds && endsAt < endedBefore(folding);

export type DayRouteTotal = Required<SaleTotal>;

/** One total for each day, route and unit. */
export const summed = (totals: readonly DayRouteTotal[]): readonly DayRouteTotal[] =>
  sumBy(totals, ({ day, route }) => ({ day, route })) as readonly DayRouteTotal[];

export function totalsOf(
  totals: readonly DayRouteTotal[],
  { by, fromDay, toDay }: TotalsQuery,
): readonly SaleTotal[] {
  const asked = totals.filter(
    ({ day }) => day >= (fromDay ?? day) && (toDay === undefined || day < toDay),
  );
  return by === "day"
    ? [...sumBy(asked, ({ day }) => ({ day }))].sort((a, b) => a.day! - b.day!)
    : [...sumBy(asked, ({ route }) => ({ route }))].sort((a, b) =>
        a.route! < b.route! ? -1 : a.route! > b.route! ? 1 : 0,
      );
}

/** With the days as dates. */
export const dated = (totals: readonly SaleTotal[]): readonly RevenueTotal[] =>
  totals.map(({ day, ...total }) => (day === undefined ? total : { day: dateOf(day), ...total }));

const dateOf = (day: number): string =>
  new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10);

function sumBy(
  totals: readonly DayRouteTotal[],
  keyOf: (total: DayRouteTotal) => Pick<SaleTotal, "day" | "route">,
): readonly SaleTotal[] {
  const sums = new Map<string, SaleTotal>();
  for (const total of totals) {
    const key = keyOf(total);
    const { unit, value } = total.amount;
    const name = JSON.stringify([key, unit]);
    const { sales = 0, amount } = sums.get(name) ?? {};
    const sum = { unit, value: (amount?.value ?? 0n) + value };
    sums.set(name, { ...key, sales: sales + total.sales, amount: sum });
  }
  return [...sums.values()];
}
