/**
 * `l8nt/receipts`: signed receipts of payments. Verifying them needs the public key and nothing
 * else of a treasury. spec/6-receipts.md.
 */
export { type ReceiptCode, ReceiptError } from "../errors.ts";
export { type ChainVerdict, verifyChain } from "./chain.ts";
export {
  type CheckpointVerifier,
  checkpointText,
  checkpointVerifier,
  readCheckpoint,
} from "./checkpoint.ts";
export { ReceiptClerk, type ReceiptClerkOptions } from "./clerk.ts";
export { type EarlierReceipts, withEarlier } from "./earlier.ts";
export {
  type ExportOptions,
  type ExportVerdict,
  exportReceipts,
  type VerifyExportOptions,
  verifyExport,
} from "./export.ts";
export { ReceiptSigner } from "./key.ts";
export type { Receipt, ReceiptHead } from "./receipt.ts";
