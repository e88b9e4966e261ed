/**
 * What caches are told about answers that were paid for: a shared cache must not give them to
 * others (RFC 9111 §3.5 protects `Authorization` alone). spec/3-challenge.md §5.
 */
import { VARY_NAMES } from "../wire/vary.ts";

/**
 * Fields that a shared cache obeys before `Cache-Control`: nginx, CDNs (RFC 9213), LiteSpeed, and
 * those before the standard.
 */
export const isForSharedCaches = (name: string): boolean => FOR_SHARED_CACHES.test(name);
const FOR_SHARED_CACHES =
  /^(?:x-accel-expires|surrogate-control|edge-control|[a-z0-9-]+-cache-control)$/i;

/** The value of `Vary` with the fields of a credential. */
export function varyWithCredentials(given: string | undefined): string {
  const listed = namesIn(given);
  if (listed.includes("*")) return "*";
  const missing = VARY_NAMES.filter((name) => !listed.includes(name.toLowerCase()));
  return [given, ...missing].filter((part) => part !== undefined && part !== "").join(", ");
}

const namesIn = (given = ""): string[] => given.split(",").map((name) => name.trim().toLowerCase());

/**
 * The value of `Cache-Control` that no shared cache stores: `private`, without what would allow it.
 * `no-store` says more, and stays, without the `must-understand` that overrules it (RFC 9111
 * §5.2.2.3).
 */
export function privateCacheControl(given: string | undefined): string {
  const directives = (given?.match(DIRECTIVE) ?? []).map((one) => one.trim()).filter(Boolean);
  const kept = directives.filter((directive) => !FOR_ALL.test(directive));
  const isClosed = kept.some((directive) => /^(?:no-store|private)$/i.test(directive));
  return (isClosed ? kept : [...kept, "private"]).join(", ");
}

/** A comma inside of a quoted text ends no directive. */
const DIRECTIVE = /(?:[^,"]|"[^"]*"?)+/g;
const FOR_ALL = /^(?:public|s-maxage|proxy-revalidate|must-understand)(?:[ \t]*=|$)/i;

/** The response with what caches are told. */
export function privately(response: Response): Response {
  const { status, statusText, body, headers: given } = response;
  const headers = new Headers(given);
  for (const name of [...headers.keys()]) if (isForSharedCaches(name)) headers.delete(name);
  headers.set("cache-control", privateCacheControl(given.get("cache-control") ?? undefined));
  headers.set("vary", varyWithCredentials(given.get("vary") ?? undefined));
  return new Response(body, { status, statusText, headers });
}
