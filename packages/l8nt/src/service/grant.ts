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
  uncounted(new ServedGrant(verified, price));

/** Grants a request that another guard of it has counted, and ends. */
export function uncounted(served: Grant): Granted {
  return {
    granted: true,
    grant: served,
    claimed: false,
    endsBy: "head",
    declared: () => undefined,
    isForAll: () => isForAll(served),
    finish: async () => {},
    keeper: () => undefined,
    settle: async (response) => asSent(response, served),
  };
}

/**
 * Grants a request whose use was claimed.
 *
 * @param end commits the claim, or releases it
 * @param keyed the use of a request that may be repeated
 */
export function claimedGrant(
  verified: Verified,
  { facts, price }: { readonly facts: RequestFacts; readonly price: Amount },
  end: (consumed: boolean) => Promise<void>,
  keyed?: KeyedUse,
): Granted {
  const served = new ServedGrant(verified, price);
  const { method } = facts;
  const type = grpcType(facts.contentType);
  const finish = async (status: number | undefined): Promise<void> => {
    const isHeadSent = status !== undefined && facts.isGone?.() !== true;
    const consumed = isConsumed(isHeadSent ? { method, status } : undefined, declaredBy(served));
    try {
      await end(consumed);
    } finally {
      keyed?.end(consumed);
    }
  };
  const keeper = () => keyed?.keeper();
  return {
    granted: true,
    grant: served,
    claimed: true,
    endsBy: type !== undefined && hasTrailers(type) ? "trailers" : "head",
    declared: () => declaredBy(served),
    isForAll: () => isForAll(served),
    finish,
    keeper,
    settle: async (response) => {
      const keep = keeper();
      await finish(response.status);
      const answer = asSent(response, served);
      return keep === undefined ? answer : keeping(answer, keep);
    },
  };
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
