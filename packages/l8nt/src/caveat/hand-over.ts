/**
 * The caveats of a hand-over: an agent's own, as a service can enforce them. spec/4-purchase.md §5.
 */
import type { CaveatChain } from "./chain.ts";
import { caveatOf, type HandOverTerms } from "./condition.ts";
import { agent, agentCaveat } from "./conditions/agent.ts";
import { endpoints } from "./conditions/endpoints.ts";
import { CONDITIONS } from "./conditions/table.ts";
import { validUntil } from "./conditions/valid-until.ts";
import { readEndpoint } from "./endpoint.ts";
import { formatOrigin, type Target } from "./target.ts";

/** What one service says that it enforces; undefined if it says nothing. */
export type Enforced = readonly string[] | undefined;

export interface HandOverOptions extends HandOverTerms {
  readonly enforced: Enforced;
  /**
   * Hex; of the nodes that the hand-over opens at the service, one below the other: one for the
   * node that paid and for each node below it, down to the one that gets the credential.
   */
  readonly nonces: readonly string[];
}

/**
 * The caveats that narrow a service's credential to an agent's scope; undefined if the request must
 * be relayed, because neither the treasury nor the service can judge one of them.
 */
export function handOverCaveats(
  chain: CaveatChain,
  { enforced, nonces, ...terms }: HandOverOptions,
): readonly string[] | undefined {
  if (chain.entries.length < chain.texts.length) return undefined;
  if (chain.entries.some(({ condition }) => condition.handOver === "relay")) return undefined;
  const caveats = opensNodes(enforced) ? nonces.map(handOverNode) : [];
  for (const condition of CONDITIONS) {
    if (typeof condition.handOver === "string") continue;
    const values = chain.entries
      .filter((entry) => entry.condition === condition)
      .map(({ value }) => value);
    const written = condition.handOver(values, terms);
    if (written.length > 0 && !enforced?.includes(condition.name)) return undefined;
    caveats.push(...written.map((value) => caveatOf(condition, value)));
  }
  return caveats;
}

/** Whether a service opens nodes, so that a hand-over can be revoked there by itself. */
export const opensNodes = (enforced: Enforced): boolean => enforced?.includes(agent.name) ?? false;

/** A caveat that opens a node of a hand-over, so that it can be revoked at the service. */
export const handOverNode = (nonce: string): string => agentCaveat("handed-over", nonce);

/** The indices of the caveats that open nodes. */
export const nodesAt = (caveats: readonly string[]): readonly number[] =>
  caveats.flatMap((caveat, at) => (caveat.startsWith(caveatOf(agent, "")) ? [at] : []));

/**
 * The caveats that narrow the treasury's own credential to one relayed request; empty if the
 * service cannot judge them. An endpoint that echoes what it was sent would otherwise give the
 * agent the full credential. [case 25]
 *
 * @param until Unix seconds
 */
export function relayCaveats(
  { method, origin, path }: Target,
  enforced: Enforced,
  until: number,
): readonly string[] {
  const endpoint = `${method} ${formatOrigin(origin)}${path}`;
  const canJudge = [endpoints, validUntil].every(({ name }) => enforced?.includes(name));
  return canJudge && readEndpoint(endpoint)?.text === endpoint
    ? [caveatOf(endpoints, endpoint), caveatOf(validUntil, Math.floor(until))]
    : [];
}
