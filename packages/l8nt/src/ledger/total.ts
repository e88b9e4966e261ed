/** A node's total: a counter without a limit, for each unit. spec/5-ledger.md §1. */
import { type Amount, UNITS, type Unit } from "../amount.ts";
import type { Usage } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";

/** Counts what a node and the nodes below it spent in one unit. */
export const nodeTotal = (nodeId: string, unit: Unit): Counted => ({
  id: `${nodeId} ${unit}`,
  kind: "spend",
  unit,
});

/** The totals of a node in every unit, msat first. */
export const nodeTotals = (nodeId: string): readonly Counted[] =>
  UNITS.map((unit) => nodeTotal(nodeId, unit));

/** What stands in {@link nodeTotals}: msat, and each other unit in which something was spent. */
export const spentOf = (totals: readonly Usage[]): readonly Amount[] =>
  UNITS.map((unit, at) => ({ unit, value: totals[at]!.used })).filter(
    ({ unit, value }) => unit === "msat" || value > 0n,
  );
