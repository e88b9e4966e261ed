/**
 * Reads the answers of LNbits: rows of payments (`core/models/payments.py`), and `{ detail, status
 * }` for a refusal.
 */
import { msatInRange } from "../amount.ts";
import type { PaymentOutcome, WalletPayment } from "../ports/wallet.ts";
import { preimageOf, recordOf, wholeNumber } from "./backend.ts";
import type { OnRecord } from "./pay-once.ts";

type Answer = ReturnType<typeof recordOf>;

/**
 * The texts of `core/services/payments.py` and `decorators.py`, in words for the owner. An unknown
 * text is not shown.
 */
const REASONS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^Insufficient balance/, "the balance of the LNbits wallet is too small"],
  [
    /^You must reserve at least/,
    "the balance of the LNbits wallet is too small for the fee that LNbits reserves",
  ],
  [/^Bolt11 decoding failed/, "LNbits cannot read the invoice"],
  [/^Invoice amount .* is too high/, "the amount is above the limit of this LNbits"],
  [/^Internal invoice already paid|^Payment already paid/, "the invoice was paid before"],
  [/^Payment is still pending/, "LNbits is already paying the invoice"],
  [/^Payment is failed node/, "LNbits failed to pay the invoice before, and does not try again"],
  [/^Daily withdrawal limit/, "the daily limit of this LNbits is reached"],
  [/^The time limit of/, "this LNbits requires more time between payments"],
  [
    /^It is not allowed to spend funds|^Only incoming payments allowed/,
    "this LNbits does not allow payments",
  ],
  [/^Wallet does not have permission/, "the owner of this shared LNbits wallet does not permit it"],
  [/^Wallet balance cannot exceed/, "the LNbits wallet has reached the largest balance"],
  [/^VoidWallet/, "LNbits has lost its own node and runs without one: see its log"],
  [/^Payment failed:/, "the node behind LNbits could not pay"],
];

const NOT_LET_IN =
  "LNbits does not know the key: take the admin key (treasury) or the invoice key (service) from the wallet's API page";

export function explain(status: number, body: unknown): string | undefined {
  const { detail } = recordOf(body);
  if (status === 401 || (status === 404 && detail === "Wallet not found.")) return NOT_LET_IN;
  if (status === 403) return "LNbits refused: an invoice key can make invoices only";
  return typeof detail === "string"
    ? REASONS.find(([pattern]) => pattern.test(detail))?.[1]
    : undefined;
}

export const whyNot = (status: number, body: unknown): string =>
  explain(status, body) ?? `LNbits refused (HTTP ${status})`;

/** Reads the row of an outgoing payment. */
export function readPayment(row: Answer): PaymentOutcome {
  if (row.status === "failed")
    return { status: "failed", reason: "LNbits says that the payment failed" };
  if (row.status === "pending") return { status: "unknown", reason: "the payment is in flight" };
  const feeMsat = feeOf(row);
  if (row.status !== "success" || feeMsat === undefined)
    return { status: "unknown", reason: "LNbits' record of the payment cannot be read" };
  const preimage = preimageOf(row.preimage);
  if (preimage === undefined)
    return {
      status: "unknown",
      reason:
        "LNbits paid but gave no preimage, because the node behind it gives none: nothing can be bought with it",
    };
  return { status: "paid", preimage, feeMsat };
}

/**
 * Reads a page of rows. Rows of other payments and incoming ones are ignored; a page that leaves
 * rows out proves nothing.
 */
export function readPage(body: unknown, paymentHash: string): OnRecord {
  const { data, total } = recordOf(body);
  if (!Array.isArray(data))
    return { status: "unseen", reason: "LNbits' list of payments cannot be read" };
  const rows = data.map(recordOf).filter((row) => row.payment_hash === paymentHash && isOut(row));
  const row = rows.find(({ status }) => status !== "failed") ?? rows[0];
  if (row !== undefined) return readPayment(row);
  return total === data.length
    ? { status: "never-sent", reason: "LNbits knows no such payment by this wallet" }
    : { status: "unseen", reason: "LNbits did not list all the payments" };
}

/** Reads a page of the list. A part that cannot be read is left open, so that it is seen. */
export function paymentsOf(data: readonly unknown[], since: number): WalletPayment[] {
  return data.map(recordOf).flatMap((row) => {
    const { payment_hash: paymentHash, checking_id: id, status } = row;
    const amount = wholeNumber(row.amount);
    const at = secondsOf(row.time);
    // An amount above zero came in. One that cannot be read may have gone out.
    if ((amount !== undefined && amount >= 0n) || status !== "success" || at < since) return [];
    return [
      {
        paymentHash: String(paymentHash),
        amountMsat: amount === undefined ? undefined : -amount,
        feeMsat: feeOf(row),
        at,
        ...(typeof id === "string" && { id }),
      },
    ];
  });
}

/**
 * Whether the node behind LNbits gives preimages, judged by past payments; undefined without any. A
 * payment between two wallets of the same LNbits says nothing about the node.
 */
export function givesPreimages(data: unknown): boolean | undefined {
  const paid = (Array.isArray(data) ? data : [])
    .map(recordOf)
    .filter(
      (row) =>
        isOut(row) && row.status === "success" && !String(row.checking_id).startsWith("internal_"),
    );
  return paid.length === 0
    ? undefined
    : paid.some(({ preimage }) => preimageOf(preimage) !== undefined);
}

function feeOf({ fee }: Answer): bigint | undefined {
  const written = wholeNumber(fee);
  return written === undefined ? undefined : msatInRange(written < 0n ? -written : written);
}

const isOut = ({ amount }: Answer): boolean => (wholeNumber(amount) ?? 0n) < 0n;

/** Reads ISO 8601. A time without a zone is in UTC. */
function secondsOf(time: unknown): number {
  const text = typeof time === "string" ? time : "";
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`) / 1000;
}
