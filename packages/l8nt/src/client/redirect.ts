/**
 * Redirects, as `fetch` follows them, but hop by hop: no credential and no body goes to another
 * origin. [case 76]
 */
import { AdapterError } from "../errors.ts";
import { CREDENTIAL_FIELDS } from "../l402/index.ts";
import type { Outgoing } from "./outgoing.ts";

const STATUSES = new Set([301, 302, 303, 307, 308]);
export const MAX_REDIRECTS = 20;

/**
 * The request that a response redirects to; undefined for a response that is an answer. @throws
 * AdapterError `ERR_REDIRECT`
 */
export function redirected(request: Outgoing, response: Response): Outgoing | undefined {
  if (response.type === "opaqueredirect")
    throw new AdapterError(
      "ERR_REDIRECT",
      "The service redirects, and a browser does not show where to. Ask for the final URL.",
    );
  const location = response.headers.get("location");
  if (!STATUSES.has(response.status) || location === null || request.redirect === "manual")
    return undefined;
  if (request.redirect === "error")
    throw new AdapterError("ERR_REDIRECT", "The service redirects, and redirects were refused.");
  const url = URL.canParse(location, request.url) ? new URL(location, request.url) : undefined;
  if (url === undefined)
    throw new AdapterError("ERR_REDIRECT", "The service redirects to something that is no URL.");
  const becomesGet =
    (response.status === 303 && request.method !== "HEAD") ||
    (response.status <= 302 && request.method === "POST");
  const kept = becomesGet ? withoutBody(request) : request;
  if (url.origin === request.url.origin) return { ...kept, url };
  if (kept.body !== undefined)
    throw new AdapterError(
      "ERR_REDIRECT",
      "The service redirects a request with a body to another origin. Ask there directly.",
    );
  const headers = new Headers(kept.headers);
  for (const name of [...CREDENTIAL_FIELDS, "cookie", "proxy-authorization"]) headers.delete(name);
  return { ...kept, url, headers, strayed: true };
}

function withoutBody({ body: _body, ...request }: Outgoing): Outgoing {
  const headers = new Headers(request.headers);
  for (const name of ["content-type", "content-length", "content-encoding", "content-language"])
    headers.delete(name);
  return { ...request, method: request.method === "HEAD" ? "HEAD" : "GET", headers };
}
