/**
 * Counting as pure functions: an event and the rows it touches go in; the changed rows and the
 * answer come out. spec/5-ledger.md.
 */
import type { Amount } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import type { JournalEvent } from "../ports/journal.ts";
import type { Reservation, ReserveAnswer, Resolution, Usage } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import { addToWindow, isAhead, type Slots, windowEnd, windowTotal } from "./window.ts";

/** One counter's row. */
export interface Counter {
  /** In all, ever. */
  readonly committed: bigint;
  readonly reserved: bigint;
  /** For a windowed limit: what was committed when. */
  readonly slots: Slots;
}

/** One reservation's row: open until it has a resolution. */
export interface ReservationRow {
  readonly reservation: Reservation;
  readonly resolution?: Resolution;
}

/** State is read by look-up, so that a store loads only the rows that an event touches. */
export interface Counters {
  counter(id: string): Counter | undefined;
  reservation(id: string): ReservationRow | undefined;
  /**
   * Unix seconds of the latest end among the counters that the store has deleted. If a clock is set
   * back, what ended by then is valid again, and nobody knows how much of it was used. [case 109]
   *
   * @default no counter was deleted
   */
  readonly forgottenUntil?: number;
}

/** What an event changes. */
export interface CountStep<Answer> {
  /** The rows as they are from now on. */
  readonly counters: ReadonlyMap<string, Counter>;
  readonly reservation?: ReservationRow;
  /** Empty if nothing changed. */
  readonly journal: readonly JournalEvent[];
  readonly answer: Answer;
}

/** Every store keeps a counter in 64 bits with a sign, or could. */
const MAX_COUNTER = 2n ** 63n - 1n;

/** An amount that would not fit. Another one of the same batch is counted all the same. */
export const booksFull = (): AdapterError =>
  new AdapterError(
    "ERR_STORE",
    "The books cannot count this: a counter would pass 2^63 - 1. Nothing was changed.",
  );

const FRESH: Counter = { committed: 0n, reserved: 0n, slots: [] };
/** An answer that changes nothing. */
export const unchanged = <Answer>(answer: Answer): CountStep<Answer> => ({
  counters: new Map(),
  journal: [],
  answer,
});

/** A missing counter means that nothing was spent. The limit itself is in the caveat. */
const counterOf = (state: Counters, { id }: Counted): Counter => state.counter(id) ?? FRESH;

/** Whether the store may have deleted the counter. */
const mayBeForgotten = (state: Counters, { id, expiresAt }: Counted): boolean =>
  expiresAt !== undefined &&
  expiresAt <= (state.forgottenUntil ?? Number.NEGATIVE_INFINITY) &&
  state.counter(id) === undefined;

export function usageOf(state: Counters, counted: Counted, at: number): Usage {
  if (counted.max !== undefined && mayBeForgotten(state, counted))
    return { id: counted.id, used: counted.max, reserved: 0n };
  const { committed, reserved, slots } = counterOf(state, counted);
  const spent =
    counted.windowSeconds === undefined
      ? committed
      : windowUsed(slots, counted.windowSeconds, at, counted.max);
  const resetsAt =
    counted.windowSeconds === undefined ? undefined : windowEnd(slots, counted.windowSeconds, at);
  return {
    id: counted.id,
    used: spent + reserved,
    reserved,
    ...(resetsAt !== undefined && { resetsAt }),
  };
}

/** A window of which nobody knows what it holds is full. */
function windowUsed(
  slots: Slots,
  windowSeconds: number,
  at: number,
  max: bigint | undefined,
): bigint {
  const total = windowTotal(slots, windowSeconds, at);
  return max !== undefined && max > total && isAhead(slots, windowSeconds, at) ? max : total;
}

/** An amount counts in its own unit only: units are never converted. */
const inUnitOf = ({ unit }: Counted, amount: Amount): bigint =>
  amount.unit === unit ? amount.value : 0n;

const heldFor = (counted: Counted, { amount, uses }: Reservation): bigint => {
  if (counted.kind === "in-flight") return 1n;
  return counted.kind === "uses" ? uses : inUnitOf(counted, amount);
};

/** A counter of what is in flight keeps nothing of a reservation that ended. */
const spentFor = (counted: Counted, { amount, uses }: Resolution): bigint => {
  if (counted.kind === "spend") return inUnitOf(counted, amount);
  return counted.kind === "uses" ? uses : 0n;
};

/**
 * Holds the worst case against every limit, or against none.
 *
 * @throws AdapterError `ERR_STORE` if a counter would not hold it
 */
export function reserve(state: Counters, reservation: Reservation): CountStep<ReserveAnswer> {
  const known = state.reservation(reservation.id);
  if (known !== undefined && known.resolution?.outcome !== "released")
    return unchanged({ reserved: true });
  const refused: Usage[] = [];
  let isFull = false;
  const counters = new Map<string, Counter>();
  for (const counted of reservation.counted) {
    const amount = heldFor(counted, reservation);
    if (amount === 0n) continue;
    const usage = usageOf(state, counted, reservation.at);
    if (counted.max !== undefined && usage.used + amount > counted.max)
      refused.push({ id: usage.id, used: usage.used, reserved: usage.reserved });
    const counter = counterOf(state, counted);
    isFull ||= counter.committed + counter.reserved + amount > MAX_COUNTER;
    counters.set(counted.id, { ...counter, reserved: counter.reserved + amount });
  }
  if (refused.length > 0) return unchanged({ reserved: false, refused });
  if (isFull) throw booksFull();
  return {
    counters,
    reservation: { reservation },
    journal: [{ type: "reserve", reservation }],
    answer: { reserved: true },
  };
}

/**
 * Ends a reservation: commits `spent`, or releases all of it if that is undefined. The answer of
 * the first end stands.
 *
 * @throws TypeError for an unknown reservation, or an amount in another unit than the reservation;
 * AdapterError `ERR_STORE` if a counter would not hold it
 */
export function resolve(
  state: Counters,
  id: string,
  spent: Amount | undefined,
  at: number,
): CountStep<Resolution> {
  const { reservation, resolution } = known(state, id);
  return resolution === undefined
    ? end(state, reservation, spent, at, heldFor)
    : unchanged(resolution);
}

/**
 * Counts what was spent under a reservation that was open, or was released although it was spent:
 * past a limit too. The answer of a commit stands.
 *
 * @throws TypeError for an unknown reservation, or an amount in another unit than the reservation;
 * AdapterError `ERR_STORE` if a counter would not hold it
 */
export function spend(
  state: Counters,
  id: string,
  spent: Amount,
  at: number,
): CountStep<Resolution> {
  const { reservation, resolution } = known(state, id);
  return resolution?.outcome === "released"
    ? end(state, reservation, spent, at, () => 0n)
    : resolve(state, id, spent, at);
}

/**
 * What the end of a reservation adds to its counters that keep what was committed. A counter that
 * is named twice counts as it is named last.
 *
 * @param wasReleased it was released before, so that nothing is held any more
 */
export function addedBy(
  reservation: Reservation,
  resolution: Resolution,
  wasReleased: boolean,
): readonly { readonly counted: Counted; readonly added: bigint }[] {
  const last = new Map<string, { readonly counted: Counted; readonly added: bigint }>();
  for (const counted of reservation.counted) {
    const added = spentFor(counted, resolution);
    if (added === 0n && (wasReleased || heldFor(counted, reservation) === 0n)) continue;
    last.set(counted.id, { counted, added });
  }
  return [...last.values()].filter(({ counted: { kind } }) => kind === "spend" || kind === "uses");
}

function known(state: Counters, id: string): ReservationRow {
  const row = state.reservation(id);
  if (row === undefined) throw new TypeError("no such reservation");
  return row;
}

/** @param heldBy what stands in a counter as reserved */
function end(
  state: Counters,
  reservation: Reservation,
  spent: Amount | undefined,
  at: number,
  heldBy: typeof heldFor,
): CountStep<Resolution> {
  const { id, amount } = reservation;
  const { unit } = amount;
  if (spent !== undefined && spent.unit !== unit)
    throw new TypeError(`the reservation is in ${unit}, and the spend is in ${spent.unit}`);
  const resolution: Resolution =
    spent === undefined
      ? { outcome: "released", amount: { unit, value: 0n }, uses: 0n }
      : { outcome: "committed", amount: spent, uses: reservation.uses };
  const counters = new Map<string, Counter>();
  for (const counted of reservation.counted) {
    const held = heldBy(counted, reservation);
    const kept = spentFor(counted, resolution);
    if (held === 0n && kept === 0n) continue;
    const counter = counterOf(state, counted);
    if (counter.committed + kept > MAX_COUNTER) throw booksFull();
    counters.set(counted.id, {
      committed: counter.committed + kept,
      reserved: counter.reserved - held,
      slots:
        counted.windowSeconds === undefined || kept === 0n
          ? counter.slots
          : addToWindow(counter.slots, counted.windowSeconds, at, kept),
    });
  }
  return {
    counters,
    reservation: { reservation, resolution },
    journal: [
      spent === undefined ? { type: "release", id } : { type: "commit", id, amount: spent },
    ],
    answer: resolution,
  };
}
