/**
 * The caveats of a hand-over: an agent's own, as a service can enforce them. spec/4-purchase.md §5.
 */
import type { CaveatChain } from "./chain.ts";
import { caveatOf, type HandOverTerms } from "./condition.ts";
import { agent, agentCaveat } from "./conditions/agent.ts";
import { endpoints, endpointsAt } from "./conditions/endpoints.ts";
import { maxUses } from "./conditions/max-uses.ts";
import { purpose } from "./conditions/purpose.ts";
import { CONDITIONS } from "./conditions/table.ts";
import { validUntil } from "./conditions/valid-until.ts";
import { isOneEndpoint, readEndpoint } from "./endpoint.ts";
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

export interface RelayOptions {
  readonly enforced: Enforced;
  /** Unix seconds; undefined for what is to end by itself. */
  readonly until: number | undefined;
  /**
   * Another text for each presentation of what is good for many uses. A limit is counted by its
   * place in the chain, so the text makes the limit behind it a new one.
   */
  readonly nonce: string | undefined;
}

export interface RelayCaveats {
  /**
   * Ways to say where the credential is good, the narrowest first: for the request itself, if a
   * caveat can name it, and for what the agent may request at the origin. Each may be too large.
   */
  readonly places: readonly (readonly string[])[];
  /** The end and the use, which go with each of them. */
  readonly limits: readonly string[];
}

/**
 * The caveats that narrow the treasury's own credential to one relayed request, as far as the
 * service judges them. An endpoint that echoes what it was sent would otherwise give the agent the
 * full credential. [case 25]
 *
 * They open no node, because a service keeps its answers for a node. The end comes before the
 * limit, so that the service may forget the count.
 */
export function relayCaveats(
  chain: CaveatChain,
  target: Target,
  { enforced, until, nonce }: RelayOptions,
): RelayCaveats {
  const judges = (...conditions: readonly { readonly name: string }[]): boolean =>
    conditions.every(({ name }) => enforced?.includes(name));
  const limits: string[] = [];
  const judgesPlace = judges(endpoints, validUntil);
  if (judgesPlace && until !== undefined) limits.push(caveatOf(validUntil, Math.floor(until)));
  if (nonce !== undefined && judges(purpose, maxUses))
    limits.push(caveatOf(purpose, nonce), caveatOf(maxUses, 1));
  return { places: judgesPlace ? placesOf(chain, target) : [[]], limits };
}

/**
 * The agent chose the path. One with `;` cannot be written in a caveat, and a star in it would be
 * read as a pattern: of those only the agent's own patterns say where they are.
 */
function placesOf(
  chain: CaveatChain,
  { method, origin, path }: Target,
): readonly (readonly string[])[] {
  const entry = `${method} ${formatOrigin(origin)}${path}`;
  const pattern = readEndpoint(entry);
  const isExact = pattern?.text === entry && isOneEndpoint(pattern);
  const own = endpointsAt(chain.valuesOf(endpoints), origin);
  const written = own.map((value) => caveatOf(endpoints, value));
  return isExact ? [[caveatOf(endpoints, entry)], written] : [written];
}
