/** Why a route does not serve a request, for its client. spec/3-challenge.md §5. */
import { AdapterError, TokenError } from "../errors.ts";

export const MISSING = new TokenError(
  "ERR_TOKEN_MISSING",
  "This endpoint takes an L402 credential. Pay the invoice of the challenge, or bring a credential that covers this request.",
);
export const NOT_SOLD = new TokenError(
  "ERR_TOKEN_MISSING",
  "This endpoint takes an L402 credential, and sells none. Bring one that its owner minted, or one derived from it.",
);
export const NO_PRICE = "The price of this request could not be determined. Nothing was charged.";
export const GUARDED_TWICE =
  "This request is guarded twice, on different terms or as another request, so its price cannot be determined. Nothing was charged. The operator should remove one of the two, or change the request before both.";

export const closed = (): AdapterError =>
  new AdapterError("ERR_REQUEST", "This route was closed. Nothing is served here any more.");

export const misspelt = (): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    "The path is spelled otherwise than the route, in its case or its slashes, so its price is not known.",
  );

export const badTarget = (): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    "The request's method or path can be read in two ways, so it is not served. Send the path without encoded slashes, dots or backslashes.",
  );

export const severalHosts = (): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    "The request has several Host fields, so it is not served. Send one.",
  );
