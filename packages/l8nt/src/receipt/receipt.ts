/**
 * The receipt of a settled payment, and the head of an export: their members and canonical text.
 * spec/6-receipts.md §1, §4.
 */

import type { Amount } from "../amount.ts";
import { utf8 } from "../internal/bytes.ts";
import { sha256Hex } from "../internal/crypto.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { EarlierReceipts } from "./earlier.ts";
import { canonical, type JcsValue } from "./jcs.ts";
import { pathClass } from "./path-class.ts";

/** A signed record of one payment. */
export interface Receipt {
  readonly type: "receipt";
  readonly version: 1;
  /** The number in the sequence, from 1, without gaps. */
  readonly seq: number;
  /** The hex SHA-256 of the receipt before it; {@link NO_RECEIPT} for the first. */
  readonly previous: string;
  /** The id of the key that signed it. */
  readonly keyId: string;
  readonly paymentHash: string;
  /** The node that paid, with its ancestors, root first. */
  readonly nodeIds: readonly string[];
  /** Agent names, the topmost first; the root has none. */
  readonly lineage: readonly string[];
  readonly method: string;
  readonly origin: string;
  readonly pathClass: string;
  readonly amount: Amount;
  readonly fee: Amount;
  /** Whole Unix seconds. */
  readonly settledAt: number;
}

/** The last line of an export, which counts the receipts before it. */
export interface ReceiptHead {
  readonly type: "head";
  readonly version: 1;
  readonly count: number;
  /** The hash of the last receipt; {@link NO_RECEIPT} without any. */
  readonly last: string;
  readonly keyId: string;
  /** Whole Unix seconds. */
  readonly at: number;
  /** Other histories that the key signed, each ended by a restored backup. Absent without any. */
  readonly earlier?: readonly EarlierReceipts[];
}

/** The `previous` of the first receipt. */
export const NO_RECEIPT = "0".repeat(64);

export interface Place {
  readonly seq: number;
  readonly previous: string;
  readonly keyId: string;
}

/**
 * The receipt of a payment.
 *
 * @throws TypeError for a payment that is not paid
 */
export function receiptOf(payment: PaymentRecord, { seq, previous, keyId }: Place): Receipt {
  const { paymentHash, nodeIds, lineage, method, origin, path, amount, fee, settledAt } = payment;
  if (fee === undefined || settledAt === undefined)
    throw new TypeError("this payment is not settled");
  return {
    type: "receipt",
    version: 1,
    seq,
    previous,
    keyId,
    paymentHash,
    nodeIds,
    lineage,
    method,
    origin,
    pathClass: pathClass(path),
    amount,
    fee,
    settledAt: Math.floor(settledAt),
  };
}

export type Signable = Receipt | ReceiptHead;

/** An amount's value is a decimal string: a JSON number would round it. */
const textOf = ({ unit, value }: Amount): JcsValue => ({ unit, value: `${value}` });

const membersOf = (signable: Signable): Record<string, JcsValue> =>
  signable.type === "receipt"
    ? { ...signable, amount: textOf(signable.amount), fee: textOf(signable.fee) }
    : headMembersOf(signable);

const headMembersOf = ({ earlier, ...head }: ReceiptHead): Record<string, JcsValue> => ({
  ...head,
  ...(earlier !== undefined && {
    earlier: earlier.map(({ count, last, kept }) => ({ count, last, kept })),
  }),
});

/** What the signature signs: the canonical text without `signature`. */
export const signedBytes = (signable: Signable): Uint8Array => utf8(canonical(membersOf(signable)));

/** The line: the canonical text with `signature`, in hex. */
export const lineOf = (signable: Signable, signature: string): string =>
  canonical({ ...membersOf(signable), signature });

/** The hash of a whole line, with its signature: the `previous` of the next receipt. */
export const hashOfLine = (line: string): string => sha256Hex(utf8(line));
