/** Settles a request at a flat price. */
import type { Amount } from "l8nt/invoice";
import type { Outcome } from "../core/forward.ts";
import type { Counted } from "../shadow.ts";
import { isBilled } from "./billed.ts";
import type { Cost } from "./cost.ts";

/** Spends the price, or gives it back if the vendor did nothing for it. */
export async function settleFlat(
  granted: Counted,
  { unit, value }: Amount,
  outcome: Outcome,
): Promise<Cost> {
  const isOwed = isBilled(outcome);
  if (isOwed) granted.grant.settle({ unit, value });
  else granted.grant.release();
  await granted.finish("status" in outcome ? outcome.status : undefined);
  return { unit, value: isOwed ? value : 0n, isEstimated: false, usage: undefined };
}
