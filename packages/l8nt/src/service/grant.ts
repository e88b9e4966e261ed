/** The decision to serve a request, and the end of what was claimed for it. */
import type { Amount } from "../amount.ts";
import type { Verified } from "../l402/index.ts";
import type { Grant, Granted } from "./decision.ts";

const NOTHING_TO_FINISH = async (): Promise<void> => {};
const NOTHING_TO_SETTLE = async (response: Response): Promise<Response> => response;

/** @param finish ends the claim; undefined if nothing was claimed */
export function grant(
  verified: Verified | undefined,
  price: Amount,
  finish: ((delivered: boolean) => Promise<void>) | undefined,
): Granted {
  const served = new ServedGrant(verified, price);
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
  readonly price: Amount;

  constructor(verified: Verified | undefined, price: Amount) {
    this.nodeId = verified?.node.id;
    this.lineage = verified?.lineage ?? NOBODY;
    this.paymentHash = verified?.paymentHash;
    this.price = price;
  }

  toJSON(): object {
    const { unit, value } = this.price;
    return { ...this, price: { unit, value: value.toString() } };
  }
}

const NOBODY: readonly string[] = [];
