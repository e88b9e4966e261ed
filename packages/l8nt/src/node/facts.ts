/** The facts of a request, from the raw lines that Node read. Imports only types of Node. */
import type { IncomingMessage } from "node:http";
import { PREFER_FIELD } from "../http/prefer.ts";
import { CREDENTIAL_FIELDS } from "../l402/index.ts";
import { type RequestFacts, WELL_KNOWN_PATH } from "../service/index.ts";
import { peekBody } from "./peek.ts";

/**
 * Every `Authorization` line. `incoming.headers` keeps the first and drops the others, which would
 * hide a second credential. [case 8]
 */
export const authorizationOf = (rawHeaders: readonly string[]): string | undefined =>
  linesOf(rawHeaders, AUTHORIZATION);

/** Every line of the two fields that hold a macaroon in hex. */
export const macaroonOf = (rawHeaders: readonly string[]): string | undefined =>
  linesOf(rawHeaders, METADATA, MACAROON);

/** Every `Idempotency-Key` line. */
export const idempotencyKeyOf = (rawHeaders: readonly string[]): string | undefined =>
  linesOf(rawHeaders, "idempotency-key");

/** Every `Prefer` line. */
export const preferOf = (rawHeaders: readonly string[]): string | undefined =>
  linesOf(rawHeaders, PREFER_FIELD);

/** Every line by which a proxy says for whom it asks. */
export const forwardedOf = (rawHeaders: readonly string[]): string | undefined =>
  linesOf(rawHeaders, "forwarded", "x-forwarded-for");

const [AUTHORIZATION, METADATA, MACAROON] = CREDENTIAL_FIELDS;

function linesOf(rawHeaders: readonly string[], one: string, other = one): string | undefined {
  let joined: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length !== one.length && name.length !== other.length) continue;
    const lower = name.toLowerCase();
    if (lower !== one && lower !== other) continue;
    joined = joined === undefined ? rawHeaders[at + 1]! : `${joined}, ${rawHeaders[at + 1]}`;
  }
  return joined;
}

/**
 * The request target as it was sent. A router that mounts an app rewrites `url`, and keeps the
 * whole target in `originalUrl`.
 */
export const targetOf = (incoming: IncomingMessage): string =>
  (incoming as { originalUrl?: string }).originalUrl ?? incoming.url ?? "";

/** Whether a target is `/.well-known/l402` or below it. */
export const isWellKnown = (target: string): boolean =>
  target.startsWith(WELL_KNOWN_PATH) && /^[/?]?$/.test(target.charAt(WELL_KNOWN_PATH.length));

/** The fields as `Headers`, without the pseudo-headers of HTTP/2. */
export function headersOf(rawHeaders: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (!rawHeaders[at]!.startsWith(":")) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  return headers;
}

/**
 * The facts of a request on Node.
 *
 * @param address the peer's address, from the framework, which knows the proxies that are trusted
 * @param body if a body parser has read it
 * @param isSpelledAsRouted if the framework has a router that ignores case or slashes
 */
export function nodeFacts(
  incoming: IncomingMessage,
  address: string | undefined,
  target = targetOf(incoming),
  body: () => Promise<Uint8Array> = () => peekBody(incoming),
  isSpelledAsRouted?: () => boolean,
): RequestFacts {
  return {
    method: incoming.method ?? "",
    request: incoming,
    target,
    authorization: authorizationOf(incoming.rawHeaders),
    macaroon: macaroonOf(incoming.rawHeaders),
    clientAddress: address,
    get prefer() {
      return preferOf(incoming.rawHeaders);
    },
    get forwarded() {
      return forwardedOf(incoming.rawHeaders);
    },
    get isPeerAddress() {
      return address === incoming.socket.remoteAddress;
    },
    idempotencyKey: idempotencyKeyOf(incoming.rawHeaders),
    headers: () => headersOf(incoming.rawHeaders),
    body,
    isSpelledAsRouted,
  };
}
