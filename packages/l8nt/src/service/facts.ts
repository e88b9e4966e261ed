/** The facts of a Web-standard request. */
import { presentedIn } from "../l402/index.ts";
import type { RequestFacts } from "./decision.ts";
import { copyOfBody } from "./price.ts";

/** The facts of `request`, whose `Headers` have joined several lines of one field by commas. */
export function factsOf(request: Request, clientAddress?: string): RequestFacts {
  const { authorization, macaroon } = presentedIn(request.headers);
  return {
    method: request.method,
    request,
    target: request.url.replace(/^[a-z]+:\/\/[^/?#]*|#.*$/gi, "") || "/",
    authorization,
    macaroon,
    clientAddress,
    idempotencyKey: request.headers.get("idempotency-key"),
    headers: () => request.headers,
    body: () => copyOfBody(request),
    isGone: () => request.signal.aborted,
  };
}
