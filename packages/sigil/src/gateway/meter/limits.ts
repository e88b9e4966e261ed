/** What is left on the chain of a credential, in one unit. */
import { type Amount, formatAmount, type Unit } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Counted, Ledger, Usage } from "l8nt/ports";

/** A limit with what counts against it now. */
export interface Left {
  readonly condition: string;
  /** The name of its agent; the root has none. */
  readonly agent: string | undefined;
  readonly unit: Unit;
  readonly max: bigint;
  /** Spent and reserved. */
  readonly used: bigint;
  readonly reserved: bigint;
  readonly windowSeconds: number | undefined;
  /** Unix seconds at which all of a windowed limit is free again, if nothing more is spent. */
  readonly resetsAt: number | undefined;
  readonly nodeId: string;
  readonly counted: Counted;
}

export const leftOf = ({ max, used }: Left): bigint => (used < max ? max - used : 0n);

/**
 * Every limit on spending of a chain, root first.
 *
 * @param limits as they are judged now: `paywall.limits`
 */
export async function spendingOf(
  limits: Verified["limits"],
  ledger: Pick<Ledger, "usage">,
  at: number,
): Promise<readonly Left[]> {
  const spending = limits.filter(({ kind }) => kind === "spend");
  if (spending.length === 0) return [];
  const usages: readonly Usage[] = await ledger.usage(
    spending.map(({ counted }) => counted),
    at,
  );
  return spending.map(({ condition, node, unit, max, windowSeconds, counted }, index) => ({
    condition,
    agent: node.agent,
    nodeId: node.id!,
    counted,
    unit: unit!,
    max,
    used: usages[index]!.used,
    reserved: usages[index]!.reserved,
    windowSeconds,
    resetsAt: usages[index]!.resetsAt,
  }));
}

/** The least that is left in a unit; undefined if nothing of the chain counts it. */
export function least(limits: readonly Left[], unit: Unit): bigint | undefined {
  const left = limits.filter((limit) => limit.unit === unit).map(leftOf);
  return left.length === 0 ? undefined : left.reduce((one, other) => (one < other ? one : other));
}

export const BUDGET_FIELD = "Sigil-Budget";

/**
 * The field that tells a holder what a request cost and what is left at each place, and when it
 * is whole again: a dictionary of RFC 9651, such as
 * `cost="0.01 usd", left=("4.99 usd";of="5 usd";per=86400;resets=@1900000000 "0 usd";of="1 usd")`.
 */
export function budgetField(
  limits: readonly Left[],
  cost: Amount | undefined,
  isEstimated: boolean,
): string {
  const parts: string[] = [];
  if (cost !== undefined)
    parts.push(`cost="${formatAmount(cost)}"${isEstimated ? ";estimated" : ""}`);
  const left = limits.map((limit) => {
    const { unit, max, windowSeconds, agent, resetsAt } = limit;
    const of = `"${formatAmount({ unit, value: max })}"`;
    const per = windowSeconds === undefined ? "" : `;per=${windowSeconds}`;
    const whose = agent === undefined ? "" : `;for=${text(agent)}`;
    // A date of RFC 9651 §3.3.7.
    const resets = resetsAt === undefined ? "" : `;resets=@${Math.ceil(resetsAt)}`;
    return `"${formatAmount({ unit, value: leftOf(limit) })}";of=${of}${per}${resets}${whose}`;
  });
  if (left.length > 0) parts.push(`left=(${left.join(" ")})`);
  return parts.join(", ");
}

/** A string of RFC 9651 §3.3.3. Names of agents are visible ASCII. */
const text = (value: string): string => `"${value.replace(/["\\]/g, "\\$&")}"`;
