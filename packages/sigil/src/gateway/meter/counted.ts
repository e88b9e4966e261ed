/** A request whose tokens were counted, which has fewer of them than bytes. */
import { worstCase } from "../presets/bound.ts";
import type { Asked } from "../presets/preset.ts";
import { byteLength } from "../presets/text.ts";
import type { ModelPrice } from "../prices/model-price.ts";
import type { AtVendor } from "../tokens/at-vendor.ts";
import type { TokenCounter } from "../tokens/counter.ts";
import { leastOf, withMargin } from "../tokens/estimate.ts";
import { fitTo } from "./fit.ts";

export interface Counters {
  readonly texts: Pick<TokenCounter, "count">;
  /** @returns the vendor's own count */
  readonly atVendor: (question: AtVendor) => Promise<number | undefined>;
}

/** A part of a bound that is a token for each byte, and can be counted instead. */
interface Counting {
  readonly bytes: number;
  /** The fewest tokens that it can come to. */
  readonly least: number;
  readonly tokens: () => Promise<number | undefined>;
}

/**
 * The request with the tokens of what was counted instead of its bytes. What surrounds it stays as
 * it is bounded: nobody has said how many tokens that is for every model.
 *
 * @param left what the request may cost
 * @returns undefined if nothing was gained, or nothing can be, whatever the count comes to
 */
export async function counted(
  asked: Asked,
  left: bigint,
  price: ModelPrice,
  counters: Counters,
): Promise<Asked | undefined> {
  const { bound } = asked;
  if (bound.input === Number.POSITIVE_INFINITY) return undefined;
  const counting = countingOf(asked, counters);
  if (counting === undefined) return undefined;
  const { bytes, least } = counting;
  const having = (tokens: number): Asked => ({
    ...asked,
    bound: { ...bound, input: bound.input - bytes + tokens },
  });
  // A holder with nothing left must keep neither the tokenizer nor the vendor busy.
  if (!mayFit(having(least), left, price)) return undefined;
  const tokens = await counting.tokens();
  return tokens === undefined || tokens >= bytes ? undefined : having(tokens);
}

function countingOf({ countable, atVendor }: Asked, counters: Counters): Counting | undefined {
  if (countable !== undefined)
    return {
      bytes: countable.texts.reduce((sum, text) => sum + byteLength(text), 0),
      least: 0,
      tokens: () => counters.texts.count(countable),
    };
  const question = atVendor?.();
  if (question === undefined) return undefined;
  const { bytes } = question;
  return {
    bytes,
    least: leastOf(bytes),
    tokens: async () => {
      const tokens = await counters.atVendor(question);
      return tokens === undefined ? undefined : withMargin(tokens, bytes);
    },
  };
}

function mayFit(asked: Asked, left: bigint, price: ModelPrice): boolean {
  const most = worstCase(asked.bound, price.limits);
  const cost = most && price.dearest(most);
  return (cost !== undefined && cost <= left) || fitTo(left, asked, price) !== undefined;
}
