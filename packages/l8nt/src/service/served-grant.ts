/** What a handler sees of a grant and declares with it, and what is sent of that. */
import { type Amount, type AmountText, parseAmount, unitName } from "../amount.ts";
import { exposed } from "../http/exposed.ts";
import type { Verified } from "../l402/index.ts";
import { type Declared, USE_FIELD } from "../wire/consumption.ts";
import { privately } from "./caching.ts";
import type { Grant } from "./decision.ts";

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
export const isForAll = (served: Grant): boolean =>
  served.nodeId === undefined || forAll.has(served);

const declarations = new WeakMap<Grant, Declared>();
export const declaredBy = (served: Grant): Declared | undefined => declarations.get(served);

const settlements = new WeakMap<Grant, Amount>();
/** What was declared with `settle`. */
export const settledAt = (served: Grant): Amount | undefined => settlements.get(served);

/** A grant that can be written as JSON, which has no `bigint`. */
export class ServedGrant implements Grant {
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
    settlements.delete(this);
    declarations.set(this, "consumed");
  }

  release(): void {
    declarations.set(this, "released");
  }

  settle(given: AmountText | Amount): void {
    const amount = typeof given === "object" ? given : parseAmount(given);
    const { unit } = this.price;
    if (amount === undefined || amount.value < 0n)
      throw new TypeError(
        'a request is settled with an amount and its unit, such as "0.0042 usd" or "3 sat"',
      );
    if (amount.unit !== unit)
      throw new TypeError(
        `the price of this request is in ${unitName(unit)}, and it is settled in ${unitName(amount.unit)}`,
      );
    settlements.set(this, amount);
    declarations.set(this, "consumed");
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
