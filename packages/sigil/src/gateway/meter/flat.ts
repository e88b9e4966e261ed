/** Settles a request whose price nothing in its answer changes: a flat one, or none but its use. */
import type { Amount } from "l8nt/invoice";
import type { Granted } from "l8nt/service";
import type { Outcome } from "../core/forward.ts";
import type { Counted } from "../shadow.ts";
import { isBilled } from "./billed.ts";
import { type Cost, chargedFor } from "./cost.ts";

/** Spends the price, or gives it back if the vendor did nothing for it. */
export async function settleFlat(
  granted: Counted,
  { unit, value }: Amount,
  outcome: Outcome,
): Promise<Cost> {
  const isOwed = isBilled(outcome);
  if (isOwed) granted.grant.settle({ unit, value });
  else granted.grant.release();
  const charged = await granted.finish("status" in outcome ? outcome.status : undefined);
  const cost = { unit, value: isOwed ? value : 0n, isEstimated: false, usage: undefined };
  return chargedFor(cost, charged);
}

/** Uses up what is counted of a request without a price, or gives it back as {@link settleFlat}. */
export async function settleUse(granted: Counted, outcome: Outcome): Promise<void> {
  if (isBilled(outcome)) granted.grant.consume();
  else granted.grant.release();
  await granted.finish("status" in outcome ? outcome.status : undefined);
}

/** Counts a free request whatever the vendor answered: it was asked with the owner's key. */
export async function settleFreebie(granted: Granted, outcome: Outcome): Promise<void> {
  if ("isUnsent" in outcome && outcome.isUnsent) granted.grant.release();
  else granted.grant.consume();
  await granted.finish("status" in outcome ? outcome.status : undefined);
}
