/** What a handler sees of a grant and declares with it, and what is sent of that. */
import { type Amount, type AmountText, parseAmount, unitName } from "../amount.ts";
import { exposed } from "../http/exposed.ts";
import type { Verified } from "../l402/index.ts";
import { type Declared, USE_FIELD } from "../wire/consumption.ts";
import { privately } from "./caching.ts";
import type { Grant } from "./decision.ts";
import type { Use } from "./refunds.ts";
import { withEnd } from "./with-end.ts";

/**
 * The response as it is sent: with what caches are told, and with the field that tells the client
 * what the handler declared.
 */
export const asSent = (response: Response, served: Grant): Response =>
  endingWithCredential(
    withUse(isForAll(served) ? response : privately(response), declaredBy(served)),
    served,
  );

function withUse(response: Response, declared: Declared | undefined): Response {
  if (declared === undefined) return response;
  const { status, statusText, body, headers: given } = response;
  const headers = new Headers(given);
  headers.set(USE_FIELD, declared);
  for (const [name, value] of exposed([[USE_FIELD, declared]])) headers.append(name, value);
  return new Response(body, { status, statusText, headers });
}

export const isForAll = (served: Grant): boolean => ServedGrant.isForAll(served);

/** Says that a grant without a credential was counted: a cache must not give its answer away. */
export const forOneClient = (served: Grant): void => ServedGrant.forOne(served);

export const declaredBy = (served: Grant): Declared | undefined => ServedGrant.declaredBy(served);

/** What was declared with `settle`. */
export const settledAt = (served: Grant): Amount | undefined => ServedGrant.settledAt(served);

/** What a request is served over, such as a response or a socket of Node's. */
interface Exchange {
  once(event: "close", listener: () => void): unknown;
}

/** Tells a grant what it is served over, with which its signal is let go of. */
export const servedOver = (served: Grant, exchange: Exchange): void =>
  ServedGrant.serve(served, exchange);

/** Calls `end` if the credential of a request is revoked or ends while the request is served. */
export function watchGrant(served: Grant, end: () => void): void {
  const { signal } = served;
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
}

/**
 * The response, broken off when the credential of its request is revoked or ends, if its handler
 * has asked for the grant's signal.
 */
export function endingWithCredential(response: Response, served: Grant): Response {
  const stop = ServedGrant.stopOf(served);
  if (stop === undefined) return response;
  if (response.body === null) {
    stop();
    return response;
  }
  const { status, statusText, headers, body } = withEnd(response, async () => stop());
  const { signal } = served;
  const broken = body!.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal });
  return new Response(broken, { status, statusText, headers });
}

/** A grant that can be written as JSON, which has no `bigint`. */
export class ServedGrant implements Grant {
  readonly nodeId: string | undefined;
  readonly lineage: readonly string[];
  readonly paymentHash: string | undefined;
  readonly price: Amount;
  readonly #verified: Verified | undefined;
  #exchange: Exchange | undefined;
  #use: Use | undefined;
  #signal: AbortSignal | undefined;
  #stop: (() => void) | undefined;
  // No weak maps: with a key for each request, they cost a garbage collection more than all else.
  #sharing: "all" | "one" | undefined;
  #declared: Declared | undefined;
  #settled: Amount | undefined;

  static isForAll(served: Grant): boolean {
    const sharing = #sharing in served ? served.#sharing : undefined;
    return sharing === "all" || (sharing !== "one" && served.nodeId === undefined);
  }

  static forOne(served: Grant): void {
    if (#sharing in served && served.nodeId === undefined) served.#sharing ??= "one";
  }

  static declaredBy(served: Grant): Declared | undefined {
    return #declared in served ? served.#declared : undefined;
  }

  static settledAt(served: Grant): Amount | undefined {
    return #settled in served ? served.#settled : undefined;
  }

  static serve(served: Grant, exchange: Exchange): void {
    if (#exchange in served) served.#exchange = exchange;
  }

  static use(served: ServedGrant, use: Use): void {
    served.#use = use;
  }

  /** What lets go of the signal, if somebody has asked for it. */
  static stopOf(served: Grant): (() => void) | undefined {
    return #stop in served ? served.#stop : undefined;
  }

  constructor(verified: Verified | undefined, price: Amount) {
    this.nodeId = verified?.node.id;
    this.lineage = verified?.lineage ?? NOBODY;
    this.paymentHash = verified?.paymentHash;
    this.price = price;
    this.#verified = verified;
  }

  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const ending = new AbortController();
    this.#signal = ending.signal;
    this.#stop = this.#verified?.watch(() => ending.abort(new DOMException(ENDED, "AbortError")));
    if (this.#stop !== undefined) this.#exchange?.once("close", this.#stop);
    return this.#signal;
  }

  consume(): void {
    this.#settled = undefined;
    this.#declared = "consumed";
  }

  release(): void {
    this.#declared = "released";
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
    this.#settled = amount;
    this.#declared = "consumed";
  }

  get useId(): string | undefined {
    return this.#use?.id;
  }

  async refund(given?: AmountText | Amount): Promise<boolean> {
    return this.#use?.refund(given) ?? false;
  }

  allowSharedCaching(): void {
    this.#sharing = "all";
  }

  toJSON(): object {
    const { unit, value } = this.price;
    return { ...this, price: { unit, value: value.toString() } };
  }
}

const ENDED = "The credential of this request was revoked, or has ended.";
const NOBODY: readonly string[] = [];
