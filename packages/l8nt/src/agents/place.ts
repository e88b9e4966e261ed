/** An agent's place in its family: the client that it pays with, or why it is denied everything. */
import { HttpClient, type HttpClientOptions } from "../client/index.ts";
import { DeniedError, type Refusal } from "../errors.ts";
import { Client, type ClientOptions } from "../index.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Credential } from "../l402/index.ts";
import { systemClock } from "../ports/clock.ts";
import {
  type AgentPolicies,
  type Held,
  narrowed,
  type PolicyEntry,
  type PolicyTable,
  readPolicies,
  unknownAgent,
} from "./policy.ts";

export interface HandleOptions extends ClientOptions {
  /** Agents that may be handed work, and what each is given. Any other agent gets nothing. */
  readonly agents?: AgentPolicies;
}

const OPTIONS = {
  agents: true,
  credential: true,
  wallet: true,
  limits: true,
  treasury: true,
  holderKey: true,
  onPayment: true,
  fetch: true,
  clock: true,
} satisfies Keys<HandleOptions>;

export interface Place {
  /** Name of the agent, as the framework calls it; undefined at the top. */
  readonly agent: string | undefined;
  /** Undefined if the agent is denied everything, for `refusal`. */
  readonly client: HttpClient | undefined;
  /** Undefined at the top, and if the agent is denied everything. */
  readonly held: Held | undefined;
  readonly refusal: Refusal | undefined;
  /** The agents to which this agent may hand work. */
  readonly policies: PolicyTable;
  /** Options of the client of every agent in the family. */
  readonly shared: Omit<HttpClientOptions, "credential">;
}

/** The place at the top of a family. @throws as `SigilHandle.open` */
export function topPlace(options: HandleOptions): Place {
  checkKeys(options, OPTIONS, "a handle");
  const { agents, ...own } = options;
  const policies = readPolicies(agents);
  const client = new Client(own);
  const { fetch, holderKey, clock, onPayment } = own;
  return {
    agent: undefined,
    client,
    held: undefined,
    refusal: undefined,
    policies,
    shared: {
      ...(client.treasury !== undefined && { treasury: client.treasury }),
      ...(fetch !== undefined && { fetch }),
      ...(holderKey !== undefined && { holderKey }),
      ...(clock !== undefined && { clock }),
      ...(onPayment !== undefined && { onPayment }),
    },
  };
}

/** @throws DeniedError if the agent is denied everything */
export function clientAt({ client, refusal }: Place): HttpClient {
  if (client === undefined) throw new DeniedError([refusal!]);
  return client;
}

/**
 * What the agent's credential consists of. The credential at the top is given, so its times stay
 * where they stand.
 *
 * @throws DeniedError if the agent is denied everything
 */
function heldAt(place: Place): Held {
  const { credential } = clientAt(place);
  return place.held ?? { lasting: credential, times: [], credential };
}

/**
 * What the agents below descend from.
 *
 * @throws DeniedError if the agent is denied everything
 */
export const lastingAt = (place: Place): Credential => heldAt(place).lasting;

/**
 * Revokes the credential of an agent below `place`.
 *
 * @throws as `Client.revoke`
 */
export const revokeBelow = (place: Place, child: Place): Promise<void> =>
  new HttpClient({ ...place.shared, credential: lastingAt(place) }).revoke(
    clientAt(child).credential,
  );

/** The place below that the table gives to an agent; a denied one if the table gives none. */
export function placeByTable(above: Place, name: string): Place {
  const { client, refusal, policies } = above;
  if (client === undefined) return deniedPlace(above, name, refusal!);
  const entry = policies.get(name);
  if (entry === undefined) return deniedPlace(above, name, unknownAgent(name, policies));
  try {
    return placeBelow(above, name, entry);
  } catch (error) {
    if (!(error instanceof DeniedError)) throw error;
    return deniedPlace(above, name, error.refusals[0]!);
  }
}

/**
 * @throws DeniedError `ERR_SCOPE_WIDER` for an entry that asks for more than the agent above has
 */
export function placeBelow(above: Place, name: string, entry: PolicyEntry): Place {
  const { shared } = above;
  const held = narrowed(heldAt(above), name, entry, nowOf(above));
  const client = new HttpClient({ ...shared, credential: held.credential });
  return { agent: name, client, held, refusal: undefined, policies: entry.agents, shared };
}

export const deniedPlace = (
  { policies, shared }: Place,
  name: string,
  refusal: Refusal,
): Place => ({ agent: name, client: undefined, held: undefined, refusal, policies, shared });

/** Whether the time of the agent's credential is past. */
export function isOver(place: Place): boolean {
  const end = place.client?.credential.chain.validUntil;
  return end !== undefined && nowOf(place) >= end;
}

const nowOf = ({ shared }: Place): number => (shared.clock ?? systemClock)();
