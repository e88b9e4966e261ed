/**
 * Top-ups: what an owner adds to the limits of one node until a date. spec/5-ledger.md §8.
 */
import { MAX_VALUE, readAmountOption, type Unit } from "../amount.ts";
import { type ChainLimit, limitOf } from "../caveat/chain.ts";
import type { Directive } from "../ports/directives.ts";

interface Added {
  readonly unit: Unit;
  readonly value: bigint;
  /** Unix seconds. A request that is judged at this time or later does not have it. */
  readonly until: number;
}

/**
 * The one place that says how much a limit comes to: what its caveat allows, and the top-ups of its
 * own node that have not ended. The limits of the nodes above and below stay as they are, and so do
 * narrower ones that a holder appended without a node of its own.
 */
export class TopUps {
  readonly #ofNodes = new Map<string, readonly Added[]>();

  /** Applies a directive of a log once, in the order of the log. */
  apply({ kind, nodeId, topUp, at }: Pick<Directive, "kind" | "nodeId" | "topUp" | "at">): void {
    if (kind !== "top-up" || topUp === undefined) return;
    const { unit, value } = readAmountOption(topUp.amount, "a top-up's amount");
    const others = (this.#ofNodes.get(nodeId) ?? []).filter(({ until }) => until > at);
    this.#ofNodes.set(nodeId, [...others, { unit, value, until: topUp.until }]);
  }

  /**
   * The limits as a reservation that is made at Unix second `at` is judged. A reservation is
   * judged once: what was reserved under a top-up stays reserved, and is spent, after the top-up
   * has ended.
   */
  limits(limits: readonly ChainLimit[], at: number): readonly ChainLimit[] {
    if (this.#ofNodes.size === 0) return limits;
    const seen = new Set<string>();
    return limits.map((limit) => {
      const { kind, unit, max, counted, condition, node } = limit;
      if (kind !== "spend") return limit;
      // A later one of the same condition was appended by a holder that opened no node for it.
      const place = `${node.id} ${condition}`;
      if (seen.has(place)) return limit;
      seen.add(place);
      const added = (this.#ofNodes.get(node.id ?? "") ?? [])
        .filter((one) => one.unit === unit && at < one.until)
        .reduce((sum, { value }) => sum + value, 0n);
      if (added === 0n) return limit;
      const most = MAX_VALUE[unit];
      const raised = max + added < most ? max + added : most;
      return limitOf({ ...counted, max: raised }, { condition, node });
    });
  }
}
