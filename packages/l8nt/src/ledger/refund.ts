/** What a refund takes off the counters of a use. spec/5-ledger.md §9. */
import type { Amount } from "../amount.ts";
import type { Reservation, Resolution } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import type { Credit } from "../ports/sales.ts";
import { addedBy } from "./count.ts";
import { isInWindow } from "./window.ts";

/**
 * The credits of a use that was counted; empty if nothing was.
 *
 * @param part of what was spent; undefined for all of it and the use
 * @throws TypeError for a part in another unit, or of more than was spent
 */
export function creditsOf(
  reservation: Pick<Reservation, "id" | "at" | "amount" | "uses" | "counted">,
  resolution: Resolution,
  part: Amount | undefined,
): readonly Credit[] {
  if (resolution.outcome !== "committed") return [];
  if (part !== undefined) {
    if (part.unit !== resolution.amount.unit)
      throw new TypeError(`the use was paid in ${resolution.amount.unit}, not in ${part.unit}`);
    if (part.value <= 0n || part.value > resolution.amount.value)
      throw new TypeError("a refund gives back more than nothing, and at most what was spent");
  }
  const { at } = reservation;
  const given = part === undefined ? resolution : { ...resolution, amount: part, uses: 0n };
  return addedBy(reservation, given, false)
    .filter(({ added }) => added > 0n)
    .map(({ counted: { id }, added }) => ({ id, value: added, at }));
}

/**
 * The limits, each with as much more as was given back of what it still counts. What was given back
 * is never more than what was counted, so no limit is ever passed.
 */
export const raisedBy = (
  counted: readonly Counted[],
  credits: readonly Credit[],
  now: number,
): readonly Counted[] =>
  counted.map((limit) => {
    const { id, max, windowSeconds } = limit;
    if (max === undefined) return limit;
    const more = credits
      .filter((credit) => credit.id === id)
      .filter(({ at }) => windowSeconds === undefined || isInWindow(at, windowSeconds, now))
      .reduce((sum, { value }) => sum + value, 0n);
    return more === 0n ? limit : { ...limit, max: max + more };
  });

/** In the journal. */
export const refundNote = (id: string, part: Amount | undefined): string =>
  `refund of ${id}: ${part === undefined ? "the use and its price" : `${part.value} ${part.unit}`}`;
