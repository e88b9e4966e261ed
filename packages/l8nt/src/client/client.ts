/**
 * The client of an agent: `fetch`, with a credential that opens doors and pays. spec/4-purchase.md
 * §2.
 */
import { type Access, type Scope, type Target, targetOfUrl } from "../caveat/index.ts";
import { AdapterError, PaymentError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { CREDENTIAL_FIELDS, Credential, formatAuthorization } from "../l402/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { PAGE_ROWS } from "../ports/owner.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type {
  NodeStanding,
  PaymentSummary,
  Purchase,
  PurchaseRequest,
  Treasurer,
} from "../ports/treasury.ts";
import {
  type Carried,
  CarriedCredentials,
  type GivenCredentials,
  isAtHome,
  WHAT_TO_SET,
} from "./carried.ts";
import { type Held, HeldCredentials } from "./held.ts";
import { type Outgoing, outgoing, unlessAborted } from "./outgoing.ts";
import { MAX_REDIRECTS, redirected } from "./redirect.ts";
import { remoteTreasurer } from "./treasurer.ts";

export interface HttpClientOptions {
  /** One or more; a text may hold several, separated by white space. */
  readonly credential?: GivenCredentials;
  /** The treasury of credentials that name its location, where it is in this process. */
  readonly treasury?: Treasurer & { readonly location: string };
  /** Told of every payment made for a request of this client. */
  readonly onPayment?: (payment: PaymentSummary) => void;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** One call of `fetch`, over all its redirects. */
interface Trip {
  /** Once it is, nothing more is paid for it. */
  isPaid: boolean;
}

/** For one request: what a family holds may be used up, and is told so one by one. */
const MAX_ORDERS = 8;

/**
 * Nothing is sent where every credential says no; a request with a credential field of its own is
 * passed on as it is.
 */
export class HttpClient {
  readonly #carried: CarriedCredentials;
  readonly #held = new HeldCredentials();
  readonly #fetch: typeof fetch;
  readonly #clock: Clock;
  readonly #onPayment: (payment: PaymentSummary) => void;

  constructor({
    credential = [],
    treasury,
    onPayment = () => {},
    fetch: fetcher,
    clock = systemClock,
  }: HttpClientOptions) {
    // Looked up at each call, so that a test or a tracer that replaces the global is heard; and
    // called without a receiver.
    this.#fetch = fetcher ?? ((input, init) => fetch(input, init));
    this.#clock = clock;
    this.#onPayment = onPayment;
    this.#carried = new CarriedCredentials(credential, (location) =>
      treasury?.location === location ? treasury : remoteTreasurer(location, this.#fetch),
    );
  }

  get(url: string | URL, init?: RequestInit): Promise<Response> {
    return this.fetch(url, { ...init, method: "GET" });
  }

  head(url: string | URL, init?: RequestInit): Promise<Response> {
    return this.fetch(url, { ...init, method: "HEAD" });
  }

  post(url: string | URL, body?: BodyInit | null, init?: RequestInit): Promise<Response> {
    return this.fetch(url, withBody("POST", body, init));
  }

  put(url: string | URL, body?: BodyInit | null, init?: RequestInit): Promise<Response> {
    return this.fetch(url, withBody("PUT", body, init));
  }

  patch(url: string | URL, body?: BodyInit | null, init?: RequestInit): Promise<Response> {
    return this.fetch(url, withBody("PATCH", body, init));
  }

  delete(url: string | URL, init?: RequestInit): Promise<Response> {
    return this.fetch(url, { ...init, method: "DELETE" });
  }

  /**
   * A drop-in for `fetch`: give it to whatever takes one. Pays at most once, and only inside the
   * scope of the credential.
   *
   * @throws DeniedError before anything is sent, where no credential covers the request
   * @throws BudgetError, ChallengeError, PaymentError, AdapterError; `PaymentError.spent` says
   * whether money moved
   */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    if (CREDENTIAL_FIELDS.some((name) => request.headers.has(name))) return this.#fetch(request);
    if (this.#carried.isEmpty) return this.#free(request);
    let next: Outgoing | undefined = await outgoing(request, signalOf(input, init));
    const trip: Trip = { isPaid: false };
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response: Response = await this.#request(next, init, trip);
      const onward = redirected(next, response);
      if (onward === undefined) return response;
      await response.body?.cancel();
      next = onward;
    }
    throw new AdapterError(
      "ERR_REDIRECT",
      `The service redirects more than ${MAX_REDIRECTS} times.`,
    );
  };

  /**
   * Without a credential this is `fetch`, down to the streaming of bodies; it only says what a 402
   * needs.
   */
  async #free(request: Request): Promise<Response> {
    const response = await this.#fetch(request);
    if (response.status !== 402) return response;
    throw await unpaid(response, new URL(request.url), WHAT_TO_SET);
  }

  async #request(request: Outgoing, init: RequestInit | undefined, trip: Trip): Promise<Response> {
    const target = targetOfUrl(request.method, request.url);
    if (target === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "The method or the URL cannot be requested: http(s), without credentials in it.",
      );
    const access = { now: this.#clock(), target };
    const chosen = this.#carried.choose(access);
    if (chosen !== undefined && isAtHome(chosen.credential, target))
      return this.#atHome(request, init, access, chosen, trip);
    const held = this.#held.take(target, access.now);
    const response = await (held === undefined
      ? this.#send(request, init, undefined)
      : this.#use(request, init, target, held));
    if (response.status !== 402) return response;
    if (chosen === undefined || request.strayed)
      throw await unpaid(response, request.url, request.strayed ? STRAYED : WHAT_TO_SET);
    await response.body?.cancel();
    return this.#buy(request, init, target, chosen, held, trip);
  }

  /**
   * At the origin that a credential names, it is presented as it stands; where that is not enough,
   * another one may pay.
   */
  async #atHome(
    request: Outgoing,
    init: RequestInit | undefined,
    access: Access & { readonly target: Target },
    { credential }: Carried,
    trip: Trip,
  ): Promise<Response> {
    const response = await this.#send(request, init, credential);
    if (response.status !== 402) return response;
    const payer = this.#carried.choose(access, (other) => !isAtHome(other, access.target));
    if (payer === undefined || request.strayed)
      throw await unpaid(response, request.url, request.strayed ? STRAYED : USED_UP);
    await response.body?.cancel();
    return this.#buy(request, init, access.target, payer, undefined, trip);
  }

  /**
   * The agent drops the challenge, and has the treasury fetch its own: whoever sees a paid one
   * holds the full credential.
   */
  async #buy(
    request: Outgoing,
    init: RequestInit | undefined,
    target: Target,
    payer: Carried,
    refusedHeld: Held | undefined,
    trip: Trip,
  ): Promise<Response> {
    if (trip.isPaid)
      throw paidInVain(
        `What was paid for leads to another path of ${request.url.origin}, which asks for payment again`,
      );
    const order = orderOf(request, payer.credential);
    let refused = refusedHeld === undefined ? undefined : refusedOf(refusedHeld, true);
    // At most one of these orders pays: the treasury is told what the service refused, and finds
    // out itself. [case 62]
    for (let orders = 1; orders <= MAX_ORDERS; orders++) {
      const bought = await this.#order(request, target, payer, {
        ...order,
        ...(refused !== undefined && { refused }),
      });
      if (bought.payment !== undefined) trip.isPaid = true;
      if (bought.kind === "response") return bought.response;
      const handed = heldOf(bought.credential);
      const response = await this.#use(request, init, target, handed);
      if (response.status !== 402) return response;
      await response.body?.cancel();
      refused = refusedOf(handed, bought.payment === undefined);
    }
    throw paidInVain(`${request.url.origin} refuses what was paid for`);
  }

  async #order(
    request: Outgoing,
    target: Target,
    payer: Carried,
    order: PurchaseRequest,
  ): Promise<Purchase> {
    request.signal?.throwIfAborted();
    const purchase = payer.treasurer().buy(order);
    purchase.then(
      (bought) => {
        if (bought.payment !== undefined) this.#onPayment(bought.payment);
        // The caller gave up, and what was bought for him is there: the next request has it. [case
        // 82]
        if (request.signal?.aborted && bought.kind === "credential")
          this.#held.keep(target, heldOf(bought.credential), false);
      },
      () => {},
    );
    return unlessAborted(purchase, request.signal);
  }

  /**
   * One request with a credential that was handed over, and what becomes of it: kept, unless it is
   * known to be worth nothing.
   */
  async #use(
    request: Outgoing,
    init: RequestInit | undefined,
    target: Target,
    held: Held,
  ): Promise<Response> {
    let response: Response;
    try {
      response = await this.#send(request, init, held.credential);
    } catch (error) {
      this.#held.keep(target, held, false);
      throw error;
    }
    if (response.status === 402 || response.status === 401) {
      this.#held.drop(target, held);
      return response;
    }
    // A service gives a use back where it failed to answer: the credential is good for another try.
    // [case 72]
    const served = response.status < 500;
    if (served) held.delivered = true;
    this.#held.keep(target, held, served);
    return response;
  }

  #send(
    request: Outgoing,
    init: RequestInit | undefined,
    credential: Credential | undefined,
  ): Promise<Response> {
    const { method, url, headers, body, signal } = request;
    const fields = new Headers(headers);
    if (credential !== undefined) {
      checkTransport(url);
      fields.set("authorization", formatAuthorization(credential));
    }
    return this.#fetch(url, {
      ...init,
      method,
      headers: fields,
      body: body ?? null,
      signal: signal ?? null,
      redirect: "manual",
    });
  }

  /**
   * This client's own credential: the first, where it carries several. @throws PaymentError
   * `ERR_PAYMENT_REQUIRED` where it has none
   */
  get credential(): Credential {
    return this.#carried.first.credential;
  }

  /**
   * A weaker credential for a sub-agent, derived from this client's own. Offline: no request is
   * made.
   *
   * @throws TypeError for a scope that cannot be read
   * @example
   * const booker = client.delegate({ agent: "booker", budget: "500 sat", expiresIn: "15m" });
   */
  delegate(scope: Scope & { readonly agent: string }): Credential {
    return this.credential.delegate(scope, { now: this.#clock() });
  }

  /**
   * Kills a credential that was derived from this client's own, and everything below it. This
   * client's own lives on.
   *
   * @throws TypeError for one that was not
   */
  async revoke(child: Credential | string): Promise<void> {
    const credential = typeof child === "string" ? Credential.parse(child) : child;
    const { carried, caveats } = this.#carried.ancestorOf(credential);
    await carried.treasurer().revoke(carried.credential.toString(), caveats);
  }

  /** What is left at this credential's node and at every node above it, root first. */
  standing(): Promise<readonly NodeStanding[]> {
    const { credential, treasurer } = this.#carried.first;
    return treasurer().standing(credential.toString());
  }

  /** This credential's node and everything below it that the treasury has seen. */
  tree(): Promise<readonly NodeStanding[]> {
    const { credential, treasurer } = this.#carried.first;
    return treasurer().tree(credential.toString());
  }

  /**
   * Signed receipts of what this credential's node and those below it paid, in order.
   *
   * @param after the number of the last receipt that is known already. @default 0
   * @param limit at most 1000. @default 100
   */
  receipts(after = 0, limit = PAGE_ROWS): Promise<readonly ReceiptRow[]> {
    const { credential, treasurer } = this.#carried.first;
    return treasurer().receipts(credential.toString(), after, limit);
  }
}

/** A `Request` always has one, of its own where it was made without. */
const signalOf = (
  input: string | URL | Request,
  init: RequestInit | undefined,
): AbortSignal | undefined => init?.signal ?? (input instanceof Request ? input.signal : undefined);

function withBody(
  method: string,
  body: BodyInit | null | undefined,
  init: RequestInit | undefined,
): RequestInit {
  return { ...init, method, ...(body !== undefined && { body }) };
}

const heldOf = (text: string): Held => ({ credential: Credential.parse(text), delivered: false });

const orderOf = (
  { method, url, headers, body }: Outgoing,
  credential: Credential,
): PurchaseRequest => ({
  credential: credential.toString(),
  method,
  url: url.href,
  headers: [...headers],
  ...(body !== undefined && { body }),
});

const refusedOf = ({ credential, delivered }: Held, usedByOthers: boolean) => ({
  paymentHash: credential.paymentHash,
  delivered: delivered || usedByOthers,
});

const paidInVain = (what: string): PaymentError =>
  new PaymentError("ERR_PAID_NOT_DELIVERED", "yes", `${what}. One request is paid once.`);

const STRAYED =
  "A redirect led there, and nothing is paid where nothing was asked for. Ask for that URL itself.";
const USED_UP =
  "The credential for this service is used up, expired or revoked, and no other credential can pay.";

async function unpaid(response: Response, { origin }: URL, why: string): Promise<PaymentError> {
  await response.body?.cancel();
  return new PaymentError("ERR_PAYMENT_REQUIRED", "no", `${origin} asks for payment. ${why}`);
}
