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
import { publicAddress } from "./public-address.ts";

export interface GuardedFetchOptions {
  /**
   * Also reaches the addresses of this machine, for development. Other private addresses stay out
   * of reach.
   *
   * @default false
   */
  readonly allowLoopback?: boolean;
}

const OPTIONS = { allowLoopback: true } satisfies Keys<GuardedFetchOptions>;

/**
 * Looks a name up once, checks every address, and connects to one of those that were checked: a
 * name that is rebound in between gains nothing. Redirects are not followed.
 *
 * @throws AdapterError `ERR_SERVICE_UNREACHABLE` (from the returned function) for an address that
 * is not public
 */
export function guardedFetch(options: GuardedFetchOptions = {}): typeof fetch {
  checkKeys(options, OPTIONS, "a guarded fetch");
  const { allowLoopback = false } = options;
  const net = builtin<typeof import("node:net")>("node:net");
  const dns = builtin<typeof import("node:dns")>("node:dns");
  const isAllowed = publicAddress(net, allowLoopback);

  const lookup: LookupFunction = (hostname, options, done) => {
    dns.lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return done(error, "", 0);
      const bad = addresses.length === 0 || addresses.some(({ address }) => !isAllowed(address));
      if (bad) return done(new Error("the name leads to an address that is not public"), "", 0);
      const [first] = addresses;
      return options.all ? done(null, addresses) : done(null, first!.address, first!.family);
    });
  };

  const send = nodeFetch({ lookup });
  return async (input, init) => {
    const request = new Request(input, init);
    const { protocol, hostname } = new URL(request.url);
    const literal = hostname.replace(/^\[|\]$/g, "");
    const isHttp = protocol === "http:" || protocol === "https:";
    if (!isHttp || (net.isIP(literal) !== 0 && !isAllowed(literal)))
      throw new AdapterError(
        "ERR_SERVICE_UNREACHABLE",
        "The URL leads to an address that is not public, and only public ones may be reached from here. For a service on this machine, in development, use guardedFetch({ allowLoopback: true }), or --allow-loopback at the command line.",
      );
    return send(request);
  };
}
