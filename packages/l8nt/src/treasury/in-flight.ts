/**
 * How much may be in flight at one time. A payment that never settles keeps its amount reserved, and
 * one agent must not use up what its siblings share. [case 55]
 */
import type { ChainLimit } from "../caveat/index.ts";
import type { Verified } from "../l402/index.ts";
import type { InFlightCaps } from "./limits.ts";

export function inFlightLimits(
  verified: Verified,
  origin: string,
  caps: InFlightCaps,
): readonly ChainLimit[] {
  const { perNode, perNodeMsat, perOrigin, perOriginMsat } = caps;
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

/** Not a caveat of the chain, so it has a name that no caveat can have. */
const IN_FLIGHT = "in flight";
