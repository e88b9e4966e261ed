/** Refuses what cannot be forwarded as the request that was judged. RFC 9112 §3, §6, §11.2. */
import { type IncomingMessage, METHODS } from "node:http";
import { targetAt } from "l8nt/l402";
import { valuesOf } from "./fields.ts";

/** A request target: path and query as they were sent, and the path as it is judged. */
export interface Target {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
}

/** Those that a parser of HTTP/1.1 reads. RFC 9110 §9.3.6, §9.3.8. */
const FORWARDED = new Set(METHODS.filter((method) => method !== "TRACE" && method !== "CONNECT"));

/** Why a request line is refused with 400; undefined if it can be forwarded. */
export function lineFault(
  method: string,
  url: string,
  target: Target | undefined,
): string | undefined {
  if (!FORWARDED.has(method)) return `The method ${method.slice(0, 32)} is not forwarded.`;
  if (!url.startsWith("/") || url.includes("#"))
    return "The request target must be a path, and may have a query.";
  if (target === undefined)
    return "The path is not in its canonical spelling: it has dot segments, an encoded slash, or characters that must or must not be encoded.";
  return undefined;
}

/** Why a request is refused with 400, for people; undefined if it can be forwarded. */
export function requestFault(
  incoming: IncomingMessage,
  target = targetIn(incoming.url ?? ""),
): string | undefined {
  const { method = "", url = "", rawHeaders, httpVersion } = incoming;
  const fault = lineFault(method, url, target);
  if (fault !== undefined) return fault;
  if (valuesOf(rawHeaders, "host").length > 1) return "The request has several Host fields.";
  // RFC 9110 §9.3.1: some vendors ignore it, and would read it as the next request.
  if ((method === "GET" || method === "HEAD") && hasBody(incoming))
    return `A ${method} has no body here: send it without one.`;
  // Only HTTP/2 has streams. A request line may name a version that the connection is not of.
  if ("stream" in incoming) return undefined;
  if (httpVersion !== "1.1" && httpVersion !== "1.0")
    return `The request line says HTTP/${httpVersion}. Send HTTP/1.1, or HTTP/2 in its own framing.`;
  const codings = valuesOf(rawHeaders, "transfer-encoding");
  // A proxy of HTTP/1.0 in front may not know the field, and sees other requests in these bytes.
  if (codings.length > 0 && httpVersion === "1.0")
    return "HTTP/1.0 has no Transfer-Encoding. Send the body with Content-Length, or by HTTP/1.1.";
  if (
    codings.length > 1 ||
    (codings.length === 1 && codings[0]!.trim().toLowerCase() !== "chunked")
  )
    return "The only Transfer-Encoding that is read is chunked.";
  if (codings.length > 0 && valuesOf(rawHeaders, "content-length").length > 0)
    return "The request has both Transfer-Encoding and Content-Length.";
  return undefined;
}

export function hasBody(incoming: IncomingMessage): boolean {
  const { headers } = incoming;
  // Over HTTP/2 a body needs neither field.
  const { stream } = incoming as { stream?: { readonly endAfterHeaders: boolean } };
  return stream !== undefined
    ? !stream.endAfterHeaders
    : Number(headers["content-length"] ?? 0) > 0 || headers["transfer-encoding"] !== undefined;
}

const NOWHERE = { scheme: "http", host: "gateway.invalid", port: 80 } as const;

/** Targets that were read before: a gateway sees the same few again and again. */
const known = new Map<string, Target>();
const MAX_KNOWN = 256;
const MAX_KNOWN_LENGTH = 256;

/** Undefined for a path in another spelling than its canonical one, which a vendor may misread. */
export function targetIn(url: string): Target | undefined {
  const before = known.get(url);
  if (before !== undefined) return before;
  const target = readTarget(url);
  // A query may carry a key, which is not kept.
  if (target === undefined || target.query !== "" || url.length > MAX_KNOWN_LENGTH) return target;
  if (known.size === MAX_KNOWN) known.clear();
  known.set(url, target);
  return target;
}

function readTarget(url: string): Target | undefined {
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  const canonical = targetAt("GET", NOWHERE, path);
  return canonical?.path === path ? { path, query: at < 0 ? "" : url.slice(at) } : undefined;
}
