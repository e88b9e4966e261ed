/** How a paid credential is narrowed before it is handed over or shown. spec/4-purchase.md §5. */
import {
  handOverCaveats,
  handOverNode,
  relayCaveats as relayed,
  type Target,
} from "../caveat/index.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import type { Verified } from "../l402/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";

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

/** The caveats that narrow a paid credential to the one request that is relayed. */
export const relayCaveats = (
  target: Target,
  enforced: readonly string[] | undefined,
  now: number,
): readonly string[] => relayed(target, enforced, now + RELAY_SECONDS);
