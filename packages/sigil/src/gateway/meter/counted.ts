/** A request whose texts were counted, which has fewer tokens than bytes. */
import { worstCase } from "../presets/bound.ts";
import type { Asked } from "../presets/preset.ts";
import { byteLength } from "../presets/text.ts";
import type { ModelPrice } from "../prices/model-price.ts";
import type { TokenCounter } from "../tokens/counter.ts";
import { fitTo } from "./fit.ts";

/**
 * The request with the tokens of its texts instead of their bytes. What surrounds them stays as it
 * is bounded: nobody has said how many tokens that is for every model.
 *
 * @param left what the request may cost
 * @returns undefined if nothing was gained, or nothing can be, whatever the texts come to
 */
export async function counted(
  asked: Asked,
  left: bigint,
  price: ModelPrice,
  counter: Pick<TokenCounter, "count">,
): Promise<Asked | undefined> {
  const { countable, bound } = asked;
  if (countable === undefined || bound.input === Number.POSITIVE_INFINITY) return undefined;
  const bytes = countable.texts.reduce((sum, text) => sum + byteLength(text), 0);
  const having = (tokens: number): Asked => ({
    ...asked,
    bound: { ...bound, input: bound.input - bytes + tokens },
  });
  // A holder with nothing left must not keep the tokenizer busy.
  if (!mayFit(having(0), left, price)) return undefined;
  const tokens = await counter.count(countable);
  return tokens === undefined || tokens >= bytes ? undefined : having(tokens);
}

function mayFit(asked: Asked, left: bigint, price: ModelPrice): boolean {
  const most = worstCase(asked.bound, price.limits);
  const cost = most && price.dearest(most);
  return (cost !== undefined && cost <= left) || fitTo(left, asked, price) !== undefined;
}
