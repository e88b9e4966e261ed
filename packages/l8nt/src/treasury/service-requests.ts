/** Requests to a service: for its challenge, or with a credential that was paid for. */

import { presentedAt } from "../credential/index.ts";
import { mayAddField } from "../http/added-field.ts";
import { discard } from "../http/discard.ts";
import { IDEMPOTENCY_FIELD } from "../http/idempotency.ts";
import { type OutboundLimits, send } from "../http/outbound.ts";
import { fieldsWithoutNoInvoice, NO_INVOICE, PREFER_FIELD } from "../http/prefer.ts";
import { isLsatAlone } from "../l402/challenge.ts";
import { type Credential, formatAuthorization } from "../l402/index.ts";
import type { Sleep } from "../ports/clock.ts";
import { besideOwn, bothInOne } from "../wire/beside-own.ts";
import { challengeAfter } from "../wire/service-refusal.ts";
import { hasGone, type Order, ownAuthorization } from "./order.ts";

export interface ServiceRequestsOptions {
  readonly fetch: typeof fetch;
  readonly outbound: OutboundLimits;
  readonly sleep: Sleep;
}

export interface Presented {
  readonly response: Response;
  /** Whether the credential was sent in the place of an `Authorization` of the API's own. */
  readonly inPlaceOfOwn: boolean;
}

/** A client waits longer for its order. */
const MAX_WAIT_SECONDS = 30;

export class ServiceRequests {
  readonly #options: ServiceRequestsOptions;

  constructor(options: ServiceRequestsOptions) {
    this.#options = options;
  }

  /**
   * Sends the order's request without a credential. It ends if the agent goes. A service that gives
   * no more challenges for now is asked again when it says, for half a minute: what others pay for
   * meanwhile makes room.
   */
  async ask(order: Order): Promise<Response> {
    const { sleep } = this.#options;
    for (let waited = 0; ; ) {
      const response = await this.#ask(order);
      const after = await challengeAfter(response);
      if (after === undefined || waited + after > MAX_WAIT_SECONDS || hasGone(order))
        return response;
      discard(response);
      const pause = Math.max(after, 1);
      await sleep(pause, order.request.signal);
      waited += pause;
    }
  }

  #ask({ request, url, end }: Order): Promise<Response> {
    const { method, body, signal } = request;
    // This is the request whose invoice is paid.
    const headers = fieldsWithoutNoInvoice(request.headers);
    const { fetch: fetcher, outbound } = this.#options;
    const asked = {
      method,
      url,
      headers,
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
      begun: (abort: () => void) => end.exchange(abort),
    };
    return send(fetcher, asked, {}, outbound);
  }

  /**
   * Sends the order's request with a credential. It is brought to its end although the agent goes,
   * because the service may serve it, and ends at once if the agent is revoked. Beside an
   * `Authorization` of the API's own the credential travels in `Macaroon`; a service that does not
   * read that is asked again with the credential in `Authorization`. One that knows only the scheme
   * `LSAT` does not see an `L402` credential, so it is asked again in its own scheme. A credential
   * that anyone verifies stands beside the API's own in one field, where such a service reads both.
   *
   * @param idempotencyKey in place of the agent's own
   */
  async present(
    order: Order,
    credential: Credential | string,
    idempotencyKey: string,
  ): Promise<Presented> {
    const send = (presented: Readonly<Record<string, string>>) =>
      this.#present(order, presented, idempotencyKey);
    const shown =
      typeof credential === "string" ? credential : presentedAt(credential, order.target.origin);
    const own = ownAuthorization(order);
    const both = own === undefined ? undefined : bothInOne(own, shown);
    if (both !== undefined)
      return { response: await send({ authorization: both }), inPlaceOfOwn: false };
    const inPlaceOfOwn = own !== undefined;
    const beside = inPlaceOfOwn
      ? await besideOwn(shown, (macaroon) => send({ macaroon }))
      : undefined;
    if (beside?.isUnread === false) return { response: beside.response, inPlaceOfOwn: false };
    if (beside !== undefined) discard(beside.response);
    const response = await send({ authorization: formatAuthorization(shown) });
    if (response.status !== 402 || !isLsatAlone(response.headers.get("www-authenticate")))
      return { response, inPlaceOfOwn };
    discard(response);
    const authorization = formatAuthorization(shown, "LSAT");
    return { response: await send({ authorization }), inPlaceOfOwn };
  }

  async #present(
    { request, url, progress, end }: Order,
    presented: Readonly<Record<string, string>>,
    idempotencyKey: string,
  ): Promise<Response> {
    const { method, headers: given, body } = request;
    const { fetch: fetcher, outbound } = this.#options;
    const others = given.filter(([name]) => name.toLowerCase() !== IDEMPOTENCY_FIELD);
    const isGiven = others.length < given.length;
    const mayAdd = mayAddField(url);
    const headers = [
      ...others,
      ...(isGiven || mayAdd ? [[IDEMPOTENCY_FIELD, idempotencyKey] as const] : []),
      // What is presented was paid for. A refusal of it is never paid.
      ...(mayAdd ? [[PREFER_FIELD, NO_INVOICE] as const] : []),
    ];
    const begun = (abort: () => void) => end.exchange(abort);
    const asked = { method, url, headers, begun, ...(body !== undefined && { body }) };
    try {
      return await send(fetcher, asked, presented, outbound);
    } catch (error) {
      progress.unanswered = true;
      throw error;
    }
  }
}
