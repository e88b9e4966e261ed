/**
 * Hand-over or relay: may the agent hold a credential of the service itself? spec/4-purchase.md §5.
 */
import {
  formatOrigin,
  matchesOrigin,
  readEndpoint,
  readEndpoints,
  type Target,
} from "../caveat/index.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import type { Verified } from "../l402/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";

/** How long a handed-over credential holds: asking again costs no payment. */
export const HANDOVER_SECONDS = 300;
/** How long what a relayed request shows holds. */
const RELAY_SECONDS = 60;

/** What the treasury itself has judged before it pays, so that the service need not know of it. */
const JUDGED_HERE = new Set([
  "budget_msat",
  "budget_msat_per_hour",
  "budget_msat_per_day",
  "budget_msat_per_month",
  "max_price_msat",
  "payees",
  "agent",
  "max_depth",
  "purpose",
]);
/**
 * What a service can judge for us, if it says that it does. One service cannot count what happens
 * at another.
 */
const JUDGED_THERE = new Set(["endpoints", "valid_until", "valid_from"]);

/**
 * The caveats that narrow a service's credential to an agent's scope; undefined where the request
 * must be relayed.
 */
export function handoverCaveats(
  agent: Verified,
  target: Target,
  { enforced, paymentHash }: Pick<PaymentRecord, "enforced" | "paymentHash">,
  now: number,
): readonly string[] | undefined {
  const needed = new Set(
    agent.caveats.map(({ condition }) => condition).filter((name) => !JUDGED_HERE.has(name)),
  );
  needed.add("valid_until");
  for (const condition of needed)
    if (!JUDGED_THERE.has(condition) || !enforced?.includes(condition)) return undefined;
  const from = agent.caveats.filter(({ condition }) => condition === "valid_from");
  const until = Math.floor(
    Math.min(agent.validUntil ?? Number.POSITIVE_INFINITY, now + HANDOVER_SECONDS),
  );
  return [
    // A node of its own, so that it can be revoked at the service. The owner's names stay at home.
    ...(enforced?.includes("agent")
      ? [`agent=handed-over.${handoverTag(agent.node.id, paymentHash)}`]
      : []),
    ...agent.caveats
      .filter(({ condition }) => condition === "endpoints")
      .map(({ value }) => `endpoints=${endpointsAt(value, target)}`),
    ...from.map(({ value }) => `valid_from=${value}`),
    `valid_until=${until}`,
  ];
}

/**
 * The same for all that one agent is handed of one purchase, and found again after a restart; it
 * tells a service nothing.
 */
export const handoverTag = (nodeId: string, paymentHash: string): string =>
  hexText(sha256(utf8(`handed over ${nodeId} ${paymentHash}`))).slice(0, 16);

/**
 * What narrows the treasury's own credential to the one request that it relays, where the service
 * can judge that: an endpoint that echoes what it was sent would otherwise give the agent the full
 * one. [case 25]
 */
export function relayCaveats(
  { method, origin, path }: Target,
  enforced: readonly string[] | undefined,
  now: number,
): readonly string[] {
  const endpoint = `${method} ${formatOrigin(origin)}${path}`;
  const canJudge = enforced?.includes("endpoints") && enforced.includes("valid_until");
  return canJudge && readEndpoint(endpoint)?.text === endpoint
    ? [`endpoints=${endpoint}`, `valid_until=${Math.floor(now) + RELAY_SECONDS}`]
    : [];
}

/**
 * The patterns of one caveat that concern this origin, with the origin written out: the others are
 * nobody's business there.
 */
function endpointsAt(value: string, { origin }: Target): string {
  return (readEndpoints(value) ?? [])
    .filter((pattern) => matchesOrigin(pattern, origin))
    .map(({ methods, segments }) => {
      const list = methods === undefined ? "*" : [...methods].join("|");
      return `${list} ${formatOrigin(origin)}/${segments.join("/")}`;
    })
    .join(";");
}
