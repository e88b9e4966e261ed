/** What the laws of a store are written with. */
import type { Reservation } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import type { Store } from "../ports/store.ts";

/** Registers one law. `handles`: the store, and other handles on the same data. */
export type Law = (
  title: string,
  body: (store: Store, handles: readonly Store[]) => Promise<void>,
) => void;

export const START = 1_900_000_000;

let serial = 0;
export const newId = (): string => `r${++serial}`;

export const spend = (id: string, max?: bigint, windowSeconds?: number): Counted => ({
  id,
  kind: "spend",
  ...(max !== undefined && { max }),
  ...(windowSeconds !== undefined && { windowSeconds }),
});

export const uses = (id: string, max: bigint, windowSeconds?: number): Counted => ({
  ...spend(id, max, windowSeconds),
  kind: "uses",
});

export const inFlight = (id: string, max: bigint): Counted => ({ id, max, kind: "in-flight" });

export const order = (
  counted: readonly Counted[],
  amountMsat: bigint,
  at = START,
  id = newId(),
): Reservation => ({ id, at, amountMsat, uses: 1n, counted });
