/**
 * What a wallet service has on record of one payment. NIP-47, `lookup_invoice` and
 * `list_transactions`.
 */
import type { PaymentOutcome, WalletPayment } from "../ports/wallet.ts";
import { preimageOf, wholeMsat } from "./backend.ts";
import { NAME } from "./nwc-service.ts";

/**
 * What a look-up says of a payment. Only `failed` is an end: "expired" is a state of invoices,
 * whose payment may be in flight.
 */
export function outcomeOf(
  transaction: Record<string, unknown>,
  paymentHash: string,
): PaymentOutcome {
  const { type, state, settled_at: settledAt } = transaction;
  const unknown = (why: string): PaymentOutcome => ({
    status: "unknown",
    reason: `${NAME} ${why}`,
  });
  if (transaction.payment_hash !== undefined && transaction.payment_hash !== paymentHash)
    return unknown("found another payment than the one asked for");
  // Its own invoice for the same hash carries the same preimage, paid by whomever. [case 74]
  if (type !== "outgoing") return unknown("found an invoice with this hash, and no payment");
  if (state === "failed")
    return { status: "failed", reason: `${NAME} says that the payment failed` };
  // Services from before states tell a settled payment by its time.
  if (state !== "settled" && !(state === undefined && isTime(settledAt)))
    return unknown("says that the payment is not settled yet");
  const preimage = preimageOf(transaction.preimage);
  if (preimage === undefined)
    return unknown("says that the payment is settled, and shows no preimage");
  return { status: "paid", preimage, feeMsat: feeOf(transaction) ?? 0n };
}

/** One of a list, where it is a payment and was made. */
export function paymentOf(transaction: Record<string, unknown>): WalletPayment | undefined {
  const {
    type,
    state,
    payment_hash: hash,
    settled_at: settledAt,
    created_at: createdAt,
  } = transaction;
  const paymentHash = preimageOf(hash);
  const amount = wholeMsat(transaction.amount);
  const at = isTime(settledAt) ? settledAt : createdAt;
  const isPaid =
    type === "outgoing" && (state === "settled" || (state === undefined && isTime(settledAt)));
  if (!isPaid || paymentHash === undefined || amount === undefined || !isTime(at)) return undefined;
  return { paymentHash, amountMsat: amount, feeMsat: feeOf(transaction) ?? 0n, at };
}

const isTime = (value: unknown): value is number => typeof value === "number" && value > 0;

/** Undefined where the service leaves it out. */
export const feeOf = ({ fees_paid: fee }: Record<string, unknown>): bigint | undefined =>
  wholeMsat(fee);
