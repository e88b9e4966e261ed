/** How a paid credential is narrowed before it is handed over or shown. spec/4-purchase.md §5. */
import { handOverCaveats, handOverNode, relayCaveats, type Target } from "../caveat/index.ts";
import { TokenError } from "../errors.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { randomBytes, sha256 } from "../internal/crypto.ts";
import type { Credential, Verified } from "../l402/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { PaidCredential } from "./paid-credential.ts";

/** How long the credential of a relayed request holds. */
const RELAY_SECONDS = 60;

/**
 * The caveats that narrow a service's credential to an agent's scope; undefined if the request must
 * be relayed.
 *
 * @param until Unix seconds of the service's clock
 */
export const handoverCaveats = (
  { chain, nodes }: Verified,
  { origin }: Target,
  { enforced, paymentHash, nodeIds }: Pick<PaymentRecord, "enforced" | "paymentHash" | "nodeIds">,
  until: number,
): readonly string[] | undefined => {
  const ids = nodes.map(({ id }) => id);
  const line = ids.slice(ids.indexOf(nodeIds.at(-1)!));
  const nonces = line.map((id) => handoverTag(id, paymentHash));
  return handOverCaveats(chain, { origin, until, enforced, nonces });
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
 * token is shown as it is, because nobody can narrow it.
 */
export function shownFor(
  target: Target,
  paid: PaidCredential,
  { now, asBought }: Showing,
): Credential | string {
  const { record, full, isSingleUse, isUsedUpByUse } = paid;
  if (full === undefined) return paid.opaqueText;
  if (asBought && isSingleUse) return full;
  // A service counts nothing of a pass for a time, and keeps no answers for it: a limit would make
  // it do both.
  const isOfManyUses = isUsedUpByUse && !isSingleUse;
  const caveats = relayCaveats(target, {
    enforced: record.enforced,
    until: asBought ? undefined : now + RELAY_SECONDS,
    nonce: isOfManyUses ? hexText(randomBytes(8)) : undefined,
  });
  // The first one names the path, which the agent chose, and which may be too long.
  return narrowed(full, caveats) ?? narrowed(full, caveats.slice(1)) ?? full;
}

/** Undefined if the credential would be too large to send. */
export function narrowed(full: Credential, caveats: readonly string[]): Credential | undefined {
  try {
    return full.append(caveats);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}
