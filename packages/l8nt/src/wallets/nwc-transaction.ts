/**
 * Reads a wallet service's record of one payment. NIP-47, `lookup_invoice` and `list_transactions`.
 */
import type { PaymentOutcome, WalletPayment } from "../ports/wallet.ts";
import { preimageOf, wholeMsat } from "./backend.ts";
import { NAME } from "./nwc-service.ts";

/**
 * Reads a look-up. Only `failed` means that the payment ended without success: "expired" is a state
 * of an invoice, whose payment may still be in flight.
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
  // The wallet's own invoice with this hash has the same preimage, paid by anybody. [case 74]
  if (type !== "outgoing") return unknown("found an invoice with this hash instead of a payment");
  if (state === "failed")
    return { status: "failed", reason: `${NAME} says that the payment failed` };
  // Older services do not have `state`; a settled payment of theirs has a time.
  if (state !== "settled" && !(state === undefined && isTime(settledAt)))
    return unknown("says that the payment is not settled yet");
  const preimage = preimageOf(transaction.preimage);
  if (preimage === undefined)
    return unknown("says that the payment is settled, but gave no preimage");
  return { status: "paid", preimage, feeMsat: feeOf(transaction) ?? 0n };
}

/**
 * Reads a transaction of a list; undefined unless it is a payment that succeeded. A part that
 * cannot be read is left open, so that the payment is seen.
 */
export function paymentOf(transaction: Record<string, unknown>): WalletPayment | undefined {
  const { type, state, fees_paid: fee, settled_at: settledAt, created_at: createdAt } = transaction;
  const isPaid =
    type === "outgoing" && (state === "settled" || (state === undefined && isTime(settledAt)));
  if (!isPaid) return undefined;
  return {
    paymentHash: String(transaction.payment_hash),
    amountMsat: wholeMsat(transaction.amount),
    feeMsat: fee === undefined || fee === null ? 0n : feeOf(transaction),
    at: [settledAt, createdAt].find(isTime) ?? Number.NaN,
  };
}

const isTime = (value: unknown): value is number => typeof value === "number" && value > 0;

/** Undefined if the service leaves the fee out. */
export const feeOf = ({ fees_paid: fee }: Record<string, unknown>): bigint | undefined =>
  wholeMsat(fee);
