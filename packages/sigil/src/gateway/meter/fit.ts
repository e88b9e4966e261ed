/** Makes a request fit what is left: its output is limited, and never below what is of use. */

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
 * @param costAt usd_micro of a request with this output; undefined if it has no price
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
