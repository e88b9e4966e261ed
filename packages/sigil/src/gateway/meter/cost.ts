/** What an exchange came to, also if it broke off or the vendor said nothing of it. */
import type { Amount, Unit } from "l8nt/invoice";
import type { UsageReader } from "../presets/preset.ts";
import type { ModelPrice } from "../prices/model-price.ts";
import type { Usage } from "../usage.ts";

export interface Cost {
  readonly unit: Unit;
  readonly value: bigint;
  /** Whether the vendor did not say all of it. */
  readonly isEstimated: boolean;
  readonly usage: Usage | undefined;
}

/** What the ledger charged, if that is not what an exchange came to: it has the last word. */
export const chargedFor = (cost: Cost, charged: Amount | undefined): Cost =>
  charged === undefined || charged.unit !== cost.unit || charged.value === cost.value
    ? cost
    : { ...cost, value: charged.value, isEstimated: true };

export const amountOf = ({ unit, value }: Cost): Amount => ({ unit, value });

/** What is known of an exchange when it ends. */
export interface Ended {
  /** Whether the vendor's answer came to its end. */
  readonly isComplete: boolean;
  /** Whether output is sent as it is made. A whole answer was made before its first byte. */
  readonly isStream: boolean;
  /** Bytes of the answer since its last usage, or since its beginning. */
  readonly bytesSince: number;
  readonly usage: UsageReader["usage"];
}

/** What follows the last usage of a stream: `[DONE]`, `message_stop`. More of it is an answer. */
const MAX_END_BYTES = 256;

/**
 * The usage that the vendor stated has its price, and never more than was reserved. What it did
 * not state counts at the most that it can be: the input that was reserved and a token for each
 * byte that came, or all that was reserved if output is made unseen, because the answer is no
 * stream or the model thinks.
 *
 * @param most the usage that was reserved, and `reserved` its price
 */
export function costOf(
  { isComplete, isStream, bytesSince, usage }: Ended,
  price: ModelPrice,
  most: Usage,
  reserved: bigint,
): Cost {
  const { unit } = price;
  const stated = usage === undefined ? undefined : price.cost(usage);
  if (stated !== undefined && (isComplete ? bytesSince <= MAX_END_BYTES : bytesSince === 0))
    // More than the request could come to is a fault of the vendor, or of the price list.
    return stated > reserved
      ? { unit, value: reserved, isEstimated: true, usage }
      : { unit, value: stated, isEstimated: false, usage };
  // Nobody knows what a complete answer without a priced usage came to, nor how much was made that
  // nothing was seen of.
  if ((isComplete && stated === undefined) || !isStream || price.limits.reasons)
    return { unit, value: reserved, isEstimated: true, usage };
  const seen: Usage = usage === undefined ? { ...most, output: 0 } : usage;
  const guessed: Usage = {
    ...seen,
    output: seen.output + bytesSince,
    ...(most.outputAudio > 0 && { outputAudio: seen.outputAudio + bytesSince }),
    units:
      "image_token" in most.units
        ? { ...seen.units, image_token: (seen.units.image_token ?? 0) + bytesSince }
        : seen.units,
  };
  const value = price.dearest(guessed) ?? reserved;
  return { unit, value: value < reserved ? value : reserved, isEstimated: true, usage };
}
