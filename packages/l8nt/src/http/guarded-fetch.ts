/**
 * A `fetch` that reaches public addresses only, for a server that requests URLs that others name.
 * [case 78]
 */
import type { LookupAddress } from "node:dns";
import type { BlockList, LookupFunction } from "node:net";
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { builtin, nodeFetch } from "./node-fetch.ts";

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

/** Not reachable from the internet: RFC 6890 and its registries, multicast, cloud metadata. */
const PRIVATE_V4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;
/**
 * `::` covers `::1` and the IPv4-compatible ones; `64:ff9b::` and `2002::` carry an IPv4 address
 * inside.
 */
const PRIVATE_V6 = [
  ["::", 64],
  ["64:ff9b::", 32],
  ["100::", 8],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 9],
  ["ff00::", 8],
] as const;

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
  const loopback = listOf(net, [["127.0.0.0", 8]], [["::1", 128]]);
  const refused = listOf(net, [...PRIVATE_V4, ["127.0.0.0", 8]], PRIVATE_V6);

  const isAllowed = (address: string): boolean => {
    // An IPv4-mapped IPv6 address is judged as the IPv4 address that it holds.
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
    const family = net.isIPv6(plain) ? "ipv6" : "ipv4";
    if (/^::ffff:/i.test(plain)) return false;
    return allowLoopback && loopback.check(plain, family) ? true : !refused.check(plain, family);
  };

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

type Subnets = readonly (readonly [address: string, bits: number])[];

function listOf(net: typeof import("node:net"), v4: Subnets, v6: Subnets): BlockList {
  const list = new net.BlockList();
  for (const [address, bits] of v4) list.addSubnet(address, bits, "ipv4");
  for (const [address, bits] of v6) list.addSubnet(address, bits, "ipv6");
  return list;
}
