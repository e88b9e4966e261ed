/**
 * One call of `fetch`: the request, what it costs, and the redirects that it follows.
 * spec/4-purchase.md §2.
 */
import { type Access, type Target, targetOfUrl } from "../caveat/index.ts";
import { AdapterError, PaymentError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Credential, formatAuthorization } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentSummary, Purchase, PurchaseRequest } from "../ports/treasury.ts";
import { declaredIn, isConsumed } from "../wire/consumption.ts";
import { type Carried, type CarriedCredentials, isAtHome, WHAT_TO_SET } from "./carried.ts";
import type { Held, HeldCredentials } from "./held.ts";
import { type Outgoing, unlessAborted } from "./outgoing.ts";
import { MAX_REDIRECTS, redirected } from "./redirect.ts";

/** What all calls of one client share. */
export interface TripContext {
  readonly carried: CarriedCredentials;
  readonly held: HeldCredentials;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly onPayment: (payment: PaymentSummary) => void;
}

/**
 * How often the treasury is asked for one request. Credentials that the agent's family holds may be
 * used up, and the treasury learns of each one at a time.
 */
const MAX_ORDERS = 8;

type TargetAccess = Access & { readonly target: Target };

export class Trip {
  readonly #context: TripContext;
  readonly #init: RequestInit | undefined;
  /** Once it is true, nothing more is paid for this call. */
  #isPaid = false;
  /** Whether the target of a redirect may still be bought, if the redirect consumed nothing. */
  #mayBuyTarget = true;

  /** @param init what the caller gave to `fetch`; passed on with each request */
  constructor(context: TripContext, init: RequestInit | undefined) {
    this.#context = context;
    this.#init = init;
  }

  /**
   * Sends the request and those that it is redirected to. Pays at most once for what answers: if a
   * redirect gave its use back, its target may be bought, once in a call.
   *
   * @throws AdapterError `ERR_REDIRECT`, `ERR_REQUEST`; DeniedError, BudgetError, ChallengeError,
   * PaymentError
   */
  async follow(first: Outgoing): Promise<Response> {
    let next = first;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#request(next);
      const onward = redirected(next, response);
      if (onward === undefined) return response;
      if (this.#isPaid && this.#mayBuyTarget && !isUsedUpBy(next, response)) {
        this.#isPaid = false;
        this.#mayBuyTarget = false;
      }
      await response.body?.cancel();
      next = onward;
    }
    throw new AdapterError(
      "ERR_REDIRECT",
      `The service redirects more than ${MAX_REDIRECTS} times.`,
    );
  }

  async #request(request: Outgoing): Promise<Response> {
    const { carried, held: allHeld, clock } = this.#context;
    const target = targetOfUrl(request.method, request.url);
    if (target === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "The client cannot send this method to this URL. It sends HTTP methods to http(s) URLs without a user name, whose path can be read in one way only.",
      );
    const access = { now: clock(), target };
    const chosen = carried.choose(access);
    if (chosen !== undefined && isAtHome(chosen.credential, target))
      return this.#requestAtHome(request, access, chosen.credential);
    const held = allHeld.take(target, access.now);
    const response = await (held === undefined
      ? this.#send(request, undefined)
      : this.#use(request, target, held));
    if (response.status !== 402) return response;
    if (chosen === undefined || request.strayed)
      throw await unpaid(response, request.url, request.strayed ? STRAYED : WHAT_TO_SET);
    await response.body?.cancel();
    return this.#buy(request, target, chosen, held);
  }

  /**
   * Presents a credential as it is, at the origin that it names. If the service still asks for
   * payment, another credential may pay.
   */
  async #requestAtHome(
    request: Outgoing,
    access: TargetAccess,
    credential: Credential,
  ): Promise<Response> {
    const { carried } = this.#context;
    const response = await this.#send(request, credential);
    if (response.status !== 402) return response;
    const payer = carried.choose(access, (other) => !isAtHome(other, access.target));
    if (payer === undefined || request.strayed)
      throw await unpaid(response, request.url, request.strayed ? STRAYED : USED_UP);
    await response.body?.cancel();
    return this.#buy(request, access.target, payer, undefined);
  }

  /**
   * Has the treasury buy. The challenge that the agent saw is dropped, and the treasury fetches its
   * own: a party that sees a paid challenge holds the credential in full.
   *
   * @param refused a credential that was held, and that the service has just refused
   */
  async #buy(
    request: Outgoing,
    target: Target,
    payer: Carried,
    refused: Held | undefined,
  ): Promise<Response> {
    if (this.#isPaid)
      throw paidInVain(
        `What was paid for leads to another path of ${request.url.origin}, which asks for payment again`,
      );
    const order = orderOf(request, payer.credential);
    let claim = refused === undefined ? undefined : refusalOf(refused, true);
    // At most one of these orders pays: the treasury is told what the service refused, and asks the
    // service itself. [case 62]
    for (let orders = 1; orders <= MAX_ORDERS; orders++) {
      const bought = await this.#order(request, target, payer, {
        ...order,
        ...(claim !== undefined && { refused: claim }),
      });
      if (bought.payment !== undefined) this.#isPaid = true;
      if (bought.kind === "response") return bought.response;
      const handed = heldOf(bought.credential);
      const response = await this.#use(request, target, handed);
      if (response.status !== 402) return response;
      await response.body?.cancel();
      claim = refusalOf(handed, bought.payment === undefined);
    }
    throw paidInVain(`${request.url.origin} refuses what was paid for`);
  }

  async #order(
    request: Outgoing,
    target: Target,
    payer: Carried,
    order: PurchaseRequest,
  ): Promise<Purchase> {
    const { held, onPayment } = this.#context;
    request.signal?.throwIfAborted();
    const purchase = payer.treasurer().buy(order);
    purchase.then(
      (bought) => {
        if (bought.payment !== undefined) onPayment(bought.payment);
        // The caller has given up, and the purchase succeeded: the next request uses it. [case 82]
        if (request.signal?.aborted && bought.kind === "credential")
          held.keep(target, heldOf(bought.credential), false);
      },
      () => {},
    );
    return unlessAborted(purchase, request.signal);
  }

  /**
   * Sends the request with a handed-over credential, and keeps the credential if it still works.
   */
  async #use(request: Outgoing, target: Target, used: Held): Promise<Response> {
    const { held } = this.#context;
    let response: Response;
    try {
      response = await this.#send(request, used.credential);
    } catch (error) {
      held.keep(target, used, false);
      throw error;
    }
    if (response.status === 402 || response.status === 401) {
      held.drop(target, used);
      return response;
    }
    const isUsedUp = isUsedUpBy(request, response);
    // A service with another rule may count an answer that ours gives back. A later refusal of the
    // credential then does not prove that the service took the money and served nothing.
    if (isUsedUp || response.status < 500) used.delivered = true;
    held.keep(target, used, isUsedUp);
    return response;
  }

  #send(request: Outgoing, credential: Credential | undefined): Promise<Response> {
    const { fetch } = this.#context;
    const { method, url, headers, body, signal } = request;
    const fields = new Headers(headers);
    if (credential !== undefined) {
      checkTransport(url);
      fields.set("authorization", formatAuthorization(credential));
    }
    return fetch(url, {
      ...this.#init,
      method,
      headers: fields,
      body: body ?? null,
      signal: signal ?? null,
      redirect: "manual",
    });
  }
}

const isUsedUpBy = ({ method }: Outgoing, { status, headers }: Response): boolean =>
  isConsumed({ method, status }, declaredIn(headers));

const heldOf = (text: string): Held => ({ credential: Credential.parse(text), delivered: false });

const orderOf = (
  { method, url, headers, body }: Outgoing,
  credential: Credential,
): PurchaseRequest => ({
  id: hexText(randomBytes(16)),
  credential: credential.toString(),
  method,
  url: url.href,
  headers: [...headers],
  ...(body !== undefined && { body }),
});

/** @param usedByOthers whether other requests may have used the credential */
const refusalOf = ({ credential, delivered }: Held, usedByOthers: boolean) => ({
  paymentHash: credential.paymentHash,
  mayBeUsed: delivered || usedByOthers,
});

const paidInVain = (what: string): PaymentError =>
  new PaymentError("ERR_PAID_NOT_DELIVERED", "yes", `${what}. One request is paid for once.`);

const STRAYED =
  "A redirect led there, and a client pays only at the origin that was asked for. Request that URL directly.";
const USED_UP =
  "The credential for this service is used up, expired or revoked, and no other credential can pay.";

/** The error for a 402 that the client does not pay. Ends the response. */
export async function unpaid(
  response: Response,
  { origin }: URL,
  why: string,
): Promise<PaymentError> {
  await response.body?.cancel();
  return new PaymentError("ERR_PAYMENT_REQUIRED", "no", `${origin} asks for payment. ${why}`);
}
