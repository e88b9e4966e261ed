/** Which IP addresses are public, by the special-purpose registries of IANA. [case 78] */
import type { BlockList } from "node:net";
import { AdapterError } from "../errors.ts";

/** No request was sent: its address is not public. */
export class NotPublic extends AdapterError {
  constructor() {
    super(
      "ERR_SERVICE_UNREACHABLE",
      "The URL leads to an address that is not public, and only public ones may be reached from here. For a service on this machine, in development, use guardedFetch({ allowLoopback: true }), `sigil treasury start --allow-loopback` or `sigil mcp --allow-private`.",
    );
  }
}

type Net = typeof import("node:net");
type Family = "ipv4" | "ipv6";
type Subnet = readonly [address: string, bits: number];

/**
 * https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, and reserved. Rows that
 * the registry calls globally reachable are here too: they are anycast addresses of DNS and of
 * multicast relays, which the nearest network answers, and no service is at one.
 */
const SPECIAL_V4: readonly Subnet[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/** All global unicast addresses; whatever is outside is not public. */
const GLOBAL_V6: readonly Subnet[] = [["2000::", 3]];
/** https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it is inside. */
const SPECIAL_V6: readonly Subnet[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3fff::", 20],
];

/** Networks of an organisation's own: RFC 1918, RFC 6598 and RFC 4193. */
const PRIVATE_V4: readonly Subnet[] = [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
];
const PRIVATE_V6: readonly Subnet[] = [["fc00::", 7]];

/** What may be reached beside public addresses. */
export interface Allowed {
  readonly allowLoopback?: boolean;
  /** Private networks: neither loopback nor link-local addresses are in them. */
  readonly allowPrivate?: boolean;
}

/**
 * Makes the judge of addresses. An IPv4 address inside an IPv6 address is judged by itself if the
 * network translates it (NAT64), and refused in every other form.
 *
 * @returns whether an address, as the resolver or a URL without brackets writes it, is public
 */
export function publicAddress(
  net: Net,
  { allowLoopback = false, allowPrivate = false }: Allowed = {},
): (address: string) => boolean {
  // One list for each family: a `BlockList` finds an IPv4 address in IPv6 subnets such as `::/96`.
  const v4 = listOf(net, "ipv4", SPECIAL_V4);
  const loopbackV4 = listOf(net, "ipv4", [["127.0.0.0", 8]]);
  const privateV4 = listOf(net, "ipv4", allowPrivate ? PRIVATE_V4 : []);
  const privateV6 = listOf(net, "ipv6", allowPrivate ? PRIVATE_V6 : []);
  const globalV6 = listOf(net, "ipv6", GLOBAL_V6);
  const v6 = listOf(net, "ipv6", SPECIAL_V6);

  const isAllowedV4 = (address: string): boolean =>
    !v4.check(address, "ipv4") || privateV4.check(address, "ipv4");

  return (address) => {
    // The resolver writes an IPv4-mapped address with dots.
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
    if (net.isIPv4(plain))
      return (allowLoopback && loopbackV4.check(plain, "ipv4")) || isAllowedV4(plain);
    // A zone names an interface of this machine.
    if (!net.isIPv6(plain) || plain.includes("%")) return false;
    const canonical = new URL(`http://[${plain}]/`).hostname.slice(1, -1);
    if (canonical === "::1") return allowLoopback;
    const groups = groupsOf(canonical);
    if (isTranslated(groups)) return isAllowedV4(lastV4(groups));
    if (privateV6.check(canonical, "ipv6")) return !isIsatap(groups);
    return globalV6.check(canonical, "ipv6") && !v6.check(canonical, "ipv6") && !isIsatap(groups);
  };
}

/** The eight groups of a canonical IPv6 address. */
function groupsOf(canonical: string): readonly number[] {
  const [left, right] = canonical
    .split("::")
    .map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - left!.length - (right ?? []).length).fill("0");
  return [...left!, ...zeros, ...(right ?? [])].map((group) => Number.parseInt(group, 16));
}

/** In `64:ff9b::/96`, by which NAT64 reaches IPv4 (RFC 6052). Addresses of DNS64 are in it. */
const isTranslated = ([first, second, ...rest]: readonly number[]): boolean =>
  first === 0x64 && second === 0xff9b && rest.slice(0, 4).every((group) => group === 0);

/** With an interface identifier of ISATAP (RFC 5214 §6.1), which holds an IPv4 address. */
const isIsatap = (groups: readonly number[]): boolean =>
  (groups[4]! & ~0x0300) === 0 && groups[5] === 0x5efe;

const lastV4 = (groups: readonly number[]): string =>
  groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join(".");

function listOf(net: Net, family: Family, subnets: readonly Subnet[]): BlockList {
  const list = new net.BlockList();
  for (const [address, bits] of subnets) list.addSubnet(address, bits, family);
  return list;
}
