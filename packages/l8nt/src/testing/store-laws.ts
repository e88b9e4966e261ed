/** Values that the laws of a store share. */
import { type Amount, msat, type Unit } from "../amount.ts";
import type { Reservation } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import type { Store } from "../ports/store.ts";
import { keyedSeal } from "../receipt/checkpoint.ts";

/** Registers one law. `handles`: the store, and other handles on the same data. */
export type Law = (
  title: string,
  body: (store: Store, handles: readonly Store[]) => Promise<void>,
) => void;

/** Signs what a law folds. */
export const SEAL = keyedSeal([new Uint8Array(32).fill(7)]);

export const START = 1_900_000_000;

let serial = 0;
export const newId = (): string => `r${++serial}`;

export const spend = (
  id: string,
  max?: bigint,
  windowSeconds?: number,
  unit: Unit = "msat",
): Counted => ({ id, kind: "spend", unit, ...terms(max, windowSeconds) });

export const uses = (id: string, max: bigint, windowSeconds?: number): Counted => ({
  id,
  kind: "uses",
  ...terms(max, windowSeconds),
});

const terms = (max?: bigint, windowSeconds?: number) => ({
  ...(max !== undefined && { max }),
  ...(windowSeconds !== undefined && { windowSeconds }),
});

export const inFlight = (id: string, max: bigint): Counted => ({ id, max, kind: "in-flight" });

export const inFlightAmount = (id: string, max: bigint, unit: Unit = "msat"): Counted => ({
  id,
  max,
  kind: "in-flight-amount",
  unit,
});

export const dollars = (value: bigint): Amount => ({ unit: "usd_micro", value });

/** @param amount in msat, or with its unit */
export const order = (
  counted: readonly Counted[],
  amount: bigint | Amount,
  at = START,
  id = newId(),
): Reservation => ({
  id,
  at,
  amount: typeof amount === "bigint" ? msat(amount) : amount,
  uses: 1n,
  counted,
});
