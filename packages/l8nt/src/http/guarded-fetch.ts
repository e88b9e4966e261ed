/**
 * A `fetch` that reaches public addresses only, for a server that requests URLs that others name.
 * [case 78]
 */
import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { builtin } from "./builtin.ts";
import { nodeFetch } from "./node-fetch.ts";
import { NotPublic, publicAddress } from "./public-address.ts";

export interface GuardedFetchOptions {
  /**
   * Also reaches the addresses of this machine, for development. Other private addresses stay out
   * of reach.
   *
   * @default false
   */
  readonly allowLoopback?: boolean;
  /**
   * Also reaches private networks (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 and
   * fc00::/7), for servers in a network of one's own. Addresses of this machine and link-local
   * ones, such as 169.254.169.254, stay out of reach.
   *
   * @default false
   */
  readonly allowPrivate?: boolean;
  /**
   * The http or https URL of a proxy that all requests are sent through. The proxy looks names up
   * and connects, and so has to refuse what is not public; here, only addresses in URLs are judged.
   * Needs Node 24.5, or 22.21. Without it, requests are sent through no proxy, whatever the
   * environment names.
   */
  readonly proxy?: string;
  /**
   * Sockets in all, with those that are kept for the next request. One origin has three
   * quarters of them. Requests beyond wait until they are aborted. A treasury has one for each
   * order, of which one agent has half at most.
   *
   * @default 1024
   */
  readonly maxSockets?: number;
}

const OPTIONS = {
  allowLoopback: true,
  allowPrivate: true,
  proxy: true,
  maxSockets: true,
} satisfies Keys<GuardedFetchOptions>;

const MAX_SOCKETS = 1024;

/**
 * Looks a name up once, refuses it unless all of its addresses are public, and judges the address
 * again that was connected to: a name that is rebound in between gains nothing. Its connections are
 * its own. Redirects are not followed.
 *
 * @throws AdapterError `ERR_SERVICE_UNREACHABLE` (from the returned function) for an address that
 * is not public
 * @throws TypeError for a proxy that cannot be used
 */
export function guardedFetch(options: GuardedFetchOptions = {}): typeof fetch {
  checkKeys(options, OPTIONS, "a guarded fetch");
  const { allowLoopback = false, allowPrivate = false, proxy, maxSockets = MAX_SOCKETS } = options;
  if (!Number.isSafeInteger(maxSockets) || maxSockets < 1)
    throw new TypeError("maxSockets must be a whole number from 1 on.");
  const net = builtin<typeof import("node:net")>("node:net");
  const dns = builtin<typeof import("node:dns")>("node:dns");
  const isAllowed = publicAddress(net, { allowLoopback, allowPrivate });

  const lookup: LookupFunction = (hostname, options, done) => {
    dns.lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return done(error, "", 0);
      const bad = addresses.length === 0 || addresses.some(({ address }) => !isAllowed(address));
      if (bad) return done(new NotPublic(), "", 0);
      const [first] = addresses;
      return options.all ? done(null, addresses) : done(null, first!.address, first!.family);
    });
  };

  const send = nodeFetch({
    maxSockets,
    isAllowed,
    ...(proxy === undefined ? { lookup } : { proxy }),
  });
  return async (input, init) => {
    const { protocol, hostname } = new URL(input instanceof Request ? input.url : input);
    const literal = hostname.replace(/^\[|\]$/g, "");
    const isHttp = protocol === "http:" || protocol === "https:";
    const isHere = proxy !== undefined && !allowLoopback && LOCAL.test(hostname);
    if (!isHttp || isHere || (net.isIP(literal) !== 0 && !isAllowed(literal)))
      throw new NotPublic();
    try {
      return await send(input, init);
    } catch (error) {
      const isOfFetch = [AdapterError, DOMException, TypeError].some((one) => error instanceof one);
      throw isOfFetch ? error : new TypeError("fetch failed", { cause: error });
    }
  };
}

/** Names of this machine, which a proxy would take for its own. */
const LOCAL = /(?:^|\.)localhost\.?$/i;
