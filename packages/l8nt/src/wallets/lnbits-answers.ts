/**
 * How LNbits' answers read: rows of its payments (`core/models/payments.py`), and `{ detail, status
 * }` for what it refuses.
 */
import { msatInRange } from "../amount.ts";
import type { PaymentOutcome, WalletPayment } from "../ports/wallet.ts";
import { preimageOf, recordOf, wholeNumber } from "./backend.ts";
import type { OnRecord } from "./pay-once.ts";

type Answer = ReturnType<typeof recordOf>;

/**
 * The texts of `core/services/payments.py` and `decorators.py` that are known; another one is not
 * shown.
 */
const REASONS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^Insufficient balance/, "the balance of the LNbits wallet is too small"],
  [
    /^You must reserve at least/,
    "the balance of the LNbits wallet is too small for the fee that LNbits reserves",
  ],
  [/^Bolt11 decoding failed/, "LNbits cannot read the invoice"],
  [/^Invoice amount .* is too high/, "the amount is above the limit that this LNbits has"],
  [/^Internal invoice already paid|^Payment already paid/, "it was paid before"],
  [/^Payment is still pending/, "LNbits is paying it already"],
  [/^Payment is failed node/, "LNbits tried it before, failed, and does not try it again"],
  [/^Daily withdrawal limit/, "the daily limit of this LNbits is reached"],
  [/^The time limit of/, "this LNbits wants more time between payments"],
  [
    /^It is not allowed to spend funds|^Only incoming payments allowed/,
    "this LNbits lets nobody pay",
  ],
  [/^Wallet does not have permission/, "the owner of this shared LNbits wallet does not permit it"],
  [/^Wallet balance cannot exceed/, "the LNbits wallet is as full as its server lets it be"],
  [/^VoidWallet/, "LNbits has lost its own node and runs without one: look at its log"],
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

/** A payment out, as it stands. */
export function readPayment(row: Answer): PaymentOutcome {
  if (row.status === "failed") return { status: "failed", reason: "LNbits says that it failed" };
  if (row.status === "pending") return { status: "unknown", reason: "the payment is in flight" };
  const feeMsat = feeOf(row);
  if (row.status !== "success" || feeMsat === undefined)
    return { status: "unknown", reason: "LNbits' record of it cannot be read" };
  const preimage = preimageOf(row.preimage);
  if (preimage === undefined)
    return {
      status: "unknown",
      reason:
        "LNbits paid it and gave no preimage, because the node behind it gives none: nothing can be bought with it",
    };
  return { status: "paid", preimage, feeMsat };
}

/**
 * Another payment's row, or an incoming one, is not what was asked for; a page that leaves rows out
 * proves nothing.
 */
export function readPage(body: unknown, paymentHash: string): OnRecord {
  const { data, total } = recordOf(body);
  if (!Array.isArray(data))
    return { status: "unseen", reason: "LNbits' list of payments cannot be read" };
  const rows = data.map(recordOf).filter((row) => row.payment_hash === paymentHash && isOut(row));
  const row = rows.find(({ status }) => status !== "failed") ?? rows[0];
  if (row !== undefined) return readPayment(row);
  return total === data.length
    ? { status: "never-sent", reason: "LNbits knows no such payment of this wallet" }
    : { status: "unseen", reason: "LNbits did not list all that it was asked for" };
}

export function paymentsOf(data: readonly unknown[], since: number): WalletPayment[] {
  return data.map(recordOf).flatMap((row) => {
    const { payment_hash: paymentHash, status } = row;
    const amount = wholeNumber(row.amount);
    const feeMsat = feeOf(row);
    const at = secondsOf(row.time);
    if (!isOut(row) || status !== "success" || typeof paymentHash !== "string" || at < since)
      return [];
    if (amount === undefined || feeMsat === undefined) return [];
    return [{ paymentHash, amountMsat: -amount, feeMsat, at }];
  });
}

/**
 * Whether the node behind it gives preimages, from what was paid through it; undefined where that
 * is nothing. A payment between two wallets of the same LNbits says nothing of the node.
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

/** ISO 8601, with or without a zone: UTC. */
function secondsOf(time: unknown): number {
  const text = typeof time === "string" ? time : "";
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`) / 1000;
}
