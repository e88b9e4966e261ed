/** Signed receipts, in order. spec/6-receipts.md. */
import type { ReceiptRow } from "../ports/receipts.ts";
import { codecOf, count, hash, list, object, text } from "./codec.ts";
import { message } from "./message.ts";
import { page } from "./page.ts";

const receipt = codecOf<ReceiptRow>()(object({ seq: count(), paymentHash: hash, hash, text }));

export const receiptList = object({ receipts: list(receipt) });

export const ownReceipts = message({
  name: "receipts",
  method: "GET",
  path: "/v1/receipts",
  summary: "Signed receipts of what the credential's node and those below it paid, in order",
  audience: "agent",
  query: object(page),
  answer: receiptList,
});
