/** The facts of a request, from the raw lines that Node read. Imports only types of Node. */
import type { IncomingMessage } from "node:http";
import { PREFER_FIELD } from "../http/prefer.ts";
import { withoutOurs } from "../l402/authorization.ts";
import { CREDENTIAL_FIELDS } from "../l402/index.ts";
import { type RequestFacts, WELL_KNOWN_PATH } from "../service/index.ts";
import { peekBody } from "./peek.ts";

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

/** RFC 9112 §3.2. */
export function hasSeveralHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]!.length === 4 && rawHeaders[at]!.toLowerCase() === "host") hosts++;
  return hosts > 1;
}

/** Whether Node has left the connection to a listener of `upgrade`. */
export const isUpgrade = (incoming: IncomingMessage): boolean =>
  (incoming as { upgrade?: boolean | null }).upgrade === true;

const peerOf = ({ socket }: IncomingMessage): string | undefined => socket?.remoteAddress;

/**
 * The facts of a request on Node, each read when it is asked for: nearly every request is decided
 * by a few of them. A framework overrides what it knows better.
 */
export class NodeFacts implements RequestFacts {
  readonly method: string;
  readonly request: IncomingMessage;
  readonly target: string;
  readonly #addressOf: (incoming: IncomingMessage) => string | undefined;

  /** @param addressOf the client's address, by who knows the proxies that are trusted */
  constructor(
    incoming: IncomingMessage,
    addressOf = peerOf,
    target = targetOf(incoming),
    method = incoming.method ?? "",
  ) {
    this.method = method;
    this.request = incoming;
    this.target = target;
    this.#addressOf = addressOf;
  }

  /**
   * Every line. `incoming.headers` keeps the first and drops the others, which would hide a second
   * credential. [case 8]
   */
  get authorization(): string | undefined {
    return linesOf(this.request.rawHeaders, AUTHORIZATION);
  }

  get hasSeveralHosts(): boolean {
    return hasSeveralHosts(this.request.rawHeaders);
  }

  get macaroon(): string | undefined {
    return linesOf(this.request.rawHeaders, METADATA, MACAROON);
  }

  get idempotencyKey(): string | undefined {
    return linesOf(this.request.rawHeaders, "idempotency-key");
  }

  get contentType(): string | undefined {
    return linesOf(this.request.rawHeaders, "content-type");
  }

  get prefer(): string | undefined {
    return linesOf(this.request.rawHeaders, PREFER_FIELD);
  }

  get forwarded(): string | undefined {
    return linesOf(this.request.rawHeaders, "forwarded", "x-forwarded-for");
  }

  get clientAddress(): string | undefined {
    return this.#addressOf(this.request);
  }

  get isPeerAddress(): boolean {
    return this.clientAddress === peerOf(this.request);
  }

  headers(): Headers {
    return headersOf(this.request.rawHeaders);
  }

  isRepeated(name: string): boolean {
    const { rawHeaders } = this.request;
    let seen: string | undefined;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const lower = rawHeaders[at]!.toLowerCase();
      const value = rawHeaders[at + 1]!;
      // Over HTTP/2 the host stands in a field of its own, and may stand in both.
      if (lower !== name && !(name === "host" && lower === ":authority")) continue;
      // A line of our credential is beside that of the API.
      if (name === AUTHORIZATION && withoutOurs(value) === undefined) continue;
      if (seen !== undefined && !(name === "host" && seen === value)) return true;
      seen = value;
    }
    return false;
  }

  body(): Promise<Uint8Array> {
    return peekBody(this.request);
  }
}
