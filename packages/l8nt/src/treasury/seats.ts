/**
 * How much of what is good for a known number of uses is taken, as far as this process knows: it
 * is not offered to more orders than it serves. spec/4-purchase.md §4.4.
 */
import { Lru } from "../internal/lru.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaidCredential } from "./paid-credential.ts";

const REMEMBERED = 10_000;
/** What is good for more uses is not watched. */
const MAX_WATCHED = 64;
/** An order that was handed one may never use it, and tells nobody. */
const SEAT_SECONDS = 60;

interface Watched {
  /** By order: until when it counts, in Unix seconds. */
  readonly seats: Map<string, number>;
  /** The keys under which the service gave an answer that consumed a use. */
  readonly answered: Set<string>;
}

export class Seats {
  readonly #clock: Clock;
  /** By payment hash. */
  readonly #watched = new Lru<string, Watched>(REMEMBERED);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether other orders may be using all of it at this moment. */
  isFull(order: string, paid: PaidCredential): boolean {
    const uses = usesOf(paid);
    const seats = this.#watched.get(paid.record.paymentHash)?.seats;
    if (uses === undefined || seats === undefined || seats.has(order)) return false;
    const now = this.#clock();
    for (const [holder, until] of seats) if (until <= now) seats.delete(holder);
    return seats.size >= uses;
  }

  take(order: string, paid: PaidCredential): void {
    this.#of(paid)?.seats.set(order, this.#clock() + SEAT_SECONDS);
  }

  leave(order: string, paid: PaidCredential): void {
    this.#of(paid)?.seats.delete(order);
  }

  /** Notes an answer that consumed a use. @returns whether it was the last one */
  answered(key: string, paid: PaidCredential): boolean {
    const answered = this.#of(paid)?.answered.add(key);
    return answered !== undefined && answered.size >= usesOf(paid)!;
  }

  #of(paid: PaidCredential): Watched | undefined {
    if (usesOf(paid) === undefined) return undefined;
    const { paymentHash } = paid.record;
    const watched = this.#watched.get(paymentHash) ?? { seats: new Map(), answered: new Set() };
    this.#watched.set(paymentHash, watched);
    return watched;
  }
}

/** The number of uses of what has no window, and is not good for a single one. */
function usesOf({ full, isSingleUse }: PaidCredential): number | undefined {
  if (full === undefined || isSingleUse) return undefined;
  const all = full.chain.limits
    .filter(({ kind, windowSeconds }) => kind === "uses" && windowSeconds === undefined)
    .map(({ max }) => Number(max));
  const least = Math.min(...all);
  return least <= MAX_WATCHED ? least : undefined;
}
