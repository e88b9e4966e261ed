/**
 * A sliding window in slots: within any span of the window's length, no more than the limit is
 * committed. spec/5-ledger.md §3.
 */

import { MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";

/** The edge is rounded against the spender, by at most one slot in sixty. [case 49] */
const SLOTS = 60;

/** Amounts by slot number, oldest first. */
export type Slots = readonly (readonly [slot: number, amount: bigint])[];

const slotAt = (at: number, windowSeconds: number): number =>
  Math.floor((at * SLOTS) / windowSeconds);

/** Slots later than `at` count too: a clock that went back frees nothing. [case 109] */
const isLive = (slot: number, now: number): boolean => slot >= now - SLOTS;

/** Whether a window still counts what was added at `at`. */
export const isInWindow = (at: number, windowSeconds: number, now: number): boolean =>
  isLive(slotAt(at, windowSeconds), slotAt(now, windowSeconds));

/**
 * Whether the clock was set ahead and back since: a slot is later than clocks can be apart. What
 * was added then has dropped the slots before it, so nobody knows what the window holds. [case 109]
 */
export function isAhead(slots: Slots, windowSeconds: number, at: number): boolean {
  const latest = slotAt(at + MAX_CLOCK_SKEW_SECONDS, windowSeconds);
  return slots.some(([slot]) => slot > latest);
}

export function windowTotal(slots: Slots, windowSeconds: number, at: number): bigint {
  const now = slotAt(at, windowSeconds);
  return slots.reduce((total, [slot, amount]) => (isLive(slot, now) ? total + amount : total), 0n);
}

/**
 * Unix seconds at which a window is empty if nothing more is added: the end of the latest slot that
 * counts. Undefined if none does. This alone says when a windowed limit is whole again.
 */
export function windowEnd(slots: Slots, windowSeconds: number, at: number): number | undefined {
  const now = slotAt(at, windowSeconds);
  const live = slots.filter(([slot, amount]) => amount > 0n && isLive(slot, now));
  if (live.length === 0) return undefined;
  const last = live.reduce((latest, [slot]) => Math.max(latest, slot), Number.NEGATIVE_INFINITY);
  return ((last + SLOTS + 1) * windowSeconds) / SLOTS;
}

export function addToWindow(
  slots: Slots,
  windowSeconds: number,
  at: number,
  amount: bigint,
): Slots {
  const now = slotAt(at, windowSeconds);
  const live = slots.filter(([slot]) => isLive(slot, now));
  const present = live.some(([slot]) => slot === now);
  if (!present) return [...live, [now, amount]];
  return live.map(([slot, held]) => (slot === now ? [slot, held + amount] : [slot, held]));
}
