/** How a paid credential is narrowed before it is handed over or shown. spec/4-purchase.md §5. */
import {
  formatOrigin,
  handOverCaveats,
  handOverNode,
  type RelayCaveats,
  relayCaveats,
  type Target,
} from "../caveat/index.ts";
import { Credential as AnyCredential } from "../credential/index.ts";
import { TokenError } from "../errors.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { randomBytes, sha256 } from "../internal/crypto.ts";
import type { Credential, Verified } from "../l402/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import { type PaidCredential, serviceTime } from "./paid-credential.ts";

/** How long the credential of a relayed request holds. */
const RELAY_SECONDS = 60;

/**
 * The caveats that narrow a service's credential to an agent's scope; undefined if the request must
 * be relayed.
 *
 * @param nodeIds of the agent and its ancestors, root first
 * @param until Unix seconds of the service's clock
 */
export const handoverCaveats = (
  { chain }: Verified,
  nodeIds: readonly string[],
  { origin }: Target,
  { enforced, paymentHash, nodeIds: above }: HandedOut,
  until: number,
): readonly string[] | undefined => {
  const line = nodeIds.slice(nodeIds.indexOf(above.at(-1)!));
  const nonces = line.map((id) => handoverTag(id, paymentHash));
  return handOverCaveats(chain, { origin, until, enforced, nonces });
};

/** What is handed over: what a payment bought, or what a grant is. */
export type HandedOut = Pick<
  PaymentRecord,
  "paymentHash" | "origin" | "enforced" | "skewSeconds"
> & {
  /** Of the node that paid, or that stands for it, with those above, root first. */
  readonly nodeIds: readonly string[];
};

/** The caveats that open the nodes of a hand-over, from the node that paid downwards. */
export const recallCaveats = (path: readonly string[], paymentHash: string): readonly string[] =>
  path.map((id) => handOverNode(handoverTag(id, paymentHash)));

/**
 * The same for everything that one agent is handed of one purchase, and after a restart, so that it
 * can be revoked. It tells a service nothing about the agent.
 */
const handoverTag = (nodeId: string, paymentHash: string): string =>
  hexText(sha256(utf8(`handed over ${nodeId} ${paymentHash}`))).slice(0, 16);

/** How often what was paid for was presented for this request. */
export interface Showing {
  /** Unix seconds of the service's clock. */
  readonly now: number;
  /** Whether this is the second time, without what a clock may have refused. */
  readonly asBought: boolean;
}

/**
 * A paid credential as a relayed request shows it: an endpoint may echo it to the agent. An opaque
 * token is shown as it is, because nobody can narrow it. What has no room for its narrowing is
 * shown with less: it was paid for.
 */
export function shownFor(
  target: Target,
  { chain }: Pick<Verified, "chain">,
  paid: PaidCredential,
  { now, asBought }: Showing,
): Credential | string {
  const { record, full, isSingleUse, isUsedUpByUse } = paid;
  if (full === undefined) return paid.opaqueText;
  if (asBought && isSingleUse) return full;
  // A service counts nothing of a pass for a time, and keeps no answers for it: a limit would make
  // it do both.
  const isOfManyUses = isUsedUpByUse && !isSingleUse;
  const caveats = relayCaveats(chain, target, {
    enforced: record.enforced,
    until: asBought ? undefined : now + RELAY_SECONDS,
    nonce: isOfManyUses ? hexText(randomBytes(8)) : undefined,
  });
  return placed(full, caveats) ?? narrowed(full, caveats.limits) ?? full;
}

/** Whose request is relayed with what was minted, and when. */
export interface MintedTerms {
  readonly enforced: readonly string[];
  /** Unix seconds of our clock. */
  readonly now: number;
  /** The service's clock minus ours, in seconds. */
  readonly skewSeconds: number;
}

/**
 * What was minted, as a relayed request shows it, with the conditions of the agent that the service
 * alone can judge. It was not paid for, and is good for all of an origin: it is never shown with
 * less narrowing than the agent's own credential has.
 *
 * @throws TokenError `ERR_TOKEN_TOO_LARGE` if it has no room for that
 */
export function mintedFor(
  target: Target,
  full: Credential,
  { chain }: Pick<Verified, "chain">,
  { enforced, now, skewSeconds }: MintedTerms,
): Credential {
  const there = chain.entries.filter(({ condition }) => condition.judgedBy === "service");
  const names = new Set(there.map(({ condition }) => condition.name));
  const own = chain.texts
    .filter(({ condition }) => names.has(condition))
    .map(({ condition, value }) => `${condition}=${value}`);
  const end = Math.min(now + RELAY_SECONDS, chain.validUntil ?? Number.POSITIVE_INFINITY);
  const until = serviceTime({ skewSeconds }, end);
  const { places, limits } = relayCaveats(chain, target, { enforced, until, nonce: undefined });
  const shown = placed(full, { places, limits: [...own, ...limits] });
  if (shown !== undefined) return shown;
  throw new TokenError(
    "ERR_TOKEN_TOO_LARGE",
    `A credential for ${formatOrigin(target.origin)} has no room for all that narrows this agent's. Nothing was sent with it, and nothing was paid: use a credential with fewer or shorter caveats.`,
  );
}

/** Narrowed to the first place that there is room for, with all limits; undefined if to none. */
function placed(full: Credential, { places, limits }: RelayCaveats): Credential | undefined {
  for (const place of places) {
    const shown = narrowed(full, [...place, ...limits]);
    if (shown !== undefined) return shown;
  }
  return undefined;
}

/**
 * Opens these nodes below a credential, one below the other. In the public-key form each has a
 * block of its own, because the place after it depends on all that its block says.
 */
export const openedBelow = (full: Credential, nodes: readonly string[]): Credential =>
  nodes.reduce((credential, node) => credential.append([node]), full);

/** The same, to which nobody can append, in a form that has that. */
export const sealed = ({ body }: Credential): Credential =>
  new AnyCredential(body.sealed?.() ?? body);

/** Undefined if the credential would be too large to send. */
export function narrowed(full: Credential, caveats: readonly string[]): Credential | undefined {
  try {
    return full.append(caveats);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}
