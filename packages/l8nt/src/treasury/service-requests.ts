/** Requests to a service: for its challenge, or with a credential that was paid for. */
import { discard } from "../http/discard.ts";
import { type OutboundLimits, send } from "../http/outbound.ts";
import { isLsatAlone } from "../l402/challenge.ts";
import { type Credential, formatAuthorization } from "../l402/index.ts";
import type { Order } from "./order.ts";

export interface ServiceRequestsOptions {
  readonly fetch: typeof fetch;
  readonly outbound: OutboundLimits;
}

export class ServiceRequests {
  readonly #options: ServiceRequestsOptions;

  constructor(options: ServiceRequestsOptions) {
    this.#options = options;
  }

  /** Sends the order's request without a credential. */
  ask(order: Order): Promise<Response> {
    return this.#send(order);
  }

  /**
   * Sends the order's request with a credential. A service that knows only the scheme `LSAT` does
   * not see an `L402` credential, so it is asked again in its own scheme.
   */
  async present(order: Order, credential: Credential): Promise<Response> {
    const response = await this.#send(order, formatAuthorization(credential));
    if (response.status !== 402 || !isLsatAlone(response.headers.get("www-authenticate")))
      return response;
    discard(response);
    return this.#send(order, formatAuthorization(credential, "LSAT"));
  }

  async #send({ request, url, progress }: Order, authorization?: string): Promise<Response> {
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
      if (authorization !== undefined) progress.unanswered = true;
      throw error;
    }
  }
}
