/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The client of an agent: `fetch`, with credentials that open services and pay. spec/4-purchase.md
 * §2.
 */
import type { Scope } from "../caveat/index.ts";
import type { HolderKey } from "../holder/key.ts";
import { lazily } from "../internal/lazily.ts";
import { Credential } from "../l402/credential.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { PAGE_ROWS } from "../ports/owner.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type { NodeStanding, PaymentSummary, Treasurer } from "../ports/treasury.ts";
import { CarriedCredentials, type GivenCredentials } from "./carried.ts";
import type { Sender } from "./signing.ts";
import { remoteTreasurer } from "./treasurer.ts";
import type { ClientContext, Trips } from "./trips.ts";

export interface HttpClientOptions {
  /** One credential or more. A text may hold several, separated by white space. */
  readonly credential?: GivenCredentials;
  /** The treasury of credentials that name its location, if it is in this process. */
  readonly treasury?: Treasurer & { readonly location: string };
  /**
   * Called once in a process for each payment that is made for a request of this client, if the
   * treasury's answer is heard: what a treasury in another process pays after the caller gave up is
   * in its receipts. `earlier` is true if the order was paid for when it was sent before, as with
   * an `Idempotency-Key` that another process used.
   */
  readonly onPayment?: (payment: PaymentSummary) => void;
  /** Sends requests. @default the global `fetch` */
  readonly fetch?: typeof fetch;
  /**
   * The key of credentials with a `holder`: 64 hex digits, or a key of `l8nt/holder`. It signs the
   * requests that present them, also those to their treasury.
   *
   * @default the key in `SIGIL_HOLDER_KEY`
   */
  readonly holderKey?: string | HolderKey | undefined;
  readonly clock?: Clock;
}

/**
 * `client.fetch` of a request whose order has an id of the caller's, new for each request; without
 * one it is `client.fetch`.
 */
export let fetchAs: (
  client: HttpClient,
  orderId: string | undefined,
  url: string,
  init: RequestInit,
) => Promise<Response>;

/**
 * Sends nothing if every credential denies the request. A request that already presents a
 * credential, in `Authorization: L402` or in `Macaroon`, is sent unchanged. An `Authorization` of
 * another scheme is the API's own: it is sent along, and the credential in `Macaroon`.
 */
export class HttpClient {
  readonly #context: ClientContext;
  // What presents credentials and pays is loaded with the first request that has one, because a
  // page would else load it at its start.
  readonly #trips: () => Promise<Trips>;

  constructor({
    credential = [],
    treasury,
    onPayment = () => {},
    fetch: fetcher,
    holderKey,
    clock = systemClock,
  }: HttpClientOptions) {
    // The global is looked up at each call, so that a tracer may replace it, and called without a
    // receiver.
    const sender: Sender = {
      fetch: fetcher ?? ((input, init) => fetch(input, init)),
      holderKey,
      clock,
    };
    this.#context = {
      ...sender,
      takesRequests: fetcher === undefined,
      onPayment,
      carried: new CarriedCredentials(credential, (location) =>
        treasury?.location === location ? treasury : remoteTreasurer(location, sender),
      ),
    };
    this.#trips = lazily(async () => {
      const { Trips } = await import("./trips.ts");
      return new Trips(this.#context);
    });
  }

  get(url: string | URL, init?: RequestInit): Promise<Response> {
    return this.fetch(url, { ...init, method: "GET" });
  }

  head(url: string | URL, init?: RequestInit): Promise<Response> {
    return this.fetch(url, { ...init, method: "HEAD" });
  }

  async post(url: string | URL, body?: BodyInit | null, init?: RequestInit): Promise<Response> {
    return this.fetch(url, await withBody("POST", body, init));
  }

  async put(url: string | URL, body?: BodyInit | null, init?: RequestInit): Promise<Response> {
    return this.fetch(url, await withBody("PUT", body, init));
  }

  async patch(url: string | URL, body?: BodyInit | null, init?: RequestInit): Promise<Response> {
    return this.fetch(url, await withBody("PATCH", body, init));
  }

  delete(url: string | URL, init?: RequestInit): Promise<Response> {
    return this.fetch(url, { ...init, method: "DELETE" });
  }

  /**
   * A drop-in for `fetch`, which can be passed to any library that takes one. Pays at most once,
   * and only inside the scope of the credential.
   *
   * @throws DeniedError before anything is sent, if no credential covers the request
   * @throws BudgetError, ChallengeError, PaymentError, AdapterError; `PaymentError.spent` says
   * whether money moved
   */
  readonly fetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    this.#fetch(input, init);

  static {
    fetchAs = (client, orderId, url, init) => client.#fetch(url, init, orderId);
  }

  async #fetch(
    input: string | URL | Request,
    init: RequestInit | undefined,
    orderId?: string,
  ): Promise<Response> {
    const { carried } = this.#context;
    const fields = new Headers(init?.headers ?? (input as Request).headers);
    const isFree = carried.isEmpty && !/macaroon/.test([...fields.keys()].join());
    if (isFree) return this.#free(input, init, fields);
    // A copy has lost its referrer in Node.
    const request =
      input instanceof Request && init === undefined ? input : new Request(input, init);
    const trips = await this.#trips();
    return trips.follow(request, input, init, orderId);
  }

  /**
   * Without a credential this is `fetch`, which streams bodies, and whose 402 says what is missing.
   */
  async #free(
    input: string | URL | Request,
    init: RequestInit | undefined,
    fields: Headers,
  ): Promise<Response> {
    const { fetch } = this.#context;
    const response = await fetch(input, init);
    if (response.status !== 402) return response;
    const { unpaidHere } = await import("./trips.ts");
    return unpaidHere(response, input, fields);
  }

  /**
   * This client's own credential: the first one, if it has several.
   *
   * @throws PaymentError `ERR_PAYMENT_REQUIRED` if it has none
   */
  get credential(): Credential {
    return this.#context.carried.first.credential;
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
    return this.credential.delegate(scope, { now: this.#context.clock() });
  }

  /**
   * Revokes a credential that was derived from this client's own, and everything below it. This
   * client's own credential stays valid.
   *
   * @throws TypeError for a credential that was not derived from this client's own
   */
  async revoke(child: Credential | string): Promise<void> {
    const credential = typeof child === "string" ? Credential.parse(child) : child;
    const { ancestorOf } = await import("./ancestor.ts");
    const { carried, descent } = ancestorOf(credential, this.#context.carried.all);
    await carried.treasurer().revoke(carried.credential.toString(), descent);
  }

  /** What is left at this credential's node and at every node above it, root first. */
  standing(): Promise<readonly NodeStanding[]> {
    const { credential, treasurer } = this.#context.carried.first;
    return treasurer().standing(credential.toString());
  }

  /** This credential's node and everything below it that has spent. */
  tree(): Promise<readonly NodeStanding[]> {
    const { credential, treasurer } = this.#context.carried.first;
    return treasurer().tree(credential.toString());
  }

  /**
   * Signed receipts of what this credential's node and the nodes below it paid, in order.
   *
   * @param after the number of the last receipt that is already known. @default 0
   * @param limit at most 1000. @default 100
   */
  receipts(after = 0, limit = PAGE_ROWS): Promise<readonly ReceiptRow[]> {
    const { credential, treasurer } = this.#context.carried.first;
    return treasurer().receipts(credential.toString(), after, limit);
  }

  /**
   * Tells the treasury which answers have arrived, before the process ends: their bodies were read
   * to the end, or cancelled. Otherwise the treasury is told with the next order. A process that
   * ends without it costs no money: the next one may be offered what was used, and the service
   * refuses that. Waits for two seconds at most, and never fails. The client can be used
   * afterwards.
   *
   * @example
   * await using client = new Client(); // closed at the end of the block
   */
  async close(): Promise<void> {
    const { tellAnswered } = await import("./trips.ts");
    await tellAnswered(this.#context.carried.all);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function withBody(
  method: string,
  body: BodyInit | null | undefined,
  init: RequestInit | undefined,
): Promise<RequestInit> {
  // `fetch` would send, and the client pay for, the text "[object Object]".
  if (body && Object.getPrototypeOf(body) === Object.prototype)
    throw (await import("./trips.ts")).notABody(method);
  return { ...init, method, ...(body !== undefined && { body }) };
}
