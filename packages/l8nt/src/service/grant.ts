/** The decision to serve a request, and the end of what was claimed for it. spec/5-ledger.md §5. */
import type { Amount } from "../amount.ts";
import type { Verified } from "../l402/index.ts";
import type { Resolution } from "../ports/ledger.ts";
import { type Declared, isConsumed } from "../wire/consumption.ts";
import { grpcType, hasTrailers } from "../wire/grpc.ts";
import type { Grant, Granted, RequestFacts } from "./decision.ts";
import type { Use } from "./refunds.ts";
import type { KeyedUse } from "./repeats.ts";
import {
  asSent,
  declaredBy,
  forOneClient,
  isForAll,
  ServedGrant,
  settledAt,
} from "./served-grant.ts";
import { settledResponse } from "./settled.ts";

/** Grants a request for which nothing was counted. */
export const grant = (verified: Verified | undefined, price: Amount): Granted =>
  new Uncounted(new ServedGrant(verified, price));

/** Grants a request that another guard of it has counted, and ends. */
export const uncounted = (served: Grant): Granted => new Uncounted(served);

/** A class, as what each request makes, so that its functions are made once. */
class Uncounted implements Granted {
  readonly granted = true;
  readonly grant: Grant;
  readonly claimed: boolean = false;
  readonly endsBy: Granted["endsBy"] = "head";

  constructor(served: Grant) {
    this.grant = served;
  }

  declared(): Declared | undefined {
    return undefined;
  }

  isForAll(): boolean {
    return isForAll(this.grant);
  }

  async finish(_status: number | undefined): Promise<Amount | undefined> {
    return undefined;
  }

  keeper(): ReturnType<Granted["keeper"]> {
    return undefined;
  }

  async settle(response: Response): Promise<Response> {
    return asSent(response, this.grant);
  }
}

/**
 * Grants a request whose use was claimed: of its credential, or of what is free.
 *
 * @param keyed the use of a request that may be repeated
 */
export const claimedGrant = (
  verified: Verified | undefined,
  claimed: ClaimedRequest,
  keyed?: KeyedUse,
): Granted => {
  const served = new ServedGrant(verified, claimed.price);
  forOneClient(served);
  ServedGrant.use(served, claimed.use);
  return new Claimed(served, claimed, keyed);
};

export interface ClaimedRequest {
  readonly facts: RequestFacts;
  readonly price: Amount;
  readonly metered: boolean;
  readonly use: Use;
  /** Commits the claim with what was spent, or releases it. */
  end(spent: Amount | undefined): Promise<Resolution>;
}

class Claimed extends Uncounted {
  override readonly claimed = true;
  override readonly endsBy: Granted["endsBy"];
  readonly #claimed: ClaimedRequest;
  readonly #keyed: KeyedUse | undefined;

  constructor(served: Grant, claimed: ClaimedRequest, keyed: KeyedUse | undefined) {
    super(served);
    this.endsBy = claimed.metered ? "end" : endOf(claimed.facts);
    this.#claimed = claimed;
    this.#keyed = keyed;
  }

  override declared(): Declared | undefined {
    return declaredBy(this.grant);
  }

  override async finish(status: number | undefined): Promise<Amount> {
    const { facts, price } = this.#claimed;
    // At its end, a response whose client has hung up has used what it used.
    const isSeen = this.endsBy === "end" || facts.isGone?.() !== true;
    const head = status !== undefined && isSeen ? { method: facts.method, status } : undefined;
    const consumed = isConsumed(head, this.declared());
    try {
      const spent = consumed ? (settledAt(this.grant) ?? price) : undefined;
      return (await this.#claimed.end(spent)).amount;
    } finally {
      this.#keyed?.end(consumed);
    }
  }

  override keeper(): ReturnType<Granted["keeper"]> {
    return this.#keyed?.keeper();
  }

  override settle(response: Response): Promise<Response> {
    return settledResponse(response, this, (status) => this.finish(status));
  }
}

function endOf({ contentType }: RequestFacts): Granted["endsBy"] {
  const type = grpcType(contentType);
  return type !== undefined && hasTrailers(type) ? "trailers" : "head";
}
