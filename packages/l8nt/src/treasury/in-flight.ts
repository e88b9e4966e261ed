/**
 * How much may be in flight at one time. A payment that never settles keeps its amount reserved,
 * and one agent must not use up what its siblings share. [case 55]
 */
import { type ChainLimit, limitOf } from "../caveat/index.ts";
import type { Verified } from "../l402/index.ts";
import type { Counting } from "../ports/limit.ts";
import type { InFlightCaps } from "./limits.ts";

export function inFlightLimits(
  verified: Verified,
  origin: string,
  caps: InFlightCaps,
): readonly ChainLimit[] {
  const { perNode, perNodeMsat, perOrigin, perOriginMsat } = caps;
  const cap = (
    counting: Counting,
    where: string,
    node: ChainLimit["node"],
    max: bigint | undefined,
  ): readonly ChainLimit[] =>
    max === undefined
      ? []
      : [limitOf({ ...counting, max, id: `${counting.kind} ${where}` }, { condition, node })];
  return [
    ...verified.nodes
      .slice(1)
      .flatMap((node) => [
        ...cap(COUNT, node.id, node, BigInt(perNode)),
        ...cap(AMOUNT, node.id, node, perNodeMsat),
      ]),
    ...cap(COUNT, origin, verified.node, BigInt(perOrigin)),
    ...cap(AMOUNT, origin, verified.node, perOriginMsat),
  ];
}

/**
 * As long as no payee of an origin is known, one payment to it is in flight: the cap of a first
 * payment would otherwise hold for each of many at once. [cases 70, 86]
 */
export const firstPaymentLimit = ({ node }: Verified, origin: string): ChainLimit =>
  limitOf({ ...COUNT, max: 1n, id: `${COUNT.kind} first ${origin}` }, { condition, node });

const COUNT: Counting = { kind: "in-flight" };
const AMOUNT: Counting = { kind: "in-flight-amount", unit: "msat" };

/** Not a caveat of the chain, so it has a name that no caveat can have. */
const condition = "in flight";
