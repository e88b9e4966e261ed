/** Lets a request to a route through that is for sale, or says what a payment for it is. */
import { DeniedError, TokenError } from "l8nt";
import type { Verified } from "l8nt/l402";
import type { Decision, Granted, RequestFacts } from "l8nt/service";
import type { Admitted } from "../admitted.ts";
import type { AgentRequest, Read } from "../agent-request.ts";
import { readJson } from "../body/json-body.ts";
import { UnreadBody } from "../core/body.ts";
import { type Lines, valuesOf } from "../core/fields.ts";
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
  readonly metered: (read: Read, price: ModelPrice, verified: Verified) => Promise<Admitted>;
}

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
    const { verifier } = paywall.authority;
    const { query } = request.target;
    const { rawHeaders } = request.incoming;
    const text = presentedToSale(preset.credentialPlaces, rawHeaders, query, verifier);
    request.checkHead();
    const verified = text === undefined ? undefined : this.#proven(text);
    if (text === undefined || verified === undefined) throw await this.#unpaid(text);
    const unit = unitPaid(verified);
    if (sale.flat !== undefined) {
      if (unit === "usd_micro") throw await this.#offer(undefined);
      return this.#flat(verified);
    }
    if (unit === "usd_micro") return undefined;
    const read = await request.read();
    if (unit === undefined) throw await this.#offer(undefined, read.asked);
    const price = this.#satPrice(read.asked);
    try {
      return await metered(read, price, verified);
    } catch (error) {
      throw error instanceof DeniedError ? await this.#offer(text, read.asked) : error;
    }
  }

  /** Undefined for a credential that is forged, ended or revoked. */
  #proven(text: string): Verified | undefined {
    try {
      return this.#options.request.prove(text);
    } catch (error) {
      // The paywall reads it again, and says which of them a payment helps with.
      if (error instanceof TokenError || error instanceof DeniedError) return undefined;
      throw error;
    }
  }

  async #flat(verified: Verified): Promise<Admitted> {
    const { request, sale, turn } = this.#options;
    const { read, model } = await request.named();
    await turn();
    const flat = sale.flat!;
    request.entry.opened({ unit: flat.unit, reserved: flat.value, price: "flat" });
    const facts = { ...request.facts(verified, { model }), ...this.#repeatable(read?.bytes) };
    const decision = await sale.route.authorize(facts);
    if ("answer" in decision) return { body: undefined, again: decision.answer };
    if (!decision.granted) throw await this.#refused(decision, flat.value);
    const by = { granted: decision, verified };
    return { by, body: read?.bytes ?? request.unreadBody, flat };
  }

  /**
   * By what a request that is sent again is known: who paid for one call and lost the answer gets
   * it, and pays for no other one.
   */
  #repeatable(
    bytes: Uint8Array | undefined,
  ): Partial<Pick<RequestFacts, "target" | "idempotencyKey" | "headers" | "body">> {
    const { incoming, target, query } = this.#options.request;
    const { rawHeaders } = incoming;
    const idempotencyKey = valuesOf(rawHeaders, "idempotency-key").join(", ");
    if (idempotencyKey === "" || bytes === undefined) return {};
    return {
      target: target.path + query,
      idempotencyKey,
      headers: () => headersOf(rawHeaders),
      body: async () => bytes,
    };
  }

  /** Why a request that nothing was paid for is not served: with a challenge, and its estimate. */
  async #unpaid(text: string | undefined): Promise<Denied> {
    const { request, sale } = this.#options;
    const { meter } = request.match.route;
    if (sale.flat !== undefined || typeof meter !== "object") return this.#offer(text);
    const { unpaidBodies } = request.service.seller!;
    try {
      const held = await unpaidBodies.read(request.incoming, request.address);
      held.release();
      return await this.#offer(text, request.asked(readJson(held.bytes), meter));
    } catch (error) {
      // What is too large, or more than there is room for, is sold without an estimate.
      const isUnread = error instanceof UnreadBody && [413, 503].includes(error.status);
      if (!isUnread) throw error;
      return this.#offer(text);
    }
  }

  /** @param asked of a metered request; undefined of one that was not read */
  async #offer(text: string | undefined, asked?: Asked): Promise<Denied> {
    const { request, sale } = this.#options;
    const seller = request.service.seller!;
    const price = asked && this.#satPrice(asked);
    const estimate = sale.flat?.value ?? (asked && price && estimateOf(asked, price, seller.terms));
    const model = asked?.model ?? request.modelOfPath();
    const amount = estimate === undefined ? seller.amountUnread : seller.amountFor(estimate);
    const decision = await sale.route.authorize(
      request.facts(text, {
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

  #refused(decision: Exclude<Decision, Granted>, estimateMsat: bigint | undefined) {
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

/** Without pseudo-fields of HTTP/2. */
function headersOf(lines: Lines): Headers {
  const headers = new Headers();
  for (let at = 0; at < lines.length; at += 2)
    if (!lines[at]!.startsWith(":")) headers.append(lines[at]!, lines[at + 1]!);
  return headers;
}
