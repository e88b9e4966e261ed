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
  /** The last usage that a part of the answer stated, also if more may follow. */
  readonly latest: UsageReader["usage"];
  /** Whether the request asks for reasoning, which need not be shown. */
  readonly mayReason: boolean;
}

/** What follows the last usage of a stream: `[DONE]`, `message_stop`. More of it is an answer. */
const MAX_END_BYTES = 256;

/**
 * The usage that the vendor stated has its price, and never more than was reserved. What it did
 * not state counts at the most that it can be: the input that was reserved and a token for each
 * byte that came, or all that was reserved if output is made unseen, because the answer is no
 * stream or the model may reason. It never counts less than the last usage that was stated.
 *
 * @param most the usage that was reserved, and `reserved` its price
 */
export function costOf(
  { isComplete, isStream, bytesSince, usage, latest, mayReason }: Ended,
  price: ModelPrice,
  most: Usage,
  reserved: bigint,
): Cost {
  const { unit } = price;
  const stated = usage === undefined ? undefined : price.cost(usage);
  const asked = usage && dearerTier(usage, most, price);
  if (stated !== undefined && (isComplete ? bytesSince <= MAX_END_BYTES : bytesSince === 0))
    // More than the request could come to is a fault of the vendor, or of the price list.
    return stated > reserved || asked !== undefined
      ? { unit, value: leastOf(asked ?? stated, reserved), isEstimated: true, usage }
      : { unit, value: stated, isEstimated: false, usage };
  // Nobody knows what a complete answer without a priced usage came to, nor how much was made that
  // nothing was seen of.
  if ((isComplete && stated === undefined) || !isStream || mayReason || price.limits.reasons)
    return { unit, value: reserved, isEstimated: true, usage: latest };
  const seen: Usage = usage ?? { ...most, output: 0 };
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
  const least = latest === undefined ? 0n : (price.dearest(latest) ?? reserved);
  const more = value > least ? value : least;
  return { unit, value: leastOf(more, reserved), isEstimated: true, usage: latest };
}

const leastOf = (one: bigint, other: bigint): bigint => (one < other ? one : other);

/** The price in the tier that was asked for, if the answer names none and that one is dearer. */
function dearerTier(usage: Usage, { tier }: Usage, price: ModelPrice): bigint | undefined {
  if (usage.tier !== undefined || tier === undefined) return undefined;
  const [standard, asked] = [price.cost(usage), price.cost({ ...usage, tier })];
  return standard !== undefined && asked !== undefined && asked > standard ? asked : undefined;
}
