/** The most that a request that nothing was paid for can cost, as far as it is sold. */
import { msat } from "l8nt/invoice";
import { tooDear, unbounded } from "../denials.ts";
import { endOf, fitTo } from "../meter/fit.ts";
import { worstCase } from "../presets/bound.ts";
import type { Asked } from "../presets/preset.ts";
import type { ModelPrice } from "../prices/model-price.ts";
import type { SaleTerms } from "./seller.ts";

/**
 * In msat. A request that could cost more than one payment is sold for the most that one may be, if
 * an answer of use fits into that.
 *
 * @throws Denied for one that has no bound, or does not fit
 */
export function estimateOf(asked: Asked, price: ModelPrice, { mostMsat }: SaleTerms): bigint {
  if (price.isFree) return 0n;
  const most = worstCase(asked.bound, price.limits, endOf(asked, price)?.output);
  const estimate = most && price.dearest(most);
  if (estimate === undefined) throw unbounded(asked.model);
  if (estimate <= mostMsat) return estimate;
  if (fitTo(mostMsat, asked, price) === undefined) throw tooDear(msat(estimate), msat(mostMsat));
  return mostMsat;
}
