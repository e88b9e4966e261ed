/** All calls of `fetch` of one client. spec/4-purchase.md §2. */

import { resending } from "../http/resending.ts";
import { presentsCredential } from "../l402/fields.ts";
import { WHAT_TO_SET } from "./carried.ts";
import { HeldCredentials } from "./held.ts";
import { outgoing } from "./outgoing.ts";
import { type Sender, signing } from "./signing.ts";
import { Trip, type TripContext } from "./trip.ts";
import { asksForPayment, unpaid } from "./unpaid.ts";

// What else a client loads no sooner than a call that may cost something.
export { tellAnswered } from "./closing.ts";

/**
 * The 402 to a client without a credential, if it does not ask for payment.
 *
 * @param headers of the request
 * @throws PaymentError `ERR_PAYMENT_REQUIRED`
 */
export async function unpaidHere(
  response: Response,
  input: string | URL | Request,
  headers: Headers,
): Promise<Response> {
  if (!(await asksForPayment(headers, response))) return response;
  const url = response.url || new Request(input instanceof Request ? input.url : input).url;
  throw await unpaid(response, new URL(url), WHAT_TO_SET);
}

// A Request that is garbage-collected no longer feeds its signal, which ends the call or the body.
const underWay = new Set<{ readonly input: string | URL | Request }>();
const askedBy = new WeakMap<Response, string | URL | Request>();

/** What a client has before its first call. */
export type ClientContext = Sender & Omit<TripContext, "held" | "resend">;

/** The calls of one client, which share what was handed over to it. */
export class Trips {
  readonly #context: TripContext;

  constructor(context: ClientContext) {
    const held = new HeldCredentials();
    const fetch = signing(context);
    this.#context = { ...context, fetch, resend: resending(fetch), held };
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
    const { fetch, takesRequests } = this.#context;
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
      const first = await outgoing(request, init, { signal, orderId, takesRequests });
      const response = await new Trip(this.#context).follow(first);
      askedBy.set(response, input);
      return response;
    } finally {
      underWay.delete(call);
    }
  }
}

const presentsMacaroon = ({ headers }: Request): boolean =>
  headers.has("macaroon") || headers.has("grpc-metadata-macaroon");

export const notABody = (method: string): TypeError =>
  new TypeError(
    `The second argument of ${method.toLowerCase()} is the body, and an object is none: give JSON.stringify(object), and options such as headers as the third argument.`,
  );
