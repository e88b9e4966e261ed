/** Limits of the public-key form that no verifier counts. spec/9-public-key.md §7. */
import { CaveatChain, refusal, type Vocabulary } from "../caveat/index.ts";
import type { Refusal } from "../errors.ts";
import type { BiscuitBody } from "./body.ts";

/**
 * The refusals of limits that are counted nowhere. A limit is counted only in the ledger that its
 * own block, or one before it, names: another holder of it could name another ledger below.
 *
 * @param chain that of the credential
 */
export function uncountedLimits(
  { beforeLedger, paymentHash }: Pick<BiscuitBody, "beforeLedger" | "paymentHash">,
  { limits }: CaveatChain,
  vocabulary: Vocabulary,
): readonly Refusal[] {
  if (limits.length === 0) return [];
  const before = new CaveatChain({ caveats: beforeLedger, paymentHash, vocabulary });
  return limits.slice(0, before.limits.length).map(({ kind, condition, node }) =>
    refusal(node, condition, {
      code: kind === "uses" ? "ERR_USES" : "ERR_BUDGET",
      have: "a limit that no ledger is named for",
      need: "one that is counted here",
    }),
  );
}
