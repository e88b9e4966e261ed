/**
 * Receipts as a store keeps them: one chain, in order. What they say is the treasury's.
 * spec/6-receipts.md.
 */
import type { PaymentRecord } from "./payments.ts";

export interface ReceiptRow {
  /** From 1, without gaps. */
  readonly seq: number;
  readonly paymentHash: string;
  /** Hex of SHA-256. */
  readonly hash: string;
  /** JSON: the receipt as it was signed. */
  readonly text: string;
}

export interface ReceiptBook {
  /** What was paid and has no receipt yet, in the order in which it was settled. */
  unreceipted(limit: number): Promise<readonly PaymentRecord[]>;
  /**
   * All or none: false where the first does not follow the last one kept, because another process
   * was faster.
   */
  appendReceipts(rows: readonly ReceiptRow[]): Promise<boolean>;
  /**
   * Those after `after`, in order; with `nodeId`, those of payments that it or a node below it
   * made.
   */
  receipts(after: number, limit: number, nodeId?: string): Promise<readonly ReceiptRow[]>;
  /** The last one. */
  lastReceipt(): Promise<ReceiptRow | undefined>;
}
