/**
 * One call of `fetch`: the request, what it costs, and the redirects that it follows.
 * spec/4-purchase.md §2.
 */

import { type Access, type Target, targetOfUrl } from "../caveat/index.ts";
import { AdapterError, PaymentError, SigilError } from "../errors.ts";
import type { Credential } from "../l402/credential.ts";
import type { PaymentSummary, Purchase, PurchaseRequest } from "../ports/treasury.ts";
import { declaredIn, isConsumed } from "../wire/consumption.ts";
import { noAnswer } from "../wire/no-answer.ts";
import { asksForIssued, challengeAfter, isRefusal } from "../wire/service-refusal.ts";
import { ambiguousForSale, checkAmbiguous } from "./ambiguous.ts";
import { awaited, type Shown, shownAs } from "./answer.ts";
import { type Carried, type CarriedCredentials, WHAT_TO_SET } from "./carried.ts";
import { canPay, choose, covers, isAtHome, payerOf } from "./choosing.ts";
import type { Held } from "./held.ts";
import { withIntegrity } from "./integrity.ts";
import { namedOrder, newOrderId, type Order, ordersOf } from "./orders.ts";
import { type Outgoing, tooLargeToBuy, unlessAborted, whole } from "./outgoing.ts";
import { isRedirect, MAX_REDIRECTS, redirected } from "./redirect.ts";
import { Sender, type SenderContext } from "./sender.ts";
import { Spending } from "./spending.ts";
import { learn, mayBeTrusted, trustedAt, trustedBy } from "./trusted.ts";
import { asksForPayment, unpaid } from "./unpaid.ts";

/** What all calls of one client share. */
export interface TripContext extends SenderContext {
  readonly carried: CarriedCredentials;
  /** Whether `fetch` takes a `Request` of this runtime: one of a package may take only its own. */
  readonly takesRequests: boolean;
  readonly onPayment: (payment: PaymentSummary) => void;
}

/**
 * How often the treasury is asked for one order. Credentials that the agent's family holds may be
 * used up, and the treasury learns of each one at a time.
 */
const MAX_ASKED = 8;

type TargetAccess = Access & { readonly target: Target };

export class Trip {
  readonly #context: TripContext;
  readonly #spending = new Spending();
  readonly #sender: Sender;
  /** Whether the target of a redirect may still be bought, if the redirect consumed nothing. */
  #mayBuyTarget = true;

  constructor(context: TripContext) {
    this.#context = context;
    this.#sender = new Sender(context, this.#spending);
  }

  /**
   * Sends the request and those that it is redirected to. Pays at most once for what answers: if a
   * redirect gave its use back, its target may be bought, once in a call.
   *
   * @throws AdapterError `ERR_REDIRECT`, `ERR_REQUEST`; DeniedError, BudgetError, ChallengeError,
   * PaymentError; after a payment always a PaymentError, unless the caller has given up
   */
  async follow(first: Outgoing): Promise<Response> {
    try {
      const response = await this.#follow(first);
      first.streamed?.leave();
      if (response.status < 500 || !this.#spending.hasPaid || !isMcpCall(first)) return response;
      await response.body?.cancel();
      throw this.#spending.failed(response);
    } catch (error) {
      first.streamed?.end(error);
      throw first.signal?.aborted ? error : this.#spending.told(error);
    }
  }

  async #follow(first: Outgoing): Promise<Response> {
    let next = first;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#request(next);
      if (isRedirect(response, next)) next = await whole(next);
      const onward = redirected(next, response);
      if (onward === undefined) return this.#answer(next, response, hop > 0);
      if (this.#spending.isPaid && this.#mayBuyTarget && !isUsedUpBy(next, response)) {
        this.#spending.isPaid = false;
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

  /** The response as the caller's `fetch` would have given it. */
  async #answer(
    { integrity }: Outgoing,
    response: Response,
    isRedirected: boolean,
  ): Promise<Response> {
    const { url, type } = response;
    const shown = { url, type, redirected: isRedirected || response.redirected };
    if (integrity === "") return isRedirected ? shownAs(shown, response) : response;
    try {
      return shownAs(shown, await withIntegrity(response, integrity));
    } catch (cause) {
      if (this.#spending.spent === "no" || cause instanceof SigilError) throw cause;
      throw new PaymentError(
        "ERR_PAID_NOT_DELIVERED",
        this.#spending.spent,
        "This request was paid for, and the body of the answer is not the one that its `integrity` demands.",
        { cause },
      );
    }
  }

  async #request(request: Outgoing): Promise<Response> {
    if (request.isOwn) return this.#sender.fetched(request, request.headers);
    const { carried, held: allHeld, clock } = this.#context;
    const target = targetOfUrl(request.method, request.url);
    if (target === undefined) return this.#ambiguous(request);
    const access = { now: clock(), target };
    const chosen = choose(carried, access);
    const { strayed } = request;
    // Another origin must not make it use up what was paid for at this one.
    const mayUse = chosen !== undefined && !(strayed && chosen.credential.chain.isUsedUpByUse);
    if (mayUse && isAtHome(chosen.credential, target))
      return this.#requestAtHome(request, access, chosen.credential);
    const known = trustedAt(carried, access, strayed);
    if (known !== undefined) {
      const response = await this.#requestAtHome(request, access, known);
      learn(response, carried, access);
      return response;
    }
    const held = allHeld.take(target, access.now, { named: namedId(request), strayed });
    // The same order is asked again.
    if (held?.isPaidBy(namedId(request))) this.#spending.spent = "yes";
    const payer = payerOf(carried, access);
    const willBuy = payer !== undefined && !request.strayed;
    const { response, isRefused } = await (held === undefined
      ? // A challenge says which issuers are trusted, and one without an invoice does not.
        this.#sendFree(request, target, willBuy, !mayBeTrusted(carried, access))
      : this.#use(request, target, held));
    const now = trustedBy(response, carried, access, strayed);
    const again = now && (await whole(request));
    if (now !== undefined && again !== undefined && again.streamed === undefined) {
      await response.body?.cancel();
      return this.#requestAtHome(again, access, now);
    }
    if (!isRefused) return response;
    if (!willBuy) throw await unpaid(response, request.url, whyUnpaid(strayed, chosen));
    await response.body?.cancel();
    return this.#buy(await whole(request), target, payer, held?.refusal);
  }

  /** Sends a request whose path can be read in more than one way. */
  async #ambiguous(request: Outgoing): Promise<Response> {
    const { carried, clock } = this.#context;
    checkAmbiguous(request, carried, clock());
    const response = await this.#sender.fetched(request, request.headers);
    if (!(await asksForPayment(request.headers, response))) return response;
    await response.body?.cancel();
    throw ambiguousForSale(request.url);
  }

  /**
   * Presents a credential at the origin that it names, or at a service that trusts its issuer. If
   * the service still asks for payment, another credential may pay.
   */
  async #requestAtHome(
    request: Outgoing,
    access: TargetAccess,
    credential: Credential,
  ): Promise<Response> {
    const { carried } = this.#context;
    const isPayer = (other: Credential): boolean =>
      canPay(other) && !isAtHome(other, access.target);
    const willBuy = !request.strayed && covers(carried, access, isPayer);
    const response = await this.#sender.send(request, access.target, { credential, willBuy });
    if (!(await asksForPayment(request.headers, response))) return response;
    const payer = choose(carried, access, isPayer);
    if (payer === undefined || request.strayed)
      throw await unpaid(response, request.url, request.strayed ? STRAYED : USED_UP);
    await response.body?.cancel();
    return this.#buy(await whole(request), access.target, payer, undefined);
  }

  /**
   * Has the treasury buy. The challenge that the agent saw is dropped, and the treasury fetches its
   * own: a party that sees a paid challenge holds the credential in full.
   *
   * @param refused what is known of a credential that the service has just refused
   */
  async #buy(
    request: Outgoing,
    target: Target,
    payer: Carried,
    refused: PurchaseRequest["refused"],
  ): Promise<Response> {
    if (this.#spending.isPaid)
      throw this.#spending.inVain(
        `What was paid for leads to another path of ${request.url.origin}, which asks for payment again`,
      );
    if (!isSmall(request)) throw tooLargeToBuy(request.url);
    const named = namedId(request);
    const order = ordersOf(payer.credential).open(
      named ?? request.orderId ?? newOrderId(this.#context.clock()),
      named !== undefined,
      target,
    );
    let claim = refused;
    // One order, however often the treasury is asked: it pays at most once for it. It is told what
    // the service refused, and asks the service itself. [case 62]
    for (let asked = 1; asked <= MAX_ASKED; asked++) {
      const bought = await this.#order(request, payer, order, claim);
      if (bought.payment !== undefined) this.#spending.paid();
      if (bought.kind === "response") return this.#relayed(request, order, bought.response);
      const { response, isRefused } = await this.#use(request, target, bought.held);
      if (!isRefused) return response;
      await response.body?.cancel();
      claim = bought.held.refusal;
    }
    throw this.#spending.inVain(`${request.url.origin} refuses what was paid for`);
  }

  /** Sends the order to the treasury. It is under way until the treasury has answered. */
  async #order(
    request: Outgoing,
    payer: Carried,
    order: Order,
    refused: PurchaseRequest["refused"],
  ): Promise<Bought> {
    const { held, onPayment } = this.#context;
    const { method, url, headers, body, signal } = request;
    signal?.throwIfAborted();
    const end = order.begin();
    const told = ordersOf(payer.credential).toldWith(order);
    const ordered = payer.treasurer().buy({
      id: order.id,
      credential: payer.credential.toString(),
      method,
      url: url.href,
      headers: [...headers],
      ...(body !== undefined && { body }),
      ...(request.isKeyMade && { madeKey: true }),
      ...(signal !== undefined && { signal }),
      ...(refused !== undefined && { refused }),
      ...told,
    });
    const bought = ordered.then((purchase): Bought => {
      ordersOf(payer.credential).acknowledged(told.answered ?? []);
      const { payment } = purchase;
      if (payment !== undefined && ordersOf(payer.credential).isNews(payment)) onPayment(payment);
      const isNew = payment !== undefined && payment.earlier !== true;
      if (purchase.kind === "response") return purchase;
      return { ...purchase, held: held.handed(purchase.credential, order, isNew) };
    });
    try {
      return await unlessAborted(bought, signal);
    } catch (error) {
      // The caller has given up, and the purchase may still succeed: the next request uses it.
      // [case 82]
      if (signal?.aborted)
        bought.then(
          (late) => this.#keep(late, order),
          () => {},
        );
      throw error;
    } finally {
      end();
    }
  }

  /** Keeps what arrives after the caller has given up. */
  #keep(bought: Bought, { target }: Order): void {
    if (bought.kind === "credential") this.#context.held.keep(target, bought.held);
    else void bought.response.body?.cancel().catch(() => {});
  }

  /** The answer that the treasury relays. It consumed the order's purchase as any other would. */
  #relayed(request: Outgoing, order: Order, relayed: Response): Response {
    const response = shownAs(shownOf(request.url), relayed);
    if (!isUsedUpBy(request, response)) return this.#spending.truthful(request, response);
    return awaited(order, response, {
      read: () => order.answered(),
      broke() {},
      told: (error) => this.#spending.brokenOff(request, error),
    });
  }

  /** Sends the request without a credential. A 401 to that never leads to a payment. [case 81] */
  async #sendFree(
    request: Outgoing,
    target: Target,
    willBuy: boolean,
    dropsChallenge: boolean,
  ): Promise<Answered> {
    const response = await this.#sender.send(request, target, {
      willBuy: willBuy && dropsChallenge,
    });
    // A treasury waits until a challenge is given again, and may mint for a service that trusts it.
    const isForTreasury =
      willBuy &&
      ((await challengeAfter(response)) !== undefined ||
        ((await asksForIssued(response)) && isSmall(await whole(request))));
    return {
      response,
      isRefused: isForTreasury || (await asksForPayment(request.headers, response)),
    };
  }

  /**
   * Sends the request with a handed-over credential, and keeps the credential if it still works.
   */
  async #use(request: Outgoing, target: Target, used: Held): Promise<Answered> {
    const { held } = this.#context;
    const { signal } = request;
    if (signal?.aborted) {
      held.keep(target, used);
      throw signal.reason;
    }
    this.#spending.hasPaid = true;
    const end = used.use();
    let response: Response;
    try {
      response = await this.#sender.present(request, target, used);
    } catch (error) {
      end();
      used.failed(error, signal);
      held.keep(target, used);
      throw signal?.aborted || error instanceof SigilError
        ? error
        : noAnswer(this.#spending.spent, error);
    }
    if (await isRefusal(response)) {
      end();
      held.drop(target, used);
      return { response, isRefused: true };
    }
    const isUsedUp = isUsedUpBy(request, response);
    // A service with another rule may count an answer that ours gives back. A later refusal of the
    // credential then does not prove that the service took the money and served nothing.
    if (isUsedUp || response.status < 500) used.wasAnswered();
    // A gateway may have said so, while the service serves.
    else used.wasUnanswered();
    if (!isUsedUp) {
      end();
      held.keep(target, used);
      return { response: this.#spending.truthful(request, response), isRefused: false };
    }
    // A pass is there for other requests at once.
    held.keep(target, used);
    const watchedResponse = awaited(used.order, response, {
      read() {
        used.served();
        end();
      },
      broke() {
        end();
        held.keep(target, used);
      },
      told: (error) => this.#spending.brokenOff(request, error),
    });
    return { response: watchedResponse, isRefused: false };
  }
}

/** Whether an order can have its body. */
const isSmall = ({ large, streamed }: Outgoing): boolean =>
  large === undefined && streamed === undefined;

/**
 * Whether it is a message of MCP: its client makes an error of its own of any status that is no
 * success, and that one would not say what was spent.
 */
const isMcpCall = ({ method, headers }: Outgoing): boolean =>
  method === "POST" && headers.has("mcp-protocol-version");

/** What a service answered, and whether that refuses what was presented, or asks for payment. */
interface Answered {
  readonly response: Response;
  readonly isRefused: boolean;
}

/** What the treasury gave for an order. */
type Bought =
  | Extract<Purchase, { readonly kind: "response" }>
  | (Extract<Purchase, { readonly kind: "credential" }> & { readonly held: Held });

/** What `fetch` would have said of a response that a treasury relays. */
function shownOf({ origin, href }: URL): Shown {
  const here = globalThis.location?.origin ?? origin;
  return {
    url: href.replace(/#.*$/s, ""),
    redirected: false,
    type: origin === here ? "basic" : "cors",
  };
}

const isUsedUpBy = ({ method }: Outgoing, { status, headers }: Response): boolean =>
  isConsumed({ method, status }, declaredIn(headers));

const namedId = ({ key, method, url }: Outgoing): string | undefined =>
  key === undefined ? undefined : namedOrder(key, method, url);

const whyUnpaid = (strayed: boolean, chosen: Carried | undefined): string => {
  if (strayed) return STRAYED;
  return chosen === undefined ? WHAT_TO_SET : NOT_TRUSTED;
};
const NOT_TRUSTED =
  "The credential that covers this request is good at services that trust its issuer, and this one does not say so; it cannot pay.";
const STRAYED =
  "A redirect led there, and a client pays, or uses up what was paid for, only at the origin that was asked for. Request that URL directly.";
const USED_UP =
  "The credential for this service is used up, expired or revoked, and no other credential can pay.";
