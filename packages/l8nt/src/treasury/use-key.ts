/** The `Idempotency-Key` of a relay. spec/4-purchase.md §4.6. */
import { keyOfUse } from "../http/idempotency.ts";
import type { Digest } from "./derived.ts";
import type { PurchaseEvidence } from "./evidence.ts";
import { givenKeyOf, isPaidBy, type Order } from "./order.ts";
import type { PaidCredential } from "./paid-credential.ts";

/**
 * The agent's own key, or one that follows from the purchase and the request, by which a service
 * that keeps its answers gives the order a lost one again. Another order has another one: otherwise
 * it would get an old answer that the first order had.
 */
export function ownKeyOf(
  order: Order,
  { record, isSingleUse }: PaidCredential,
  digest: Digest,
): string {
  const { key, priced, verified } = order;
  const isPayer = record.nodeIds.at(-1) === verified.node.id;
  const isItsOwn = isSingleUse && isPaidBy(record, key);
  const use = [record.paymentHash, priced, ...(isItsOwn ? [] : [key])];
  const sharer = isPayer ? undefined : verified.node.id;
  return keyOfUse({ given: givenKeyOf(order), sharer, use, digest });
}

/**
 * The key by which an order presents a purchase first: the one that it was answered by, the one of
 * an answer that was lost, or the order's own.
 */
export function firstKeyOf(
  order: Order,
  paid: PaidCredential,
  { known, digest }: { readonly known: PurchaseEvidence; readonly digest: Digest },
): string {
  const own = ownKeyOf(order, paid, digest);
  // What the agent gave names its request, and what is good for many uses has one for each.
  if (givenKeyOf(order) !== undefined || !paid.isSingleUse) return own;
  const answered = known.answeredKey(order.key, order.priced);
  if (answered !== undefined || isPaidBy(paid.record, order.key)) return answered ?? own;
  return known.lostKey(order.priced) ?? own;
}
