/**
 * Network namespaces, named by the process that made them. A pair of interfaces has both ends
 * inside from the start, so there is never a link to the machine that runs the tests.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BELIEVES,
  HOST_NAMES,
  HOSTS,
  type HostName,
  NAT64_POOL,
  RESOLVER,
  ROUTER,
  TRAPPED,
} from "./plan.ts";

const PREFIX = "sigil-net-";
/** Files in here replace those of /etc for programs that `ip netns exec` starts. */
const ETC = "/etc/netns";
const NET = "net";

/** The name of the namespace of a host, in the run of a process. */
export const namespaceOf = (host: string, run = process.pid): string => `${PREFIX}${run}-${host}`;

/** Runs commands of `ip`, in a namespace if one is given. @throws Error with its message */
function ip(commands: readonly string[], namespace?: string): void {
  const where = namespace === undefined ? [] : ["-n", namespace];
  const { status, stderr } = spawnSync("ip", [...where, "-batch", "-"], {
    input: `${commands.join("\n")}\n`,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`ip in ${namespace ?? "the machine"}: ${stderr}`);
}

/** Makes a namespace with all that the small internet needs. @throws Error with what fails */
export function tryNamespace(): void {
  const trial = namespaceOf("trial");
  try {
    ip([
      `netns add ${trial}`,
      `link add one netns ${trial} type veth peer name other netns ${trial}`,
    ]);
    ip(
      [
        "link add lan type bridge",
        "link set one master lan up",
        `address add ${ROUTER.v4}/${ROUTER.bits4} dev lan`,
        `address add ${ROUTER.v6}/${ROUTER.bits6} dev lan nodad`,
      ],
      trial,
    );
  } finally {
    sweep(process.pid);
  }
}

/** What `ip -j` prints. */
export const ipJson = (...args: readonly string[]): readonly Record<string, unknown>[] => {
  const text = execFileSync("ip", ["-j", ...args], { encoding: "utf8" }).trim();
  return text === "" ? [] : JSON.parse(text);
};

const sysctl = (namespace: string, ...settings: readonly string[]): void => {
  execFileSync("ip", ["netns", "exec", namespace, "sh", "-c", settings.map(written).join(";")]);
};
const written = (setting: string): string => {
  const [name, value] = setting.split("=");
  return `echo ${value} > /proc/sys/net/${name}`;
};

/** Makes every namespace, with its interfaces, routes and resolver. */
export function makeNamespaces(): void {
  ip([NET, ...HOST_NAMES].map((host) => `netns add ${namespaceOf(host)}`));
  makeRouter();
  for (const host of HOST_NAMES) makeHost(host);
  ip(
    [
      ...TRAPPED.v4.map((address) => `address add ${address}/32 dev lo`),
      ...TRAPPED.v6.map((address) => `address add ${address}/128 dev lo nodad`),
    ],
    namespaceOf("trap"),
  );
  const { shop, shop4, shop6 } = HOSTS;
  ip(
    [shop, shop4, shop6].flatMap(({ v4, v6 }) =>
      [...v4, ...v6].map((address) => `route add unreachable ${address}`),
    ),
    namespaceOf("enclosed"),
  );
}

function makeRouter(): void {
  const net = namespaceOf(NET);
  const [nat64, trap] = [HOSTS.nat64, HOSTS.trap];
  ip(
    [
      "link set lo up",
      "link add lan type bridge",
      ...HOST_NAMES.flatMap((host) => [
        `link add to-${host} type veth peer name eth0 netns ${namespaceOf(host)}`,
        `link set to-${host} master lan up`,
      ]),
      `address add ${ROUTER.v4}/${ROUTER.bits4} dev lan`,
      `address add ${ROUTER.v6}/${ROUTER.bits6} dev lan nodad`,
      "link set lan up",
      `route add ${NAT64_POOL.subnet} via ${nat64.v4[0]}`,
      `route add 64:ff9b::/96 via ${nat64.v6[0]}`,
      // What a translator of the well-known prefix may not translate (RFC 6052 §3.1) goes to the
      // trap, which is what a translator that does it all the same would reach.
      ...TRAPPED.v6
        .filter((address) => address.startsWith("64:ff9b::"))
        .map((address) => `route add ${address} via ${trap.v6[0]}`),
      `route add default via ${trap.v4[0]}`,
      `route add ::/0 via ${trap.v6[0]}`,
    ],
    net,
  );
  sysctl(net, "ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1", "ipv4/conf/all/send_redirects=0");
  sysctl(net, "ipv4/conf/lan/send_redirects=0");
}

function makeHost(host: HostName): void {
  const namespace = namespaceOf(host);
  const { v4, v6 } = HOSTS[host];
  const etc = join(ETC, namespace);
  mkdirSync(etc, { recursive: true });
  const plain = v4.length > 0 ? RESOLVER.plain : RESOLVER.plain6;
  const resolver = host === "treasury6" ? RESOLVER.dns64 : plain;
  writeFileSync(join(etc, "resolv.conf"), `nameserver ${resolver}\n`);
  writeFileSync(join(etc, "nsswitch.conf"), "hosts: files dns\n");
  writeFileSync(join(etc, "hosts"), `127.0.0.1 localhost\n::1 localhost\n${BELIEVES[host] ?? ""}`);
  ip(
    [
      "link set lo up",
      "link set eth0 up",
      ...v4.map((address) => `address add ${address}/${ROUTER.bits4} dev eth0`),
      ...v6.map((address) => `address add ${address}/${ROUTER.bits6} dev eth0 nodad`),
      ...(v4.length > 0 ? [`route add default via ${ROUTER.v4}`] : []),
      ...(v6.length > 0 ? [`route add ::/0 via ${ROUTER.v6}`] : []),
    ],
    namespace,
  );
}

/** Removes namespaces with what runs in them: of this process, and of processes that ended. */
export function sweep(run?: number): void {
  for (const { name } of ipJson("netns", "list") as readonly { name: string }[]) {
    const maker = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (Number.isNaN(maker) || (maker === run ? false : isAlive(maker))) continue;
    remove(name);
  }
  if (existsSync(ETC) && readdirSync(ETC).length === 0) rmdirSync(ETC);
}

function remove(namespace: string): void {
  const { stdout } = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
  for (const pid of stdout.split("\n").filter((line) => line !== ""))
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  spawnSync("ip", ["netns", "delete", namespace], { stdio: "ignore" });
  rmSync(join(ETC, namespace), { recursive: true, force: true });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
