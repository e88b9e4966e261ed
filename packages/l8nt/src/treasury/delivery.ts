/**
 * Uses what was paid for: one request with it, and the word against a service that asks for payment
 * all the same. spec/4-purchase.md §4.
 */
import type { Target } from "../caveat/index.ts";
import { PaymentError, TokenError } from "../errors.ts";
import { discard, type OutboundLimits, relayed, send } from "../http/outbound.ts";
import { type Credential, formatAuthorization, isLsatAlone, type Verified } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Purchase, PurchaseRequest } from "../ports/treasury.ts";
import type { Bought, PaidCredential } from "./bought.ts";
import { relayCaveats } from "./narrowing.ts";

/** One request that was admitted. */
export interface Order {
  readonly verified: Verified;
  readonly target: Target;
  readonly url: URL;
  readonly request: PurchaseRequest;
  /** Before a payment is made for it. @throws SigilError where nothing may be spent now */
  readonly demandSpending: () => void;
  /** After what was paid for was sent, and no answer came: the service may have served it. */
  readonly onUnanswered?: () => void;
}

/** An order that is under way: what it claims, it claims under a name of its own. */
export interface Running extends Order {
  readonly by: string;
}

export interface DeliveryOptions {
  readonly bought: Bought;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly outbound: OutboundLimits;
  /** How long a service that took a payment and did not deliver is paid nothing. */
  readonly quarantineSeconds: number;
  readonly alarm: (what: string) => void;
}

/** After paying, how often a service is asked before it counts as not delivering. [case 72] */
const DELIVERY_ATTEMPTS = 3;
/** In place of a node's id. */
export const ALL_NODES = "*";

export class Delivery {
  readonly #options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /**
   * One request with what was paid for; undefined where the service asks for payment all the same.
   */
  async use(order: Running, paid: PaidCredential): Promise<Response | undefined> {
    const { record, full } = paid;
    const caveats = relayCaveats(order.target, record.enforced, this.#options.clock());
    const response = await this.#present(order, narrowed(full, caveats) ?? full);
    if (response.status === 402) {
      discard(response);
      return undefined;
    }
    const isFailure = response.status >= 500;
    const written = isFailure
      ? this.#options.bought.giveBack(record, order.by)
      : this.#options.bought.served(paid);
    // The response is here, and a second one may never come: a store that fails now takes it from
    // nobody.
    await written.catch(() => {});
    return response;
  }

  /**
   * Uses what was paid for; a service that still asks for payment has not delivered, and is not
   * paid again. [case 62]
   *
   * @param closedTo whom the origin is closed to then: everyone, where the credential never left
   * here. What was handed over may have been used, and whoever says that it was not speaks for
   * himself.
   */
  async deliver(order: Running, paid: PaidCredential, closedTo: string): Promise<Purchase> {
    const shared = this.#options.bought.wasShared(paid.record);
    for (let attempt = 1; attempt <= DELIVERY_ATTEMPTS; attempt++) {
      try {
        const response = await this.use(order, paid);
        if (response !== undefined) return { kind: "response", response: relayed(response) };
      } catch (error) {
        if (attempt < DELIVERY_ATTEMPTS) continue;
        await this.#options.bought.giveBack(paid.record, order.by);
        throw afterPaying(error);
      }
    }
    if (!shared) return this.accuse(paid, closedTo);
    await this.#options.bought.usedUp(paid);
    throw notDelivered(paid.record.origin);
  }

  /**
   * Paid, and not delivered: recorded, told, and its origin closed for a while. @throws
   * PaymentError `ERR_PAID_NOT_DELIVERED`
   */
  async accuse(paid: PaidCredential, closedTo: string): Promise<never> {
    const { origin, paymentHash } = paid.record;
    const until = this.#options.clock() + this.#options.quarantineSeconds;
    await this.#options.bought.undelivered(paid, { to: closedTo, until });
    this.#options.alarm(`${origin} took payment ${paymentHash} and did not deliver`);
    throw notDelivered(origin);
  }

  /**
   * A service that knows `LSAT` alone does not see an `L402`: it is asked again in its own words,
   * or what was paid for is lost.
   */
  async #present(order: Order, credential: Credential): Promise<Response> {
    const response = await this.send(order, formatAuthorization(credential));
    if (response.status !== 402 || !isLsatAlone(response.headers.get("www-authenticate")))
      return response;
    discard(response);
    return this.send(order, formatAuthorization(credential, "LSAT"));
  }

  /** Asks the service: for its challenge, or with the `Authorization` of what was paid for. */
  async send({ request, url, onUnanswered }: Order, authorization?: string): Promise<Response> {
    const { method, headers, body, signal } = request;
    const { fetch: fetcher, outbound } = this.#options;
    const asked = {
      method,
      url,
      headers,
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    };
    try {
      return await send(fetcher, asked, authorization, outbound);
    } catch (error) {
      if (authorization !== undefined) onUnanswered?.();
      throw error;
    }
  }
}

/** Undefined where it would be too large to send. */
export function narrowed(full: Credential, caveats: readonly string[]): Credential | undefined {
  try {
    return full.append(caveats);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}

export const notDelivered = (origin: string): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    `${origin} was paid and still asks for payment. It was not paid again.`,
  );

function afterPaying(cause: unknown): PaymentError {
  return new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    "The service was paid and does not answer. What was paid for is kept: ask again, and it is used without paying.",
    { cause },
  );
}
