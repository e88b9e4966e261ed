/** The decision to serve a request, and the end of what was claimed for it. */
import type { Verified } from "../l402/index.ts";
import type { Grant, Granted } from "./decision.ts";

const NOTHING_TO_FINISH = async (): Promise<void> => {};
const NOTHING_TO_SETTLE = async (response: Response): Promise<Response> => response;

/** @param finish ends the claim; undefined if nothing was claimed */
export function grant(
  verified: Verified | undefined,
  priceMsat: bigint,
  finish: ((delivered: boolean) => Promise<void>) | undefined,
): Granted {
  const served = new ServedGrant(verified, priceMsat);
  if (finish === undefined)
    return {
      granted: true,
      grant: served,
      claimed: false,
      finish: NOTHING_TO_FINISH,
      settle: NOTHING_TO_SETTLE,
    };
  const settle = async (response: Response) => {
    await finish(response.status < 500);
    return response;
  };
  return { granted: true, grant: served, claimed: true, finish, settle };
}

/** A grant that can be written as JSON, which has no `bigint`. */
class ServedGrant implements Grant {
  readonly nodeId: string | undefined;
  readonly lineage: readonly string[];
  readonly paymentHash: string | undefined;
  readonly priceMsat: bigint;

  constructor(verified: Verified | undefined, priceMsat: bigint) {
    this.nodeId = verified?.node.id;
    this.lineage = verified?.lineage ?? NOBODY;
    this.paymentHash = verified?.paymentHash;
    this.priceMsat = priceMsat;
  }

  toJSON(): object {
    return { ...this, priceMsat: this.priceMsat.toString() };
  }
}

const NOBODY: readonly string[] = [];
