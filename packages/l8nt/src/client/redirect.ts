/**
 * Redirects, followed one at a time: no credential and no body goes to another origin. [case 76]
 */
import { AdapterError } from "../errors.ts";
import { type Binary, bytesOf } from "../internal/bytes.ts";
import { CREDENTIAL_FIELDS } from "../l402/fields.ts";
import type { Outgoing } from "./outgoing.ts";

const STATUSES = new Set([301, 302, 303, 307, 308]);
export const MAX_REDIRECTS = 20;

/** Whether a response redirects, and the redirect is to be followed. */
export const isRedirect = ({ status, headers }: Response, { redirect }: Outgoing): boolean =>
  STATUSES.has(status) && headers.has("location") && redirect === "follow";

/**
 * The request to which a response redirects; undefined for any other response.
 *
 * @throws AdapterError `ERR_REDIRECT`
 */
export function redirected(request: Outgoing, response: Response): Outgoing | undefined {
  if (response.type === "opaqueredirect" && request.redirect !== "manual")
    throw new AdapterError(
      "ERR_REDIRECT",
      "The service redirects, and a browser does not show the new location. Request the final URL.",
    );
  const location = locationIn(response.headers);
  if (!STATUSES.has(response.status) || location === null || request.redirect === "manual")
    return undefined;
  if (request.redirect === "error")
    throw new AdapterError(
      "ERR_REDIRECT",
      'The service redirects, and the request has `redirect: "error"`.',
    );
  const url = URL.canParse(location, request.url) ? new URL(location, request.url) : undefined;
  if (url === undefined)
    throw new AdapterError("ERR_REDIRECT", "The service redirects, and its Location is not a URL.");
  const becomesGet =
    (response.status === 303 && request.method !== "HEAD") ||
    (response.status <= 302 && request.method === "POST");
  const kept = { ...(becomesGet ? withoutBody(request) : request), orderId: undefined };
  if (kept.streamed !== undefined)
    throw new AdapterError(
      "ERR_REDIRECT",
      "The service redirects a request whose body is a large stream, which was sent. Request that URL directly.",
    );
  if (url.origin === request.url.origin) return { ...kept, url };
  if (kept.body !== undefined || kept.large !== undefined)
    throw new AdapterError(
      "ERR_REDIRECT",
      "The service redirects a request with a body to another origin. Request that URL directly.",
    );
  const headers = new Headers(kept.headers);
  for (const name of [...CREDENTIAL_FIELDS, "cookie", "proxy-authorization"]) headers.delete(name);
  return { ...kept, url, headers, strayed: true };
}

/** A `Location` in bytes of UTF-8 is read as such, as `fetch` does; its header has bytes. */
function locationIn(headers: Headers): string | null {
  const given = headers.get("location");
  if (given === null || !/[\x80-\xff]/.test(given)) return given;
  if (/[^\0-\xff]/.test(given)) return given;
  return new TextDecoder().decode(bytesOf(given as Binary));
}

function withoutBody({
  body: _body,
  large: _large,
  streamed: _streamed,
  ...request
}: Outgoing): Outgoing {
  const headers = new Headers(request.headers);
  for (const name of ["content-type", "content-length", "content-encoding", "content-language"])
    headers.delete(name);
  return { ...request, method: request.method === "HEAD" ? "HEAD" : "GET", headers };
}
