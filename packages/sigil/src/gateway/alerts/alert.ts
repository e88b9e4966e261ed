/** An alert: a budget of an agent has reached a part of its limit. */
import { formatAmount } from "l8nt/invoice";
import { type Left, leftOf } from "../meter/limits.ts";

/** As it is sent, in the form of Standard Webhooks. */
export interface Alert {
  readonly type: "budget.threshold";
  /** ISO 8601. */
  readonly timestamp: string;
  readonly data: {
    /** In percent. 100: nothing more can be spent, or a request was refused for this limit. */
    readonly threshold: number;
    /** A request was refused for this limit, of which less than the threshold is spent. */
    readonly refused?: true;
    readonly node: string;
    /** The names from the root to the agent; empty for the root. */
    readonly lineage: readonly string[];
    readonly condition: string;
    readonly limit: string;
    readonly spent: string;
    readonly left: string;
    /** Of a limit on any span of that length. */
    readonly windowSeconds?: number;
    /** ISO 8601: when all of it is free again, if nothing more is spent. */
    readonly resetsAt?: string;
  };
}

/** Whether a limit has come to a threshold. What is only reserved may be given back. */
export const hasReached = ({ max, used, reserved }: Left, percent: number): boolean =>
  max > 0n && (used - reserved) * 100n >= max * BigInt(percent);

export function alertOf(
  left: Left,
  threshold: number,
  { lineage, at }: { readonly lineage: readonly string[]; readonly at: number },
): Alert {
  const { unit, max, used, reserved, condition, nodeId, windowSeconds, resetsAt } = left;
  const text = (value: bigint): string => formatAmount({ unit, value });
  return {
    type: "budget.threshold",
    timestamp: isoOf(at),
    data: {
      threshold,
      ...(!hasReached(left, threshold) && { refused: true as const }),
      node: nodeId,
      lineage,
      condition,
      limit: text(max),
      spent: text(used - reserved),
      left: text(leftOf(left)),
      ...(windowSeconds !== undefined && { windowSeconds }),
      ...(resetsAt !== undefined && { resetsAt: isoOf(resetsAt) }),
    },
  };
}

/** For a person, in the journal and in the log. */
export function sentenceOf({ data }: Alert): string {
  const { threshold, refused, lineage, node, condition, spent, limit } = data;
  const whose = lineage.length === 0 ? `the root ${node}` : `${lineage.join("/")} (${node})`;
  const what = refused ? "refused a request for" : `has reached ${threshold} % of`;
  return `${whose} ${what} ${condition}: ${spent} spent of ${limit}`;
}

const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString();
