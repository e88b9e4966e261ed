/** The decision to serve a request, and the end of what was claimed for it. spec/5-ledger.md §5. */
import type { Amount } from "../amount.ts";
import { exposed } from "../http/exposed.ts";
import type { Verified } from "../l402/index.ts";
import { type Declared, isConsumed, USE_FIELD } from "../wire/consumption.ts";
import { grpcType, hasTrailers } from "../wire/grpc.ts";
import { privately } from "./caching.ts";
import type { Grant, Granted, RequestFacts } from "./decision.ts";
import { keeping } from "./keeping.ts";
import type { KeyedUse } from "./repeats.ts";

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

  async finish(_status: number | undefined): Promise<void> {}

  keeper(): ReturnType<Granted["keeper"]> {
    return undefined;
  }

  async settle(response: Response): Promise<Response> {
    return asSent(response, this.grant);
  }
}

/**
 * Grants a request whose use was claimed.
 *
 * @param end commits the claim, or releases it
 * @param keyed the use of a request that may be repeated
 */
export const claimedGrant = (
  verified: Verified,
  { facts, price }: { readonly facts: RequestFacts; readonly price: Amount },
  end: (consumed: boolean) => Promise<unknown>,
  keyed?: KeyedUse,
): Granted => new Claimed(new ServedGrant(verified, price), facts, end, keyed);

class Claimed extends Uncounted {
  override readonly claimed = true;
  override readonly endsBy: Granted["endsBy"];
  readonly #facts: RequestFacts;
  readonly #end: (consumed: boolean) => Promise<unknown>;
  readonly #keyed: KeyedUse | undefined;

  constructor(
    served: Grant,
    facts: RequestFacts,
    end: (consumed: boolean) => Promise<unknown>,
    keyed: KeyedUse | undefined,
  ) {
    super(served);
    const type = grpcType(facts.contentType);
    this.endsBy = type !== undefined && hasTrailers(type) ? "trailers" : "head";
    this.#facts = facts;
    this.#end = end;
    this.#keyed = keyed;
  }

  override declared(): Declared | undefined {
    return declaredBy(this.grant);
  }

  override async finish(status: number | undefined): Promise<void> {
    const { method } = this.#facts;
    const isHeadSent = status !== undefined && this.#facts.isGone?.() !== true;
    const consumed = isConsumed(isHeadSent ? { method, status } : undefined, this.declared());
    try {
      await this.#end(consumed);
    } finally {
      this.#keyed?.end(consumed);
    }
  }

  override keeper(): ReturnType<Granted["keeper"]> {
    return this.#keyed?.keeper();
  }

  override async settle(response: Response): Promise<Response> {
    const keep = this.keeper();
    await this.finish(response.status);
    const answer = await super.settle(response);
    return keep === undefined ? answer : keeping(answer, keep);
  }
}

/**
 * The response as it is sent: with what caches are told, and with the field that tells the client
 * what the handler declared.
 */
export const asSent = (response: Response, served: Grant): Response =>
  withUse(isForAll(served) ? response : privately(response), declaredBy(served));

function withUse(response: Response, declared: Declared | undefined): Response {
  if (declared === undefined) return response;
  const { status, statusText, body, headers: given } = response;
  const headers = new Headers(given);
  headers.set(USE_FIELD, declared);
  for (const [name, value] of exposed([[USE_FIELD, declared]])) headers.append(name, value);
  return new Response(body, { status, statusText, headers });
}

const forAll = new WeakSet<Grant>();
const isForAll = (served: Grant): boolean => served.nodeId === undefined || forAll.has(served);

const declarations = new WeakMap<Grant, Declared>();
const declaredBy = (served: Grant): Declared | undefined => declarations.get(served);

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

  consume(): void {
    declarations.set(this, "consumed");
  }

  release(): void {
    declarations.set(this, "released");
  }

  allowSharedCaching(): void {
    forAll.add(this);
  }

  toJSON(): object {
    const { unit, value } = this.price;
    return { ...this, price: { unit, value: value.toString() } };
  }
}

const NOBODY: readonly string[] = [];
