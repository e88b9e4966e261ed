/**
 * The small internet as data: hosts, addresses, names, and the services that are sold on it. Its
 * addresses are public by the special-purpose registries of IANA, and exist only in the namespaces:
 * 2d00::/8 was never given to anybody.
 */

export const HOSTS = {
  dns: { v4: ["11.22.0.2", "11.22.0.3"], v6: ["2d00:16::2", "2d00:16::3"] },
  lightning: { v4: ["11.22.0.4"], v6: ["2d00:16::4"] },
  treasury: { v4: ["11.22.0.5"], v6: ["2d00:16::5"] },
  /** Has no IPv6 address. */
  treasury4: { v4: ["11.22.0.20"], v6: [] },
  /** Reaches no service but through the egress proxy. */
  enclosed: { v4: ["11.22.0.21"], v6: ["2d00:16::15"] },
  /** Has no IPv4 address, and a resolver with DNS64. */
  treasury6: { v4: [], v6: ["2d00:16::6"] },
  agents: { v4: ["11.22.0.7"], v6: ["2d00:16::7"] },
  /** An agent whose way to the treasury leads through a proxy that breaks off answers. */
  remote: { v4: ["11.22.0.19"], v6: ["2d00:16::13"] },
  /** Far from the agents, so that no limit counts it with them. */
  owner: { v4: ["11.22.9.8"], v6: ["2d00:16:9::8"] },
  shop: { v4: ["11.22.0.10"], v6: ["2d00:16::a"] },
  shop4: { v4: ["11.22.0.11"], v6: [] },
  shop6: { v4: [], v6: ["2d00:16::c"] },
  proxy: { v4: ["11.22.0.13", "11.22.0.18"], v6: ["2d00:16::d", "2d00:16::12"] },
  egress: { v4: ["11.22.0.22"], v6: ["2d00:16::16"] },
  nat64: { v4: ["11.22.0.14"], v6: ["2d00:16::e"] },
  /** Answers at every address that must not be reached. */
  trap: { v4: ["11.22.0.15"], v6: ["2d00:16::f"] },
} as const satisfies Readonly<
  Record<string, { readonly v4: readonly string[]; readonly v6: readonly string[] }>
>;
/** Hosts with a treasury: the proxy before its API, and how it is started. */
export const TREASURIES = {
  treasury: { front: "nginx", flags: [] },
  treasury4: { front: undefined, flags: [] },
  treasury6: { front: "caddy", flags: [] },
  enclosed: { front: undefined, flags: ["--egress-proxy", "http://egress.example:3128"] },
} as const;
export type TreasuryName = keyof typeof TREASURIES;
export const TREASURY_NAMES = Object.keys(TREASURIES) as readonly TreasuryName[];
export type HostName = keyof typeof HOSTS;
export const HOST_NAMES = Object.keys(HOSTS) as readonly HostName[];

/** The router, which every host has as its gateway. */
export const ROUTER = { v4: "11.22.0.1", v6: "2d00:16::1", bits4: 16, bits6: 32 } as const;
export const RESOLVER = { plain: HOSTS.dns.v4[0], plain6: HOSTS.dns.v6[0], dns64: HOSTS.dns.v6[1] };
/** What a host believes before it asks the resolver. */
export const BELIEVES: Readonly<Partial<Record<HostName, string>>> = {
  remote: `${HOSTS.dns.v4[0]} treasury.example\n`,
};
/** The addresses that NAT64 gives to the IPv6 hosts that it translates. */
export const NAT64_POOL = { subnet: "11.23.0.0/24", own: "11.23.0.1" } as const;
/** On the same link, and nobody has it. */
const NOBODY = { v4: "11.22.0.250", v6: "2d00:16::fa" } as const;
/** A host that listens on no port of the services: it refuses a connection. */
const REFUSING = HOSTS.nat64.v4[0];

/** Addresses that the trap has and a treasury must not reach. [case 78] */
export const TRAPPED = {
  v4: [
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
  ],
  v6: [
    // Unique local, and the former site-local.
    "fc00::1",
    "fd00::1",
    "fec0::1",
    // IPv4-compatible.
    "::a00:1",
    // NAT64 of 0.0.0.0, 10.0.0.1, 127.0.0.1 and 169.254.169.254, and the prefix for local use.
    "64:ff9b::",
    "64:ff9b::a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    // Teredo, documentation, 6to4 of 10.0.0.1, ISATAP of 10.0.0.1, segment routing.
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "2d00:17::5efe:a00:1",
    "3fff::1",
    "5f00::1",
  ],
} as const;

/** One service: a paywall of its own at a URL of its own. */
export interface Site {
  readonly host: "shop" | "shop4" | "shop6";
  readonly framework: "node" | "express" | "hono";
  /** What its paywall has for `location`. */
  readonly location: string;
  readonly port: number;
  /** Unpaid challenges in a minute to one client. @default 10,000 */
  readonly perClient?: number;
  /** Closes each connection after one answer. */
  readonly closes?: true;
}

const at = (name: string): string => `${name}.example`;
const site = (
  host: Site["host"],
  framework: Site["framework"],
  authority: string,
  port = 443,
): Site => ({
  host,
  framework,
  location: `https://${authority}${port === 443 ? "" : `:${port}`}`,
  port,
});

/** What a treasury must be able to buy from. */
export const SITES = {
  "a dual-stack name": site("shop", "node", at("dual")),
  "an alias of a name": site("shop", "hono", at("alias"), 8001),
  "an IPv4-only name": site("shop4", "express", at("four")),
  "an IPv6-only name": site("shop6", "hono", at("six")),
  "a literal IPv4 address": site("shop4", "hono", "11.22.0.11", 8001),
  "a literal IPv6 address": site("shop6", "node", "[2d00:16::c]", 8001),
  "an IPv4 address of a dual-stack host": site("shop", "express", "11.22.0.10", 8002),
  "an IPv6 address of a dual-stack host": site("shop", "express", "[2d00:16::a]", 8003),
  "the NAT64 address of a public one": site("shop4", "node", "[64:ff9b::b16:b]", 8004),
  "several addresses, none answers but the last": site("shop", "node", at("last"), 8005),
  "several addresses, none answers but the first": site("shop", "node", at("first"), 8006),
  "an IPv6 address that does not answer, and IPv4": site("shop", "node", at("broken6"), 8007),
  "an address that refuses, and one that answers": site("shop", "node", at("refusing"), 8008),
} as const satisfies Readonly<Record<string, Site>>;

/** Services whose names lead to a private address from the second look-up on. */
export const REBOUND = {
  handed: { ...site("shop", "node", at("rebound"), 8009), closes: true },
  relayed: { ...site("shop", "node", at("rebound-relayed"), 8010), closes: true },
  recalled: { ...site("shop", "express", at("rebound-recalled"), 8011), closes: true },
} as const satisfies Readonly<Record<string, Site>>;

/** Services behind a proxy that breaks off the first answer to a credential. */
export const CUT = {
  handed: site("shop", "node", at("cut"), 9200),
  relayed: site("shop", "express", at("cut"), 9201),
} as const satisfies Readonly<Record<string, Site>>;

const behindNginx = (name: string, port: number, framework: Site["framework"]): Site => ({
  host: "shop",
  framework,
  location: `https://${at(name)}`,
  port,
});
/** Services behind that proxy and nginx, which sends a request again that broke off. */
export const AGAIN = {
  handed: behindNginx("again", 9202, "node"),
  relayed: behindNginx("again-relayed", 9203, "express"),
} as const satisfies Readonly<Record<string, Site>>;
/** A service behind nginx as a shared cache. */
export const CACHED = behindNginx("cached", 9204, "express");

/** The services behind reverse proxies, by the port of the shop. */
export const PROXIES = ["nginx", "caddy"] as const;
export type ProxyName = (typeof PROXIES)[number];
export const proxied = (proxy: ProxyName) => {
  const port = proxy === "nginx" ? 9000 : 9100;
  const behind = (more: number, framework: Site["framework"], path = ""): Site => ({
    host: "shop",
    framework,
    location: `https://${at(proxy)}${path}`,
    port: port + more,
  });
  const limited = (more: number, framework: Site["framework"]): Site => ({
    ...behind(more, framework),
    location: `https://${at(`${proxy}-${framework}`)}`,
    perClient: 2,
  });
  return {
    /** The whole origin. */
    root: behind(0, "express"),
    /** The proxy removes /api. */
    prefix: behind(1, "node", "/api"),
    /** These give two challenges in a minute to each client. */
    express: limited(2, "express"),
    hono: limited(3, "hono"),
  } as const satisfies Readonly<Record<string, Site>>;
};

export const ALL_SITES: readonly Site[] = [
  ...Object.values(SITES),
  ...Object.values(REBOUND),
  ...Object.values(CUT),
  ...Object.values(AGAIN),
  CACHED,
  ...PROXIES.flatMap((proxy) => Object.values(proxied(proxy))),
];

/** One name of the DNS. */
export interface Entry {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly CNAME?: string;
  /** From the second answer on, these addresses. */
  readonly later?: { readonly A?: readonly string[]; readonly AAAA?: readonly string[] };
}

const whole = (host: HostName): Entry => ({ A: HOSTS[host].v4, AAAA: HOSTS[host].v6 });
const SHOP = HOSTS.shop;

/** Names that lead to an address that is not public. */
export const REFUSED_NAMES: Readonly<Record<string, Entry>> = {
  [at("loop")]: { A: ["127.0.0.1"] },
  [at("loop6")]: { AAAA: ["::1"] },
  [at("loop-translated")]: { AAAA: ["64:ff9b::7f00:1"] },
  // Linux connects them to the machine itself.
  [at("loop-zero")]: { A: ["0.0.0.0"] },
  [at("loop-zero6")]: { AAAA: ["::"] },
  [at("private")]: { A: ["10.0.0.1"] },
  [at("metadata")]: { A: ["169.254.169.254"] },
  [at("unique-local")]: { AAAA: ["fd00::1"] },
  [at("mapped")]: { AAAA: ["::ffff:10.0.0.1"] },
  [at("translated")]: { AAAA: ["64:ff9b::a00:1"] },
  [at("private-alias")]: { CNAME: at("private") },
  [at("mixed")]: { A: [SHOP.v4[0], "10.0.0.1"] },
  [at("mixed-reversed")]: { A: ["10.0.0.1", SHOP.v4[0]] },
  [at("mixed-families")]: { A: [SHOP.v4[0]], AAAA: ["fd00::1"] },
  [at("mixed-families-reversed")]: { A: ["10.0.0.1"], AAAA: [SHOP.v6[0]] },
};

const CERTIFIED_ZONE: Readonly<Record<string, Entry>> = {
  ...REFUSED_NAMES,
  [at("lightning")]: whole("lightning"),
  [at("treasury")]: whole("treasury"),
  [at("treasury4")]: whole("treasury4"),
  [at("enclosed")]: whole("enclosed"),
  [at("egress")]: whole("egress"),
  [at("treasury6")]: whole("treasury6"),
  [at("dual")]: whole("shop"),
  [at("alias")]: { CNAME: at("dual") },
  [at("four")]: whole("shop4"),
  [at("six")]: whole("shop6"),
  [at("last")]: { A: [NOBODY.v4, SHOP.v4[0]] },
  [at("first")]: { A: [SHOP.v4[0], NOBODY.v4] },
  [at("broken6")]: { A: [SHOP.v4[0]], AAAA: [NOBODY.v6] },
  [at("refusing")]: { A: [REFUSING, SHOP.v4[0]] },
  [at("rebound")]: { A: [SHOP.v4[0]], later: { A: ["10.0.0.1"] } },
  [at("rebound-relayed")]: { A: [SHOP.v4[0]], later: { A: ["10.0.0.1"] } },
  [at("rebound-recalled")]: { A: [SHOP.v4[0]], later: { A: ["10.0.0.1"] } },
  [at("rebound-issuer")]: { A: [SHOP.v4[0]], later: { A: ["10.0.0.1"] } },
  [at("cut")]: whole("proxy"),
  ...Object.fromEntries(
    ["again", "again-relayed", "cached"].map((name) => [
      at(name),
      { A: [HOSTS.proxy.v4[0]], AAAA: [HOSTS.proxy.v6[0]] },
    ]),
  ),
  ...Object.fromEntries(
    PROXIES.flatMap((proxy, index) => [
      [at(proxy), { A: [HOSTS.proxy.v4[index]!], AAAA: [HOSTS.proxy.v6[index]!] }],
      [at(`${proxy}-express`), { A: [HOSTS.proxy.v4[index]!] }],
      [at(`${proxy}-hono`), { A: [HOSTS.proxy.v4[index]!] }],
    ]),
  ),
};

/** Names that lead to a service, and that its certificate is not for. */
const UNCERTIFIED: Readonly<Record<string, Entry>> = { [at("wrong-name")]: whole("shop") };

export const ZONE: Readonly<Record<string, Entry>> = { ...CERTIFIED_ZONE, ...UNCERTIFIED };

/** Every name and address that the certificate of the hosts is for. */
export const CERTIFIED = {
  names: [...Object.keys(CERTIFIED_ZONE), "localhost"],
  addresses: [
    ...Object.values(HOSTS).flatMap(({ v4, v6 }) => [...v4, ...v6]),
    ...TRAPPED.v4,
    ...TRAPPED.v6,
    "64:ff9b::b16:b",
    "127.0.0.1",
    "::1",
    "0.0.0.0",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
  ],
} as const;
