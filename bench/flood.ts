/**
 * What is left to others while agents and strangers flood: unpaid challenges, orders that hang, and
 * revocations, against a treasury as its program runs it and a shop with the limits it has by
 * default. The attacker's process has a lower priority, because its work would be done on
 * machines of its own; its counts show that the flood came. The paying clients and the Lightning
 * network are this process, so the invoices that the attacker gets cost the clients time.
 */
import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, constants, setPriority } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { Client, Credential, PaymentError } from "l8nt";
import { socketFetch } from "l8nt/node";
import { OwnerClient } from "l8nt/owner";
import { DevNetwork } from "l8nt/testing";
import { childEnv } from "../test/e2e/support/child-env.ts";
import { freePort } from "../test/e2e/support/free-port.ts";
import { atLeast, atMost, type Measured, median, plain } from "./figure.ts";
import type { Attack, Attacked } from "./flood-attacker.ts";

const ROUNDS = 5;
const SECONDS = 8;
const CALLERS = 8;
/** Of a round. */
const FREEZES = 4;
/** `ulimit -n` of the treasury. */
const DESCRIPTORS = 1024;
const FLOOD = { challengesPerSecond: 300, hangingOrders: 600, revocations: 1000 } as const;
const MAIN = resolve(import.meta.dirname, "../packages/sigil/src/main.ts");
const FOLDER = resolve(import.meta.dirname, "../node_modules");
const SOURCES = ["--conditions=l8nt-source", "--no-warnings"];
/** As docs/tutorials/sell-a-route.md has it. The treasury's program bounds its heap itself. */
const SHOP_OPTIONS = ["--max-semi-space-size=16", "--max-old-space-size=512"];
/** Of the times in /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Stage {
  readonly dir: string;
  readonly shop: string;
  readonly location: string;
  /** By agent. */
  readonly credentials: Readonly<Record<"honest" | "evil" | "spare", string>>;
  readonly processes: Readonly<Record<"shop" | "treasury" | "attacker", ChildProcess>>;
}

export async function flood(progress: (text: string) => void): Promise<Measured> {
  const folder = mkdtempSync(join(FOLDER, ".bench-"));
  const net = await DevNetwork.start({});
  const children: ChildProcess[] = [];
  try {
    return await measure(await open(folder, net, children), progress);
  } finally {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "close");
    }
    await net.stop();
    rmSync(folder, { recursive: true });
  }
}

/** @param children gets every process, also if a later one does not start */
async function open(folder: string, net: DevNetwork, children: ChildProcess[]): Promise<Stage> {
  const forked = async (file: string, args: readonly string[], options: readonly string[] = []) => {
    const execArgv = [...SOURCES, ...options];
    const child = fork(resolve(import.meta.dirname, file), args, { execArgv });
    children.push(child);
    const [message] = (await once(child, "message")) as [{ readonly url: string }];
    return { child, url: message.url };
  };
  const wallet = net.account("treasury", { balanceMsat: 10n ** 15n }).url;
  const { invoiceOnlyUrl } = net.account("shop", { balanceMsat: 0n });
  const shop = await forked("flood-shop.ts", [invoiceOnlyUrl], SHOP_OPTIONS);
  const attacker = await forked("flood-attacker.ts", []);
  setPriority(attacker.child.pid!, constants.priority.PRIORITY_BELOW_NORMAL);

  const dir = join(folder, "treasury");
  const location = `http://127.0.0.1:${await freePort()}`;
  const init = [
    ...["treasury", "init", "--dir", dir, "--location", location],
    ...[shop.url, attacker.url].flatMap((url) => ["--endpoint", `* ${url}/**`]),
    ...["--budget", "100000000 sat", "--expires-in", "1d"],
  ];
  execFileSync(process.execPath, [...SOURCES, MAIN, ...init], { env: childEnv({}) });
  const limited = `ulimit -n ${DESCRIPTORS} && exec "$@"`;
  const start = ["treasury", "start", "--dir", dir, "--allow-loopback", "--json"];
  const treasury = spawn(
    "/bin/sh",
    ["-c", limited, "sh", process.execPath, ...SOURCES, MAIN, ...start],
    { env: childEnv({ SIGIL_WALLET: wallet }), stdio: ["ignore", "pipe", "ignore"] },
  );
  children.push(treasury);
  for await (const line of createInterface({ input: treasury.stdout })) if (line === "}") break;

  const root = Credential.parse(readFileSync(join(dir, "agent.credential"), "utf8").trim());
  const credentialOf = (agent: string) => root.delegate({ agent }).toString();
  return {
    dir,
    shop: shop.url,
    location,
    credentials: {
      honest: credentialOf("honest"),
      evil: credentialOf("evil"),
      spare: credentialOf("spare"),
    },
    processes: { shop: shop.child, treasury, attacker: attacker.child },
  };
}

async function measure(stage: Stage, progress: (text: string) => void): Promise<Measured> {
  const { dir, shop, location, credentials, processes } = stage;
  const owner = new OwnerClient({
    credential: readFileSync(join(dir, "owner.credential"), "utf8").trim(),
    fetch: socketFetch(join(dir, "owner.sock")),
  });
  const nodes = await new Client({ credential: credentials.spare }).standing();
  const spare = nodes.at(-1)!.id;
  const client = new Client({ credential: credentials.honest });
  let [asked, bought, failed] = [0, 0, 0];
  /** A connection that was kept may end under a request, on a machine that has much else to do. */
  const lost = (error: unknown): undefined => {
    const isLost = error instanceof PaymentError && error.code === "ERR_PAID_NOT_DELIVERED";
    if (!isLost) throw error;
    failed++;
  };
  const cpuOf = (name: keyof Stage["processes"]) => cpuSeconds(processes[name]);
  /** Buys for so many seconds. */
  const throughput = async (seconds: number): Promise<Bought> => {
    const [since, before, failedBefore] = [performance.now(), bought, failed];
    const [servers, attacker] = [cpuOf("treasury") + cpuOf("shop"), cpuOf("attacker")];
    const buyer = async () => {
      while (performance.now() < since + seconds * 1000) {
        const response = await client.get(`${shop}/item/${asked++}`).catch(lost);
        const text = await response?.text();
        if (text === "served") bought++;
        else if (response !== undefined)
          throw new Error(`the shop answered ${response.status}: ${text}`);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, buyer));
    const elapsed = (performance.now() - since) / 1000;
    return {
      perSecond: (bought - before) / elapsed,
      failed: failed - failedBefore,
      servers: (cpuOf("treasury") + cpuOf("shop") - servers) / elapsed,
      attacker: (cpuOf("attacker") - attacker) / elapsed,
    };
  };
  /** How long each freeze of a node took, in seconds. */
  const freezes = async (): Promise<readonly number[]> => {
    const times: number[] = [];
    for (let at = 0; at < FREEZES; at++) {
      await pause(1000);
      const since = performance.now();
      await owner.freeze(spare, "a flood");
      times.push((performance.now() - since) / 1000);
      await owner.thaw(spare);
    }
    return times;
  };

  await throughput(SECONDS);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const quiet = await throughput(SECONDS);
    const plan: Attack = {
      ...{ shop, treasury: location, credential: credentials.evil },
      ...{ seconds: SECONDS + 2, ...FLOOD },
    };
    processes.attacker.send(plan);
    const ended = once(processes.attacker, "message") as Promise<[{ attacked: Attacked }]>;
    await pause(1000);
    const [busy, times] = await Promise.all([throughput(SECONDS), freezes()]);
    const [{ attacked }] = await ended;
    rounds.push({ quiet, busy, freeze: Math.max(...times), attacked });
    const [alone, flooded] = [quiet, busy].map(({ perSecond }) => perSecond.toFixed(0));
    progress(`flood: ${alone} purchases/s alone, ${flooded}/s in the flood`);
  }
  const alone = `without it; ${CALLERS} callers, median of ${ROUNDS} rounds of ${SECONDS} s in turn`;
  return {
    figures: [
      atLeast(
        "purchases of paying clients in a flood",
        median(rounds.map(shareOf)),
        "%",
        70,
        alone,
      ),
      plain(
        "the same, of the CPU time that the attacker's own process left",
        median(rounds.map((round) => shareOf(round) / (1 - attackersPart(round)))),
        "%",
        alone,
      ),
      plain(
        "CPU time of treasury and shop for the flood",
        median(rounds.map(floodCost)),
        "%",
        "of a core; what they took for each purchase alone is left out",
      ),
      atMost(
        "the owner's freeze in a flood",
        Math.max(...rounds.map(({ freeze }) => freeze)),
        "s",
        1,
        `the longest of ${ROUNDS * FREEZES}`,
      ),
      ...(["treasury", "shop"] as const).map((name) =>
        atMost(
          `RSS of the ${name}${name === "shop" ? `, with ${SHOP_OPTIONS.join(" ")}` : ""}`,
          peakBytes(processes[name]),
          "bytes",
          300e6,
          "its highest",
        ),
      ),
    ],
    details: { flood: rounds },
  };
}

/** What paying clients had for a while, and seconds of CPU time for each second of it. */
interface Bought {
  /** Purchases. */
  readonly perSecond: number;
  /** Orders whose answer was lost; none on a quiet machine. */
  readonly failed: number;
  /** Of treasury and shop. */
  readonly servers: number;
  readonly attacker: number;
}

interface Round {
  readonly quiet: Bought;
  readonly busy: Bought;
  /** The longest, in seconds. */
  readonly freeze: number;
  readonly attacked: Attacked;
}

const shareOf = ({ quiet, busy }: Round): number => (100 * busy.perSecond) / quiet.perSecond;

/** The attacker's part of all CPU time, which it would take from machines of its own. */
const attackersPart = ({ busy }: Round): number => busy.attacker / availableParallelism();

const floodCost = ({ quiet, busy }: Round): number =>
  100 * (busy.servers - (busy.perSecond * quiet.servers) / quiet.perSecond);

/** User and system time of a process. */
function cpuSeconds({ pid }: ChildProcess): number {
  // Its second field is a name in brackets, which may have blanks in it.
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const [user, system] = fields.split(" ").slice(11, 13).map(Number);
  return (user! + system!) / TICKS_PER_SECOND;
}

function peakBytes({ pid }: ChildProcess): number {
  const [, kibibytes] =
    /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}
