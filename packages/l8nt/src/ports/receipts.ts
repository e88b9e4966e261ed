/** Receipts as a store keeps them: one chain, in order. spec/6-receipts.md. */
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
  /** Payments that have no receipt yet, in the order in which they were settled. */
  unreceipted(limit: number): Promise<readonly PaymentRecord[]>;
  /**
   * Appends all rows or none. Returns false if the first row does not follow the last stored
   * receipt, because another process has appended one.
   *
   * @param pace `patient`: no caller waits for a receipt, so the rows may wait a moment for another
   * change to be written with. @default "patient"
   */
  appendReceipts(rows: readonly ReceiptRow[], pace?: "patient" | "urgent"): Promise<boolean>;
  /**
   * The receipts after `after`, in order; with `nodeId`, those of payments of that node and the
   * nodes below it.
   */
  receipts(after: number, limit: number, nodeId?: string): Promise<readonly ReceiptRow[]>;
  /** The last one. */
  lastReceipt(): Promise<ReceiptRow | undefined>;
}
