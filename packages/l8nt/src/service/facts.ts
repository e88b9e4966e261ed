/** The facts of a Web-standard request. */
import { PREFER_FIELD } from "../http/prefer.ts";
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
    get hasSeveralHosts() {
      return request.headers.get("host")?.includes(",") === true;
    },
    idempotencyKey: request.headers.get("idempotency-key"),
    get contentType() {
      return request.headers.get("content-type");
    },
    get prefer() {
      return request.headers.get(PREFER_FIELD);
    },
    get forwarded() {
      return request.headers.get("forwarded") ?? request.headers.get("x-forwarded-for");
    },
    headers: () => request.headers,
    body: () => copyOfBody(request),
    isGone: () => request.signal.aborted,
  };
}
