/** Makes a request fit what is left: its output is limited, and never below what is of use. */
import type { Edit } from "../body/edit.ts";
import { worstCase } from "../presets/bound.ts";
import { clamp } from "../presets/cap.ts";
import type { Asked } from "../presets/preset.ts";
import type { ModelPrice } from "../prices/model-price.ts";

/** Of an answer that would be of no use. Hidden reasoning eats a smaller cap. */
const LEAST_OUTPUT = { plain: 256, reasoning: 4096 } as const;

/** An output cap under which a request costs no more than `left`; undefined if none is of use. */
export function fitTo(
  left: bigint,
  asked: Pick<Asked, "bound" | "cap">,
  price: ModelPrice,
): { readonly output: number; readonly edits: readonly Edit[] } | undefined {
  const { cap } = asked;
  const bounds = boundsOf(asked, price);
  if (cap === undefined || bounds === undefined) return undefined;
  const output = fittingOutput(bounds, left, (tokens) => costOf(asked, price, tokens));
  const edits = output === undefined ? undefined : clamp(cap, output);
  return output === undefined || edits === undefined ? undefined : { output, edits };
}

/** What must be left for a request to be served; undefined if it is never made smaller. */
export function leastCost(
  asked: Pick<Asked, "bound" | "cap">,
  price: ModelPrice,
): bigint | undefined {
  const bounds = boundsOf(asked, price);
  if (bounds === undefined || bounds.least > bounds.asked) return undefined;
  return costOf(asked, price, bounds.least);
}

function boundsOf(
  { bound, cap }: Pick<Asked, "bound" | "cap">,
  { limits }: ModelPrice,
): CapBounds | undefined {
  if (cap === undefined) return undefined;
  const usual = limits.reasons ? LEAST_OUTPUT.reasoning : LEAST_OUTPUT.plain;
  return {
    asked: bound.maxOutput ?? limits.maxOutput ?? 0,
    least: Math.max(cap.least, Math.min(usual, bound.maxOutput ?? usual)),
  };
}

function costOf({ bound }: Pick<Asked, "bound">, price: ModelPrice, output: number) {
  const usage = worstCase(bound, price.limits, output);
  return usage && price.dearest(usage);
}

/**
 * The cap of a request that ends only by itself: the most that the price file says of the model,
 * written into it. Undefined for any other, and if there is nothing to say.
 */
export function endOf(
  { bound, cap }: Pick<Asked, "bound" | "cap">,
  { isFree, limits }: ModelPrice,
): { readonly output: number; readonly edits: readonly Edit[] } | undefined {
  const { maxOutput: output } = limits;
  if (!bound.isEndless || bound.maxOutput !== undefined || isFree) return undefined;
  if (cap === undefined || output === undefined) return undefined;
  const edits = clamp(cap, output);
  return edits && { output, edits };
}

/** What an output cap may be. */
export interface CapBounds {
  /** What the client asked for, or the model's own limit. */
  readonly asked: number;
  /** The least that is worth paying for, and that the vendor takes. */
  readonly least: number;
}

/**
 * The largest output, in tokens, whose worst case costs no more than `left`; undefined if that is
 * below the least. The cost may only grow with the output.
 *
 * @param costAt what a request costs with this output; undefined if it has no price
 */
export function fittingOutput(
  { asked, least }: CapBounds,
  left: bigint,
  costAt: (output: number) => bigint | undefined,
): number | undefined {
  const fits = (output: number): boolean => {
    const cost = costAt(output);
    return cost !== undefined && cost <= left;
  };
  if (least > asked || !fits(least)) return undefined;
  let low = least;
  let high = asked;
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
