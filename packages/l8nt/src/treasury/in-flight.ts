/**
 * How much may be in flight at one time: payments that never settle hold a budget, and its owner's
 * siblings should not starve. [case 55]
 */
import type { ChainLimit } from "../caveat/index.ts";
import type { Verified } from "../l402/index.ts";

export interface InFlightCaps {
  /**
   * Payments of one agent and all below it; the root of a tree has none. 64 where it is not given.
   */
  readonly perNode?: number;
  /** The same, in msat. None where it is not given. */
  readonly perNodeMsat?: bigint;
  /** Payments to one origin, whoever makes them. 256 where it is not given. */
  readonly perOrigin?: number;
  readonly perOriginMsat?: bigint;
}

export function inFlightLimits(
  verified: Verified,
  origin: string,
  caps: InFlightCaps,
): readonly ChainLimit[] {
  const { perNode = 64, perNodeMsat, perOrigin = 256, perOriginMsat } = caps;
  const cap = (
    kind: ChainLimit["kind"],
    where: string,
    node: ChainLimit["node"],
    max: bigint | undefined,
  ) =>
    max === undefined ? [] : [{ kind, max, node, id: `${kind} ${where}`, condition: IN_FLIGHT }];
  return [
    ...verified.nodes
      .slice(1)
      .flatMap((node) => [
        ...cap("in-flight", node.id, node, BigInt(perNode)),
        ...cap("in-flight-msat", node.id, node, perNodeMsat),
      ]),
    ...cap("in-flight", origin, verified.node, BigInt(perOrigin)),
    ...cap("in-flight-msat", origin, verified.node, perOriginMsat),
  ];
}

/** No caveat of the chain, so its name is none that a caveat can have. */
const IN_FLIGHT = "in flight";
