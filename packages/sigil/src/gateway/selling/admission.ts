/** Lets a request to a route through that is for sale, or says what a payment for it is. */
import { DeniedError, TokenError } from "l8nt";
import type { Verified } from "l8nt/l402";
import type { Answered, Decision, Granted, Refused, RequestFacts } from "l8nt/service";
import type { Admitted } from "../admitted.ts";
import type { AgentRequest, Read } from "../agent-request.ts";
import { readJson } from "../body/json-body.ts";
import { headersOf, type Lines, valuesOf } from "../core/fields.ts";
import { ofCredential } from "../credential/place.ts";
import { presentedToSale } from "../credential/presented-sale.ts";
import { AGAIN, unpriced } from "../denials.ts";
import { Denied } from "../denied.ts";
import type { Asked } from "../presets/preset.ts";
import type { ModelPrice } from "../prices/model-price.ts";
import { estimateOf } from "./estimate.ts";
import { deniedBy } from "./offered.ts";
import { type Sale, unitPaid } from "./seller.ts";

/** What the exchange of the request does for it. */
export interface PaidAdmissionOptions {
  readonly request: AgentRequest;
  readonly sale: Sale;
  /** Waits for a connection to the vendor. */
  readonly turn: () => Promise<void>;
  /** Reserves the worst case of a metered request. */
  readonly metered: (
    read: Read,
    price: ModelPrice,
    verified: Verified,
    reserve: Reserve,
  ) => Promise<Admitted>;
}

/**
 * Reserves a price.
 *
 * @returns the answer to a request that was served before
 * @throws the error that the request is refused for
 */
export type Reserve = (more: Pick<RequestFacts, "model" | "price">) => Promise<Granted | Answered>;

export class PaidAdmission {
  readonly #options: PaidAdmissionOptions;

  constructor(options: PaidAdmissionOptions) {
    this.#options = options;
  }

  /**
   * Undefined for a key that pays in US dollars, which is judged as on any other route.
   *
   * @throws Denied with a challenge if a payment would help
   */
  async admit(): Promise<Admitted | undefined> {
    const { request, sale, metered } = this.#options;
    const { paywall, preset } = request.service;
    const { query } = request.target;
    const { rawHeaders } = request.incoming;
    const places = preset.credentialPlaces;
    const text = await presentedToSale(places, rawHeaders, query, paywall.verifier);
    request.checkHead();
    const verified = text === undefined ? undefined : await this.#proven(text);
    if (text === undefined || verified === undefined) throw await this.#unpaid(text);
    const isSold = paywall.isSold(verified);
    const unit = unitPaid(verified, isSold);
    if (sale.flat !== undefined) {
      const isCounted = isSold || unit === "msat" || hasUses(verified);
      if (unit === "usd_micro" || !isCounted) throw await this.#offer(undefined);
      return this.#flat(verified);
    }
    if (unit === "usd_micro") return undefined;
    const read = await request.read();
    if (unit === undefined) throw await this.#offer(undefined, read.asked);
    const price = this.#satPrice(read.asked);
    try {
      return await metered(read, price, verified, this.#reserving(verified, read.bytes));
    } catch (error) {
      throw error instanceof DeniedError ? await this.#offer(text, read.asked) : error;
    }
  }

  /** Undefined for a credential that is forged, ended or revoked. */
  async #proven(text: string): Promise<Verified | undefined> {
    try {
      return await this.#options.request.prove(text);
    } catch (error) {
      // The paywall reads it again, and says which of them a payment helps with.
      if (error instanceof TokenError || error instanceof DeniedError) return undefined;
      throw error;
    }
  }

  async #flat(verified: Verified): Promise<Admitted> {
    const { request, sale, turn } = this.#options;
    const { read, model } = await request.named();
    const asSent = read === undefined && this.#key !== "" ? await request.readAsSent() : undefined;
    await turn();
    const flat = sale.flat!;
    request.entry.opened({ unit: flat.unit, reserved: flat.value, price: "flat" });
    const bytes = read?.bytes ?? asSent;
    const decision = await sale.route.authorize(this.#repeatable(verified, bytes, { model }));
    if ("answer" in decision)
      return { body: undefined, again: { answer: decision.answer, verified } };
    if (!decision.granted) throw await this.#refused(decision, flat.value);
    const by = { granted: decision, verified };
    const body = bytes?.length === 0 ? undefined : (bytes ?? request.sentBody);
    return { by, body, isAsSent: read === undefined, flat };
  }

  /** Reserves at the route that sells, so that the sale is one of it, and makes no invoice. */
  #reserving(verified: Verified, bytes: Uint8Array): Reserve {
    const { request, sale, turn } = this.#options;
    return async (more) => {
      await turn();
      // A route that sells gives away what costs nothing, and what a holder narrowed is judged.
      const route = more.price?.value === 0n ? request.service.metered : sale.route;
      const facts = this.#repeatable(verified, bytes, more);
      const decision = await route.authorize({ ...facts, prefer: NO_INVOICE });
      if (decision.granted || "answer" in decision) return decision;
      throw isOfRepeat(decision) ? await this.#refused(decision, 0n) : decision.error;
    };
  }

  /** The value of `Idempotency-Key`; empty without one. */
  get #key(): string {
    return valuesOf(this.#options.request.incoming.rawHeaders, "idempotency-key").join(", ");
  }

  /**
   * What the paywall is told of a request, at the offer and at each use alike: what is hashed of it
   * may let it through at a price that has risen since.
   */
  #facts(
    presented: Verified | string | undefined,
    more: Pick<RequestFacts, "model" | "price">,
  ): RequestFacts {
    const { request } = this.#options;
    return {
      ...request.facts(presented, more),
      target: request.target.path + request.query,
      headers: () => tellingFields(request.incoming.rawHeaders),
    };
  }

  /**
   * With what a request is known by that is sent again: who paid for one call and lost the answer
   * gets it, and pays for no other one.
   *
   * @param bytes the body; undefined of one that is not read
   */
  #repeatable(
    verified: Verified,
    bytes: Uint8Array | undefined,
    more: Pick<RequestFacts, "model" | "price">,
  ): RequestFacts {
    const facts = this.#facts(verified, more);
    const idempotencyKey = this.#key;
    if (idempotencyKey === "") return facts;
    return { ...facts, idempotencyKey, ...(bytes && { body: async () => bytes }) };
  }

  /** Why a request that nothing was paid for is not served: with a challenge, and its estimate. */
  async #unpaid(text: string | undefined): Promise<Denied> {
    const { request, sale } = this.#options;
    if (sale.flat !== undefined) return this.#offer(text);
    return this.#offer(text, request.asked(readJson(await request.readUnpaid())));
  }

  /** @param asked of a metered request */
  async #offer(text: string | undefined, asked?: Asked): Promise<Denied> {
    const { request, sale } = this.#options;
    const seller = request.service.seller!;
    const estimate = sale.flat?.value ?? estimateOf(asked!, this.#satPrice(asked!), seller.terms);
    const model = asked?.model ?? request.modelOfPath();
    const amount = seller.amountFor(estimate);
    const decision = await sale.route.authorize(
      this.#facts(text, {
        model,
        ...(sale.flat === undefined && { price: { unit: "msat", value: amount } }),
      }),
    );
    if (!decision.granted) return this.#refused(decision, estimate);
    // There is enough again: another request has given back what it had reserved.
    decision.grant.release();
    await decision.finish(undefined);
    return new Denied(AGAIN, 1);
  }

  #refused(decision: Exclude<Decision, Granted>, estimateMsat: bigint) {
    if (decision.error === undefined) throw new TypeError("a request without a key was answered");
    const isFlat = this.#options.sale.flat !== undefined;
    return deniedBy(decision, { estimateMsat, isFlat });
  }

  /** @throws Denied for a model that is not sold */
  #satPrice({ model }: Asked): ModelPrice {
    const { service, clock } = this.#options.request;
    const price = service.seller!.prices.find(service.preset.name, model, clock() * 1000);
    if (price === undefined) throw unpriced(model);
    return price;
  }
}

const NO_INVOICE = "no-invoice";

/** Of a request that runs, or was answered, under its `Idempotency-Key`: with nothing to pay. */
const isOfRepeat = ({ status }: Refused): boolean => status === 409 || status === 422;

const hasUses = ({ limits }: Verified): boolean => limits.some(({ kind }) => kind === "uses");

/**
 * The fields that tell a request from another one: without those of its credential, and without
 * those that an SDK writes anew for each try.
 */
function tellingFields(lines: Lines): Headers {
  const isOfCredential = ofCredential(lines);
  return headersOf(lines, (name) => isOfCredential(name) || OF_ONE_TRY.has(name));
}

const OF_ONE_TRY: ReadonlySet<string> = new Set([
  ...["x-stainless-retry-count", "x-stainless-timeout", "x-stripe-client-telemetry"],
]);
