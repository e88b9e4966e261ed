/** Sends one request of a call, with a credential or without. spec/4-purchase.md §2. */

import type { Target } from "../caveat/index.ts";
import { presentedAt } from "../credential/index.ts";
import { checkTransport } from "../http/transport.ts";
import { formatAuthorization } from "../l402/authorization.ts";
import type { Credential } from "../l402/credential.ts";
import type { Clock } from "../ports/clock.ts";
import { isRefusal } from "../wire/service-refusal.ts";
import type { Held, HeldCredentials } from "./held.ts";
import { hasOwnAuthorization, type Outgoing, tooLargeToBuy, whole } from "./outgoing.ts";
import { keyOfUse, preferNoInvoice, repetition } from "./presenting.ts";
import { Tries } from "./retry.ts";
import type { Spending } from "./spending.ts";

/** What sends the requests of one client. */
export interface SenderContext {
  readonly held: HeldCredentials;
  readonly fetch: typeof fetch;
  /** Sends a GET again whose connection was closed under it. */
  readonly resend: typeof fetch;
  readonly clock: Clock;
}

/** How a request is sent. */
interface Sent {
  readonly credential?: Credential;
  readonly key?: string | undefined;
  /** Whether a 402 is answered by an order to a treasury, which fetches a challenge of its own. */
  readonly willBuy: boolean;
}

export class Sender {
  readonly #context: SenderContext;
  readonly #spending: Spending;

  /** @param spending of the call, for errors */
  constructor(context: SenderContext, spending: Spending) {
    this.#context = context;
    this.#spending = spending;
  }

  /**
   * Sends the request with a handed-over credential. While an earlier request with it still runs at
   * the service, it is sent again after a while.
   *
   * @returns a 402 of our own if the answer to an earlier request is gone
   */
  async present(given: Outgoing, target: Target, used: Held): Promise<Response> {
    // The key of a use tells its body from another one.
    const { isSingleUse } = used.credential.chain;
    const sent = isSingleUse ? await whole(given) : given;
    // The use may be counted although the connection was closed, which the next request finds out.
    const request = { ...sent, isOnce: true };
    const key = keyOfUse(request, used);
    const tries = new Tries(request.signal);
    for (;;) {
      const response = await this.send(request, target, {
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

  async send(
    given: Outgoing,
    target: Target,
    { credential, key, willBuy }: Sent,
  ): Promise<Response> {
    const { held, clock } = this.#context;
    // Of a limited number of uses, one may be counted although no answer came.
    const request = credential?.chain.isUsedUpByUse ? { ...given, isOnce: true } : given;
    const { url, headers } = request;
    const fields = new Headers(headers);
    if (key !== undefined) fields.set("idempotency-key", key);
    if (willBuy) preferNoInvoice(fields, url);
    if (credential !== undefined) checkTransport(url);
    const response =
      credential === undefined
        ? await this.fetched(request, fields)
        : await this.#presented(request, fields, presentedAt(credential, target.origin));
    if (response.status === 402 || response.status === 401)
      held.learnClock(target, response, clock());
    return response;
  }

  /**
   * Sends a credential in `Authorization`, or in `Macaroon` if the request has an `Authorization`
   * of the API's own. A service that does not read that field is asked again with the credential in
   * the place of the API's own. A credential that anyone verifies stands beside it, in one field:
   * a service that takes that form reads both. spec/3-challenge.md §4.
   */
  async #presented(request: Outgoing, fields: Headers, credential: Credential): Promise<Response> {
    const inPlaceOfOwn = hasOwnAuthorization(request);
    if (inPlaceOfOwn) {
      // Loaded here, because few requests have one.
      const { besideOwn, bothInOne } = await import("../wire/beside-own.ts");
      const both = bothInOne(fields.get("authorization")!, credential);
      if (both !== undefined) {
        fields.set("authorization", both);
        return this.fetched(request, fields);
      }
      const beside = await besideOwn(credential, (macaroon) => {
        const both = new Headers(fields);
        both.set("macaroon", macaroon);
        return this.fetched(request, both);
      });
      const isOver = beside?.isUnread === false || !(await isRepeatable(request));
      if (beside !== undefined && isOver) return beside.response;
      await beside?.response.body?.cancel();
    }
    fields.set("authorization", formatAuthorization(credential));
    const response = await this.fetched(request, fields);
    if (!inPlaceOfOwn || (await isRefusal(response))) return response;
    const { ownIsWanted, wantsOwn } = await import("../wire/beside-own.ts");
    if (!wantsOwn(response)) return response;
    await response.body?.cancel();
    throw ownIsWanted(request.url.origin, this.#spending.spent, response.status);
  }

  async fetched(request: Outgoing, headers: Headers): Promise<Response> {
    const { fetch, resend } = this.#context;
    const { method, url, large, streamed, signal, options } = request;
    const send = request.isOnce ? fetch : resend;
    const first = streamed?.take();
    const common: RequestInit = { method, headers, signal: signal ?? null, redirect: "manual" };
    const { body: _, ...others } = options;
    if (first instanceof Request) return send(first, { ...others, ...common });
    const body = first ?? (await whole(request)).body ?? large ?? null;
    if (streamed !== undefined && body === null) throw tooLargeToBuy(url);
    const duplex = first === undefined ? {} : { duplex: "half" as const };
    return send(url, { ...others, ...common, body, ...duplex });
  }
}

const isRepeatable = async (request: Outgoing): Promise<boolean> =>
  (await whole(request)).streamed === undefined;
