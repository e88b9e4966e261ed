/** The law of the ledger, pure: an event and the rows it touches in, the changed rows and the answer out. spec/5-ledger.md. */
import type { Counted } from "../ports/limit.ts";
import type { Reservation, ReserveAnswer, Resolution, Usage } from "../ports/store.ts";
import { addToWindow, type Slots, windowTotal } from "./window.ts";

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

/** The state is read by look-up, so that a store need neither load nor copy what an event does not touch. */
export interface LedgerState {
  counter(id: string): Counter | undefined;
  reservation(id: string): ReservationRow | undefined;
}

export type LedgerEvent =
  | { readonly type: "reserve"; readonly reservation: Reservation }
  | { readonly type: "commit"; readonly id: string; readonly amountMsat: bigint; readonly at: number }
  | { readonly type: "release"; readonly id: string; readonly at: number };

export interface Step<Answer> {
  /** The rows as they are from now on. */
  readonly counters: ReadonlyMap<string, Counter>;
  readonly reservation?: ReservationRow;
  readonly answer: Answer;
}

const FRESH: Counter = { committed: 0n, reserved: 0n, slots: [] };
const NO_CHANGE = new Map<string, never>();

/** No counter means that nothing was spent: the limit itself is in the caveat. */
const counterOf = (state: LedgerState, { id }: Counted): Counter => state.counter(id) ?? FRESH;

export function usageOf(state: LedgerState, counted: Counted, at: number): Usage {
  const { committed, reserved, slots } = counterOf(state, counted);
  const spent = counted.windowSeconds === undefined ? committed : windowTotal(slots, counted.windowSeconds, at);
  return { id: counted.id, used: spent + reserved, reserved };
}

const amountFor = ({ kind }: Counted, amounts: { amountMsat: bigint; uses: bigint }): bigint =>
  kind === "spend" ? amounts.amountMsat : amounts.uses;

/** Holds the worst case against every limit, or against none. */
export function reserve(state: LedgerState, reservation: Reservation): Step<ReserveAnswer> {
  const known = state.reservation(reservation.id);
  if (known !== undefined) return { counters: NO_CHANGE, answer: { reserved: true } };
  const refused: Usage[] = [];
  const counters = new Map<string, Counter>();
  for (const counted of reservation.counted) {
    const amount = amountFor(counted, reservation);
    if (amount === 0n) continue;
    const usage = usageOf(state, counted, reservation.at);
    if (counted.max !== undefined && usage.used + amount > counted.max) refused.push(usage);
    const counter = counterOf(state, counted);
    counters.set(counted.id, { ...counter, reserved: counter.reserved + amount });
  }
  if (refused.length > 0) return { counters: NO_CHANGE, answer: { reserved: false, refused } };
  return { counters, reservation: { reservation }, answer: { reserved: true } };
}

/** Ends a reservation: what was committed is counted when it is committed, and the rest is given back. */
export function resolve(
  state: LedgerState,
  id: string,
  outcome: Resolution["outcome"],
  amountMsat: bigint,
  at: number,
): Step<Resolution> {
  const row = state.reservation(id);
  if (row === undefined) throw new TypeError("no such reservation");
  if (row.resolution !== undefined) return { counters: NO_CHANGE, answer: row.resolution };
  if (amountMsat < 0n) throw new TypeError("a spend is 0 or more");
  const { reservation } = row;
  const resolution: Resolution =
    outcome === "committed"
      ? { outcome, amountMsat, uses: reservation.uses }
      : { outcome, amountMsat: 0n, uses: 0n };
  const counters = new Map<string, Counter>();
  for (const counted of reservation.counted) {
    const held = amountFor(counted, reservation);
    const spent = amountFor(counted, resolution);
    if (held === 0n && spent === 0n) continue;
    const counter = counterOf(state, counted);
    counters.set(counted.id, {
      committed: counter.committed + spent,
      reserved: counter.reserved - held,
      slots:
        counted.windowSeconds === undefined || spent === 0n
          ? counter.slots
          : addToWindow(counter.slots, counted.windowSeconds, at, spent),
    });
  }
  return { counters, reservation: { reservation, resolution }, answer: resolution };
}

/** One event. */
export function step(state: LedgerState, event: LedgerEvent): Step<ReserveAnswer | Resolution> {
  switch (event.type) {
    case "reserve":
      return reserve(state, event.reservation);
    case "commit":
      return resolve(state, event.id, "committed", event.amountMsat, event.at);
    case "release":
      return resolve(state, event.id, "released", 0n, event.at);
  }
}
