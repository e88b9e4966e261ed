/**
 * What signs the checkpoints of a treasury's journal: the key of its receipts. spec/5-ledger.md §6.
 */
import { lazily } from "../internal/lazily.ts";
import type { Secret } from "../l402/index.ts";
import type { CheckpointSeal } from "../ports/folding.ts";
import { signedSeal } from "../receipt/checkpoint.ts";
import { ReceiptSigner } from "../receipt/key.ts";
import { receiptSeedOf } from "./derived.ts";
import type { ReceiptMaker } from "./receipt-maker.ts";

export interface CheckpointSealOptions {
  readonly receipts: Pick<ReceiptMaker, "signer">;
  readonly previousSecrets: readonly Secret[];
  readonly previousReceiptKeys: readonly string[];
}

/** Loads the curve at the first call. */
export const checkpointSeal = (options: CheckpointSealOptions): (() => Promise<CheckpointSeal>) =>
  lazily(async () => {
    const { receipts, previousSecrets, previousReceiptKeys } = options;
    const derived = await Promise.all(
      previousSecrets.map(async (secret) => ReceiptSigner.fromSeed(receiptSeedOf(secret))),
    );
    const before = [...derived.map(({ publicKey }) => publicKey), ...previousReceiptKeys];
    return signedSeal(await receipts.signer(), before);
  });
