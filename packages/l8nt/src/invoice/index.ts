/** `l8nt/invoice`: BOLT 11 invoices, read by `Invoice.decode` and written by `Invoice.encode`. */
import { decode } from "./decode.ts";
import { encode } from "./encode.ts";
import type { InvoiceData } from "./invoice.ts";

export {
  type Amount,
  type AmountText,
  formatAmount,
  msat,
  onlyIn,
  parseAmount,
  parseMsat,
  readAmountOption,
  readMsatOption,
  type Unit,
  writeAmount,
} from "../amount.ts";
export type { InvoiceCurve } from "./curve.ts";
export type { InvoiceFields } from "./invoice.ts";
export { NETWORKS, type Network } from "./network.ts";

/** A decoded invoice, frozen. */
export interface Invoice extends InvoiceData {}

/** Reads and writes BOLT 11 invoices. */
export const Invoice = { decode, encode } as const;
