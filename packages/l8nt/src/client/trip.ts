/**
 * One call of `fetch`: the request, what it costs, and the redirects that it follows.
 * spec/4-purchase.md §2.
 */

import { type Access, type Target, targetOfUrl } from "../caveat/index.ts";
import { AdapterError, PaymentError, SigilError, type Spent } from "../errors.ts";
import { resending } from "../http/resending.ts";
import { checkTransport } from "../http/transport.ts";
import { formatAuthorization } from "../l402/authorization.ts";
import type { Credential } from "../l402/credential.ts";
import { presentsCredential } from "../l402/fields.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentSummary, Purchase, PurchaseRequest } from "../ports/treasury.ts";
import { declaredIn, isConsumed } from "../wire/consumption.ts";
import { noAnswer } from "../wire/no-answer.ts";
import { challengeAfter, isForSale, isRefusal } from "../wire/service-refusal.ts";
import { type Shown, shownAs, watched } from "./answer.ts";
import { type Carried, type CarriedCredentials, isAtHome, WHAT_TO_SET } from "./carried.ts";
import { type Held, HeldCredentials } from "./held.ts";
import { withIntegrity } from "./integrity.ts";
import { namedOrder, newOrderId, type Order, ordersOf } from "./orders.ts";
import { type Outgoing, outgoing, tooLargeToBuy, unlessAborted, whole } from "./outgoing.ts";
import { keyOfUse, preferNoInvoice, repetition } from "./presenting.ts";
import { isRedirect, MAX_REDIRECTS, redirected } from "./redirect.ts";
import { Tries } from "./retry.ts";
import { unpaid } from "./unpaid.ts";

// What else a client loads no sooner than a call that may cost something.
export { tellAnswered } from "./closing.ts";

/** The error for the 402 of a client without a credential. */
export const unpaidHere = (
  response: Response,
  input: string | URL | Request,
): Promise<PaymentError> => {
  const url = response.url || new Request(input instanceof Request ? input.url : input).url;
  return unpaid(response, new URL(url), WHAT_TO_SET);
};

/** What all calls of one client share. */
export interface TripContext {
  readonly carried: CarriedCredentials;
  readonly held: HeldCredentials;
  readonly fetch: typeof fetch;
  /** Sends a GET again whose connection was closed under it. */
  readonly resend: typeof fetch;
  readonly clock: Clock;
  readonly onPayment: (payment: PaymentSummary) => void;
}

/**
 * How often the treasury is asked for one order. Credentials that the agent's family holds may be
 * used up, and the treasury learns of each one at a time.
 */
const MAX_ASKED = 8;

type TargetAccess = Access & { readonly target: Target };

// A Request that is garbage-collected no longer feeds its signal, which ends the call or the body.
const underWay = new Set<{ readonly input: string | URL | Request }>();
const askedBy = new WeakMap<Response, string | URL | Request>();

/** The calls of one client, which share what was handed over to it. */
export class Trips {
  readonly #context: TripContext;

  constructor(context: Omit<TripContext, "held" | "resend">) {
    const held = new HeldCredentials();
    this.#context = { ...context, resend: resending(context.fetch), held };
  }

  /**
   * @param input as the caller gave it to `fetch`, like `init`
   * @throws as {@link Trip.follow}
   */
  async follow(
    request: Request,
    input: string | URL | Request,
    init: RequestInit | undefined,
    orderId: string | undefined,
  ): Promise<Response> {
    const { fetch } = this.#context;
    // To another origin `fetch` takes no Authorization along, and any other field.
    const isOwn = presentsCredential(request.headers);
    if (isOwn && (!presentsMacaroon(request) || request.redirect !== "follow"))
      return fetch(request);
    if (/^(?:data|blob):/.test(request.url)) return fetch(request);
    // A `Request` always has a signal, of its own if none was given.
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const call = { input };
    underWay.add(call);
    try {
      const first = await outgoing(request, init, signal, orderId);
      const response = await new Trip(this.#context).follow(first);
      askedBy.set(response, input);
      return response;
    } finally {
      underWay.delete(call);
    }
  }
}

class Trip {
  readonly #context: TripContext;
  /** Once it is true, nothing more is paid for this call. */
  #isPaid = false;
  /** What this call has spent, for its errors. */
  #spent: Spent = "no";
  /** Whether something was presented that this call, or an earlier one, has paid for. */
  #hasPaid = false;
  /** Whether the target of a redirect may still be bought, if the redirect consumed nothing. */
  #mayBuyTarget = true;

  constructor(context: TripContext) {
    this.#context = context;
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
      if (response.status < 500 || !this.#hasPaid || !isMcpCall(first)) return response;
      await response.body?.cancel();
      throw failedCall(this.#spent, response);
    } catch (error) {
      first.streamed?.end(error);
      throw first.signal?.aborted ? error : this.#told(error);
    }
  }

  /** The error of a call that has paid says so, whatever failed. */
  #told(error: unknown): unknown {
    const isTold = error instanceof PaymentError && error.spent !== "no";
    if (this.#spent === "no" || isTold) return error;
    if (!(error instanceof SigilError)) return noAnswer(this.#spent, error);
    return new PaymentError(
      "ERR_PAID_NOT_DELIVERED",
      this.#spent,
      `This request was paid for, and then failed (${error.code}): ${error.message}`,
      { cause: error, retryAfterSeconds: error.retryAfterSeconds },
    );
  }

  async #follow(first: Outgoing): Promise<Response> {
    let next = first;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#request(next);
      if (isRedirect(response, next)) next = await whole(next);
      const onward = redirected(next, response);
      if (onward === undefined) return this.#answer(next, response, hop > 0);
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
      if (this.#spent === "no" || cause instanceof SigilError) throw cause;
      throw new PaymentError(
        "ERR_PAID_NOT_DELIVERED",
        this.#spent,
        "This request was paid for, and the body of the answer is not the one that its `integrity` demands.",
        { cause },
      );
    }
  }

  async #request(request: Outgoing): Promise<Response> {
    if (request.isOwn) return this.#fetched(request, request.headers);
    const { carried, held: allHeld, clock } = this.#context;
    const target = targetOfUrl(request.method, request.url);
    if (target === undefined) return this.#ambiguous(request);
    const access = { now: clock(), target };
    const chosen = carried.choose(access);
    const { strayed } = request;
    // Another origin must not make it use up what was paid for at this one.
    const mayUse = chosen !== undefined && !(strayed && chosen.credential.chain.isUsedUpByUse);
    if (mayUse && isAtHome(chosen.credential, target))
      return this.#requestAtHome(request, access, chosen.credential);
    const held = allHeld.take(target, access.now, { named: namedId(request), strayed });
    // The same order is asked again.
    if (held?.isPaidBy(namedId(request))) this.#spent = "yes";
    const willBuy = chosen !== undefined && !request.strayed;
    const { response, isRefused } = await (held === undefined
      ? this.#sendFree(request, target, willBuy)
      : this.#use(request, target, held));
    if (!isRefused) return response;
    if (!willBuy)
      throw await unpaid(response, request.url, request.strayed ? STRAYED : WHAT_TO_SET);
    await response.body?.cancel();
    return this.#buy(await whole(request), target, chosen, held?.refusal);
  }

  /**
   * A request whose path can be read in more than one way is sent without a credential, if the
   * whole origin is in scope: there, every way to read it is.
   */
  async #ambiguous(request: Outgoing): Promise<Response> {
    const { carried, clock } = this.#context;
    const { method, url, headers } = request;
    const now = clock();
    // Paths that only an entry for the whole origin covers.
    const name = newOrderId(now);
    const anywhere = [`/${name}`, `/${name}`.repeat(7)].map((path) =>
      targetOfUrl(method, new URL(path, url)),
    );
    if (anywhere.includes(undefined))
      throw new AdapterError(
        "ERR_REQUEST",
        "The client cannot send this method to this URL. It sends HTTP methods to http(s) URLs without a user name.",
      );
    if (!anywhere.every((target) => carried.covers({ now, target: target! }, () => true)))
      throw new AdapterError(
        "ERR_REQUEST",
        `${ambiguous(url)} It is sent only with a credential that covers the whole origin, as \`* ${url.origin}/**\` does: ask for one, or request a URL without that.`,
      );
    const response = await this.#fetched(request, headers);
    if (!(await asksForPayment(request, response))) return response;
    await response.body?.cancel();
    throw new AdapterError(
      "ERR_REQUEST",
      `${url.origin} asks for payment. ${ambiguous(url)} Such a path is not paid for: request a URL without that.`,
    );
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
    const isPayer = (other: Credential): boolean => !isAtHome(other, access.target);
    const willBuy = !request.strayed && carried.covers(access, isPayer);
    const response = await this.#send(request, access.target, { credential, willBuy });
    if (response.status !== 402) return response;
    const payer = carried.choose(access, isPayer);
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
    if (this.#isPaid)
      throw paidInVain(
        "yes",
        `What was paid for leads to another path of ${request.url.origin}, which asks for payment again`,
      );
    if (request.large !== undefined || request.streamed !== undefined)
      throw tooLargeToBuy(request.url);
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
      if (bought.payment !== undefined) {
        this.#isPaid = true;
        this.#hasPaid = true;
        this.#spent = "yes";
      }
      if (bought.kind === "response") return this.#relayed(request, order, bought.response);
      const { response, isRefused } = await this.#use(request, target, bought.held);
      if (!isRefused) return response;
      await response.body?.cancel();
      claim = bought.held.refusal;
    }
    throw paidInVain(this.#spent, `${request.url.origin} refuses what was paid for`);
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
    if (!isUsedUpBy(request, response)) return this.#truthful(request, response);
    return awaited(order, response, {
      read: () => order.answered(),
      broke() {},
      told: (error) => this.#brokenOff(request, error),
    });
  }

  /** The error of a body that broke off. The caller's own abort is passed on as it is. */
  #brokenOff({ signal }: Outgoing, error: unknown): unknown {
    if (signal?.aborted || error instanceof SigilError) return error;
    return noAnswer(this.#spent, error, "broke off its answer");
  }

  /** A response after a payment whose use was not consumed. */
  #truthful(request: Outgoing, response: Response): Response {
    return watched(response, { read() {}, broke: (error) => this.#brokenOff(request, error) });
  }

  /** Sends the request without a credential. A 401 to that never leads to a payment. [case 81] */
  async #sendFree(request: Outgoing, target: Target, willBuy: boolean): Promise<Answered> {
    const response = await this.#send(request, target, { willBuy });
    // A treasury waits until a challenge is given again.
    const isLimited = willBuy && (await challengeAfter(response)) !== undefined;
    return { response, isRefused: isLimited || (await asksForPayment(request, response)) };
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
    this.#hasPaid = true;
    const end = used.use();
    let response: Response;
    try {
      response = await this.#present(request, target, used);
    } catch (error) {
      end();
      used.failed(error, signal);
      held.keep(target, used);
      throw signal?.aborted || error instanceof SigilError ? error : noAnswer(this.#spent, error);
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
      return { response: this.#truthful(request, response), isRefused: false };
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
      told: (error) => this.#brokenOff(request, error),
    });
    return { response: watchedResponse, isRefused: false };
  }

  /**
   * Sends the request with a handed-over credential. While an earlier request with it still runs at
   * the service, it is sent again after a while.
   *
   * @returns a 402 of our own if the answer to an earlier request is gone
   */
  async #present(given: Outgoing, target: Target, used: Held): Promise<Response> {
    // The key of a use tells its body from another one.
    const { isSingleUse } = used.credential.chain;
    const sent = isSingleUse ? await whole(given) : given;
    // The use may be counted although the connection was closed, which the next request finds out.
    const request = { ...sent, isOnce: true };
    const key = keyOfUse(request, used);
    const tries = new Tries(request.signal);
    for (;;) {
      const response = await this.#send(request, target, {
        credential: used.credential,
        key,
        willBuy: true,
      });
      const repeated = await repetition(response);
      if (repeated === undefined) return response;
      // What the service says about a key of the caller's is the caller's to judge.
      if (repeated === "gone" && key === undefined) return response;
      const after = Number(response.headers.get("retry-after") ?? 0) || 0;
      const isOver = repeated === "gone" || !(await tries.again(after));
      request.signal?.throwIfAborted();
      if (repeated === "running" && (isOver || !(await isRepeatable(request)))) return response;
      await response.body?.cancel();
      if (!isOver) continue;
      used.wasAnswered();
      return new Response(null, { status: 402 });
    }
  }

  async #send(
    request: Outgoing,
    target: Target,
    { credential, key, willBuy }: Sent,
  ): Promise<Response> {
    const { held, clock } = this.#context;
    const { url, headers } = request;
    const fields = new Headers(headers);
    if (key !== undefined) fields.set("idempotency-key", key);
    if (willBuy) preferNoInvoice(fields, url);
    if (credential !== undefined) checkTransport(url);
    const response =
      credential === undefined
        ? await this.#fetched(request, fields)
        : await this.#presented(request, fields, credential);
    if (response.status === 402) held.learnClock(target, response, clock());
    return response;
  }

  /**
   * Sends a credential in `Authorization`, or in `Macaroon` if the request has an `Authorization`
   * of the API's own. A service that does not read that field is asked again with the credential in
   * the place of the API's own.
   */
  async #presented(request: Outgoing, fields: Headers, credential: Credential): Promise<Response> {
    const inPlaceOfOwn = hasOwnAuthorization(request);
    if (inPlaceOfOwn) {
      // Loaded here, because few requests have one.
      const { besideOwn } = await import("../wire/beside-own.ts");
      const beside = await besideOwn(credential, (macaroon) => {
        const both = new Headers(fields);
        both.set("macaroon", macaroon);
        return this.#fetched(request, both);
      });
      const isOver = beside?.isUnread === false || !(await isRepeatable(request));
      if (beside !== undefined && isOver) return beside.response;
      await beside?.response.body?.cancel();
    }
    fields.set("authorization", formatAuthorization(credential));
    const response = await this.#fetched(request, fields);
    if (!inPlaceOfOwn || (await isRefusal(response))) return response;
    const { ownIsWanted, wantsOwn } = await import("../wire/beside-own.ts");
    if (!wantsOwn(response)) return response;
    await response.body?.cancel();
    throw ownIsWanted(request.url.origin, this.#spent, response.status);
  }

  async #fetched(request: Outgoing, headers: Headers): Promise<Response> {
    const { fetch, resend } = this.#context;
    const { method, url, large, streamed, signal, options } = request;
    const stream = streamed?.take();
    const body = stream ?? (await whole(request)).body ?? large ?? null;
    if (streamed !== undefined && body === null) throw tooLargeToBuy(url);
    const send = request.isOnce ? fetch : resend;
    return send(url, {
      ...options,
      method,
      headers,
      body,
      ...(stream !== undefined && { duplex: "half" }),
      signal: signal ?? null,
      redirect: "manual",
    });
  }
}

/**
 * Whether it is a message of MCP: its client makes an error of its own of any status that is no
 * success, and that one would not say what was spent.
 */
const isMcpCall = ({ method, headers }: Outgoing): boolean =>
  method === "POST" && headers.has("mcp-protocol-version");

const failedCall = (spent: Spent, { status }: Response): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    spent,
    `The service was paid, by this order or an earlier one, and answered HTTP ${status}. What it has not counted as used is kept: call again, and it is used before anything is paid.`,
  );

const isRepeatable = async (request: Outgoing): Promise<boolean> =>
  (await whole(request)).streamed === undefined;

/** Whether it has an `Authorization` that is the API's own. */
const hasOwnAuthorization = ({ isOwn, headers }: Outgoing): boolean =>
  !isOwn && headers.has("authorization");

/** An API with keys says 402 of an account, too, which the caller wants to read. */
const asksForPayment = async (request: Outgoing, response: Response): Promise<boolean> =>
  response.status === 402 && (!hasOwnAuthorization(request) || (await isForSale(response)));

const presentsMacaroon = ({ headers }: Request): boolean =>
  headers.has("macaroon") || headers.has("grpc-metadata-macaroon");

/** How a request is sent. */
interface Sent {
  readonly credential?: Credential;
  readonly key?: string | undefined;
  /** Whether a 402 is answered by an order to a treasury, which fetches a challenge of its own. */
  readonly willBuy: boolean;
}

/** What a service answered, and whether that refuses what was presented, or asks for payment. */
interface Answered {
  readonly response: Response;
  readonly isRefused: boolean;
}

/** What the treasury gave for an order. */
type Bought =
  | Extract<Purchase, { readonly kind: "response" }>
  | (Extract<Purchase, { readonly kind: "credential" }> & { readonly held: Held });

/**
 * The response, whose order is under way until the caller has read its body or left it. A body that
 * broke off is no answer.
 *
 * @param told the error that the reader of a body gets that broke off
 */
function awaited(order: Order, response: Response, { read, broke, told }: Ends): Response {
  const end = order.begin();
  let isOver = false;
  const once = (act: () => void) => () => {
    if (isOver) return;
    isOver = true;
    unwatch();
    act();
    end();
  };
  const [isRead, isBroken] = [once(read), once(broke)];
  const unwatch = order.orders.watchBody(isRead);
  return watched(response, {
    read: isRead,
    broke(error) {
      isBroken();
      return told(error);
    },
  });
}

/** How the reading of a body may end. */
interface Ends {
  readonly read: () => void;
  readonly broke: () => void;
  readonly told: (error: unknown) => unknown;
}

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

const paidInVain = (spent: Spent, what: string): PaymentError =>
  new PaymentError("ERR_PAID_NOT_DELIVERED", spent, `${what}. One request is paid for once.`);

const ambiguous = ({ pathname }: URL): string => {
  const path = pathname.length > MAX_SHOWN ? `${pathname.slice(0, MAX_SHOWN)}…` : pathname;
  return `The path ${path} can be read in more than one way, because of an encoded slash, a dot segment, a backslash, a control or its length.`;
};
/** The characters of a path that a message repeats. */
const MAX_SHOWN = 100;
const STRAYED =
  "A redirect led there, and a client pays, or uses up what was paid for, only at the origin that was asked for. Request that URL directly.";
const USED_UP =
  "The credential for this service is used up, expired or revoked, and no other credential can pay.";
