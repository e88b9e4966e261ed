/** A naive ledger for differential tests: a list of entries that is summed for each question. */

import type { Amount } from "../amount.ts";
import { MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { Reservation, Resolution } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";

/** A store may round the start of a window to the past, by this part of its length. */
const ROUNDING = 1 / 60;

interface Entry {
  readonly reservation: Reservation;
  resolution?: Resolution;
  resolvedAt?: number;
}

/**
 * The least that a store must count and the most that it may. They differ only at the start of a
 * window.
 */
export interface Bounds {
  readonly least: bigint;
  readonly most: bigint;
  readonly reserved: bigint;
}

export class NaiveLedger {
  readonly #entries: Entry[] = [];

  get open(): readonly Reservation[] {
    return this.#entries
      .filter(({ resolution }) => resolution === undefined)
      .map(({ reservation }) => reservation);
  }

  get all(): readonly Reservation[] {
    return this.#entries.map(({ reservation }) => reservation);
  }

  bounds(counted: Counted, at: number): Bounds {
    const { windowSeconds } = counted;
    const own = this.#entries.filter(({ reservation }) => counts(reservation, counted));
    const reserved = sum(own, ({ reservation, resolution }) =>
      resolution === undefined ? amountOf(counted, reservation) : 0n,
    );
    const committedSince = (edge: number) =>
      sum(own, ({ resolution, resolvedAt = 0 }) =>
        resolution !== undefined && resolvedAt > edge ? amountOf(counted, resolution) : 0n,
      );
    if (windowSeconds === undefined) {
      const all = reserved + committedSince(Number.NEGATIVE_INFINITY);
      return { least: all, most: all, reserved };
    }
    // A spend that has left the window need not be counted again if the clock goes back.
    const latest = Math.max(
      at,
      ...own.map(({ resolution, resolvedAt }) => (resolution ? resolvedAt! : at)),
    );
    const most = reserved + committedSince(at - windowSeconds * (1 + ROUNDING) - 1e-6);
    // After a clock that was far ahead, a window may be full.
    const full = latest > at + MAX_CLOCK_SKEW_SECONDS ? reserved + (counted.max ?? 0n) : 0n;
    return {
      least: reserved + committedSince(latest - windowSeconds),
      most: most > full ? most : full,
      reserved,
    };
  }

  /**
   * Whether a store must hold a reservation, must refuse it, or (at the rounded start of a window)
   * may do either.
   */
  expects(reservation: Reservation): "held" | "refused" | "either" {
    let least = true;
    let most = true;
    for (const counted of reservation.counted) {
      const amount = amountOf(counted, reservation);
      if (counted.max === undefined || amount === 0n) continue;
      const bounds = this.bounds(counted, reservation.at);
      if (bounds.least + amount > counted.max) least = false;
      if (bounds.most + amount > counted.max) most = false;
    }
    return !least ? "refused" : most ? "held" : "either";
  }

  hold(reservation: Reservation): void {
    this.#entries.push({ reservation });
  }

  /** Ends a reservation. A later call returns the first resolution. */
  resolve(id: string, spent: Amount | undefined, at: number): Resolution {
    const entry = this.#entries.find(({ reservation }) => reservation.id === id)!;
    if (entry.resolution === undefined) {
      const { uses, amount } = entry.reservation;
      entry.resolution =
        spent === undefined
          ? { outcome: "released", amount: { unit: amount.unit, value: 0n }, uses: 0n }
          : { outcome: "committed", amount: spent, uses };
      entry.resolvedAt = at;
    }
    return entry.resolution;
  }

  /**
   * The most that was committed within any span of the window's length. Only spans that end at a
   * spend are checked.
   */
  heaviestWindow(counted: Counted): bigint {
    const spent = this.#entries
      .filter(
        ({ reservation, resolution }) => resolution !== undefined && counts(reservation, counted),
      )
      .map(({ resolution, resolvedAt }) => ({
        amount: amountOf(counted, resolution!),
        at: resolvedAt!,
      }));
    let heaviest = 0n;
    for (const { at: end } of spent) {
      const within = sum(spent, ({ amount, at }) =>
        at <= end && at > end - (counted.windowSeconds ?? Number.POSITIVE_INFINITY) ? amount : 0n,
      );
      if (within > heaviest) heaviest = within;
    }
    return heaviest;
  }
}

const counts = ({ counted }: Reservation, { id }: Counted): boolean =>
  counted.some((other) => other.id === id);

function amountOf({ kind, unit }: Counted, { amount, uses }: Reservation | Resolution): bigint {
  if (kind === "uses") return uses;
  return amount.unit === unit ? amount.value : 0n;
}

const sum = <Item>(items: readonly Item[], amount: (item: Item) => bigint): bigint =>
  items.reduce((total, item) => total + amount(item), 0n);
