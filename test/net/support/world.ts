/** Starts everything on the small internet, and ends it. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificates } from "./authority.ts";
import { type Tool, tool } from "./debian.ts";
import { ipJson, isAlive, makeNamespaces, sweep } from "./namespaces.ts";
import {
  AGAIN,
  CUT,
  NAT64_POOL,
  PROXIES,
  type ProxyName,
  REBOUND,
  TREASURIES,
  TREASURY_NAMES,
  type TreasuryName,
} from "./plan.ts";
import { ended, Inside, type Place } from "./processes.ts";
import { serviceProxy, treasuryProxy } from "./proxies.ts";

const CACHE = join(import.meta.dirname, "../../../.cache/net");
const TREASURY_PORT = 8409;
const LIGHTNING_PORT = "9735";
/** Ports of the services, at which a hole in a guard would be answered. */
const TRAP_PORTS = [
  "80",
  "443",
  "3128",
  "8443",
  ...Object.values(REBOUND).map(({ port }) => String(port)),
];

/** What the tests of a run are given. */
export interface World {
  readonly place: Place;
  /** Credentials, by treasury. */
  readonly credentials: Readonly<
    Record<TreasuryName, { readonly agent: string; readonly owner: string }>
  >;
  /** The log of every connection to an address that must not be reached. */
  readonly trapLog: string;
  /** The log of every answer that was broken off. */
  readonly cutLog: string;
  /** The log of what was asked of the egress proxy. */
  readonly egressLog: string;
  /** Why a program of Debian is not there. */
  readonly missing: Readonly<Partial<Record<Tool, string>>>;
  /** The interfaces and routes of this machine before and after the namespaces were made. */
  readonly machine: { readonly before: string; readonly after: string };
}

interface Account {
  readonly name: string;
  readonly pays: string;
  readonly makesInvoicesOnly: string;
}

/** What would change if anything could leave through this machine. */
function machine(): string {
  const links = ipJson("link").map(({ ifname, link_netnsid }) => [ifname, link_netnsid]);
  const routes = ["-4", "-6"].flatMap((family) =>
    ipJson(family, "route", "show", "table", "main").map(({ dst, gateway, dev }) => [
      dst,
      gateway,
      dev,
    ]),
  );
  const forwarding = ["ipv4/ip_forward", "ipv6/conf/all/forwarding"].map((name) =>
    readFileSync(`/proc/sys/net/${name}`, "utf8").trim(),
  );
  return JSON.stringify({ links, routes, forwarding });
}

export async function openWorld(): Promise<{ world: World; close: () => Promise<void> }> {
  const folder = join(CACHE, `run-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(CACHE)) {
    const run = /^run-(\d+)$/.exec(name)?.[1];
    if (run !== undefined && !isAlive(Number(run))) rmSync(join(CACHE, name), { recursive: true });
  }
  chmodSync(folder, 0o700);
  const before = machine();
  // The canary reads what is there, and a run that failed keeps it.
  const logs = process.env.SIGIL_TEST_OUTPUT ?? folder;
  const place: Place = { run: process.pid, folder, logs, ...makeCertificates(folder) };
  const inside = new Inside(place);
  const close = async (): Promise<void> => {
    await inside.close();
    sweep(process.pid);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    makeNamespaces();
    const after = machine();
    const world = await start(inside, place);
    return { world: { ...world, place, machine: { before, after } }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(inside: Inside, place: Place) {
  const tools = { nginx: tool("nginx"), caddy: tool("caddy"), tayga: tool("tayga") };
  const trapLog = join(place.folder, "trap.txt");
  const [{ wallet, invoicer }, noTunnel] = await Promise.all([
    startLightning(inside),
    "path" in tools.tayga ? startTranslator(inside, place, tools.tayga.path) : undefined,
    inside.serve("dns", "dns"),
    inside.serve("trap", "trap", [trapLog, ...TRAP_PORTS]),
  ]);
  const missing: Partial<Record<Tool, string>> = {};
  for (const [name, found] of Object.entries(tools))
    if ("missing" in found) missing[name as Tool] = found.missing;
  if (noTunnel !== undefined) missing.tayga = noTunnel;

  const env = { INVOICER: invoicer, SECRET: randomBytes(32).toString("hex") };
  const [credentials] = await Promise.all([
    Promise.all(
      TREASURY_NAMES.map(async (name) => {
        const { front } = TREASURIES[name];
        const binary = front === undefined ? undefined : pathOf(tools, front);
        return [name, await startTreasury(inside, place, name, wallet(name), binary)] as const;
      }),
    ),
    ...(["shop", "shop4", "shop6"] as const).map((host) =>
      inside.serve(host, "service", [host], env),
    ),
    ...(["treasury", "treasury6"] as const).map((host) =>
      inside.serve(host, "trap", [trapLog, "80", "8443"]),
    ),
    inside.serve("shop", "trap", [trapLog, "8444"], {
      CERT: place.strange.cert,
      KEY: place.strange.key,
    }),
  ]);
  const cut = [...Object.values(CUT), ...Object.values(AGAIN)].map(({ port }) => String(port));
  const egressLog = join(place.folder, "egress.txt");
  await inside.serve("egress", "egress", [egressLog, "3128"]);
  const cutLog = join(place.folder, "cut.txt");
  await inside.serve("proxy", "cutting", [cutLog, "dual.example", ...cut]);
  await inside.serve("dns", "cutting", [cutLog, "treasury.example", "443"]);
  await Promise.all(
    PROXIES.map((proxy) => {
      const binary = pathOf(tools, proxy);
      if (binary === undefined) return undefined;
      const { command, ports } = serviceProxy(proxy, binary, place);
      return inside.listens("proxy", command, ports);
    }),
  );
  return {
    credentials: Object.fromEntries(credentials) as World["credentials"],
    trapLog,
    cutLog,
    egressLog,
    missing,
  };
}

function pathOf(
  tools: Readonly<Record<string, { readonly path: string } | { readonly missing: string }>>,
  name: ProxyName,
): string | undefined {
  const found = tools[name]!;
  return "path" in found ? found.path : undefined;
}

/** The Lightning network of play money, and a front with TLS, by which other hosts reach it. */
async function startLightning(inside: Inside) {
  const { ready } = await inside.daemon<{ accounts: readonly Account[] }>("lightning", [
    "network",
    "--port",
    LIGHTNING_PORT,
    ...TREASURY_NAMES.flatMap((name) => ["--account", `${name}=100000 sat`]),
    ...["--account", "shop=0 sat"],
  ]);
  await inside.serve("lightning", "front", ["443", LIGHTNING_PORT]);
  const account = (name: string): Account => ready.accounts.find((one) => one.name === name)!;
  return {
    wallet: (name: string) => account(name).pays,
    invoicer: account("shop").makesInvoicesOnly.replace(
      `dev+http://127.0.0.1:${LIGHTNING_PORT}`,
      "dev+https://lightning.example",
    ),
  };
}

/**
 * Starts Tayga between a tunnel and the wire (RFC 6145, RFC 6052). Returns why there is no tunnel.
 */
async function startTranslator(
  inside: Inside,
  place: Place,
  binary: string,
): Promise<string | undefined> {
  const file = join(place.folder, "tayga.conf");
  writeFileSync(
    file,
    `tun-device nat64
ipv4-addr ${NAT64_POOL.own}
prefix 64:ff9b::/96
dynamic-pool ${NAT64_POOL.subnet}
data-dir ${place.folder}
`,
  );
  const command = [binary, "-c", file];
  const { code, stderr } = await ended(inside.spawn("nat64", [...command, "--mktun"]));
  if (code !== 0) return `tayga: no tunnel can be made: ${stderr.trim().replace(/\s+/g, " ")}`;
  const commands = [
    "ip link set nat64 up",
    `ip route add ${NAT64_POOL.subnet} dev nat64`,
    "ip -6 route add 64:ff9b::/96 dev nat64",
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
    `exec ${command.join(" ")} --nodetach`,
  ];
  await inside.listens("nat64", ["sh", "-ec", commands.join("\n")], []);
  return undefined;
}

const ANYTHING = ["* https://*:*/**", "* http://*:*/**"];

async function startTreasury(
  inside: Inside,
  place: Place,
  host: TreasuryName,
  wallet: string,
  binary: string | undefined,
) {
  await inside.serve(host, "tunnel", [LIGHTNING_PORT, "lightning.example"]);
  const folder = join(place.folder, host);
  const location = `https://${host}.example`;
  const { front: proxy, flags } = TREASURIES[host];
  const made = await inside.sigil(host, [
    ...["treasury", "init", "--dir", folder, "--location", location],
    ...ANYTHING.flatMap((endpoint) => ["--endpoint", endpoint]),
    ...["--budget", "50000 sat", "--max-price", "100 sat", "--expires-in", "1h"],
  ]);
  if (made.code !== 0) throw new Error(`sigil treasury init: ${made.stderr}`);
  await inside.daemon(
    host,
    ["treasury", "start", "--dir", folder, "--port", String(TREASURY_PORT), ...flags],
    { SIGIL_WALLET: wallet },
  );
  if (proxy === undefined || binary === undefined)
    await inside.serve(host, "front", ["443", String(TREASURY_PORT)]);
  else {
    const { command, ports } = treasuryProxy(proxy, binary, place, { host, port: TREASURY_PORT });
    await inside.listens(host, command, ports);
  }
  const read = (name: string): string => readFileSync(join(folder, name), "utf8").trim();
  return { agent: read("agent.credential"), owner: read("owner.credential") };
}
