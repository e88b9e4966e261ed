/**
 * A treasury that is killed repeatedly, with a Lightning network, a shop and agents that survive
 * it. Everything that was acknowledged must still hold, and the treasury's records must agree with
 * the network's.
 */
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type Credential } from "l8nt";
import { Authority } from "l8nt/l402";
import { paid, wellKnown } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { DevNetwork } from "l8nt/testing";
import { auditLedger } from "l8nt/treasury";
import { devWallet } from "l8nt/wallets/dev";
import { freePort } from "../e2e/support/free-port.ts";
import type { Orders } from "./victim.ts";

const secretOf = (who: string): string =>
  createHash("sha512").update(`the secret of ${who}`).digest("hex");

const METHODS = {
  store: [
    ...["begin", "settle", "mark", "take", "reserve", "commit", "release", "meet", "addDirective"],
    ...["purchases", "openPayments", "unreceipted", "appendReceipts", "abandoned"],
  ],
  wallet: ["pay", "find"],
  web: ["fetch"],
} as const;

/** Every named point: before and after each effect. */
export const POINTS: readonly string[] = Object.entries(METHODS).flatMap(([port, methods]) =>
  methods.flatMap((method) => [`${port}.${method} before`, `${port}.${method} after`]),
);

export interface Kill {
  /** Undefined for a random time. */
  readonly point?: string | undefined;
  /** The pass of the point that kills, or the time in tens of milliseconds. */
  readonly nth: number;
}

/** How long to wait for a point before the process is killed anyway. */
const PATIENCE_MS = 1500;

export interface World {
  /** Runs the treasury until it dies, while agents buy. @throws Error for books that are wrong */
  live(kill: Kill): Promise<void>;
  /** Waits until nothing is under way, compares the records, and returns the faults. */
  compare(): Promise<readonly string[]>;
  /** Counts of the run. */
  summary(): { readonly purchases: number; readonly payments: number; readonly starts: number };
  end(): Promise<void>;
}

export async function openWorld(victim: string): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "sigil-crash-"));
  const net = await DevNetwork.start({});
  const wallet = net.account("treasury", { balanceMsat: 10_000_000_000n }).url;
  const served = new Map<string, number>();
  const shop = await openShop(net, served);
  const location = `http://127.0.0.1:${await freePort()}`;
  const secret = secretOf("the treasury");
  const database = join(folder, "treasury.db");
  const authority = new Authority({ secret: secret.slice(0, 64), location, kind: "spending" });
  const root = authority.minter.mint({
    endpoints: [`* ${shop.url}/**`],
    budget: "10000000 sat",
    expiresIn: "7d",
  });
  const agents = [0, 1, 2, 3].map((at) =>
    // Every other one has uses to count: for it, the treasury makes the request itself.
    root.delegate({ agent: `agent-${at}`, ...(at % 2 === 1 && { maxUses: 1_000_000 }) }),
  );
  /** What each agent is after: it does not give up before it has it. */
  const wanted = agents.map(() => "");
  const delivered = new Set<string>();
  const revoked: { readonly credential: Credential; readonly path: string }[] = [];
  let serial = 0;
  let starts = 0;
  let child: ChildProcess | undefined;

  async function start(kill: Kill | undefined): Promise<ChildProcess | undefined> {
    const orders: Orders = {
      database,
      location,
      wallet,
      secret,
      ...(kill?.point && { point: kill.point }),
      nth: kill?.nth ?? 0,
    };
    const started = fork(victim, [JSON.stringify(orders)], {
      execArgv: ["--no-warnings"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let said = "";
    started.stderr!.on("data", (part) => {
      said += part;
    });
    child = started;
    starts++;
    const ready = await Promise.race([
      once(started, "message").then(([message]) => message as { faults: unknown[]; open: number }),
      once(started, "exit").then(() => undefined),
    ]);
    if (ready === undefined) {
      if (started.signalCode !== "SIGKILL")
        throw new Error(`the treasury did not start again: ${said}`);
      return undefined;
    }
    if (ready.faults.length > 0)
      throw new Error(`the books were wrong after a kill: ${JSON.stringify(ready.faults)}`);
    return started;
  }

  async function order(at: number, isAlive: () => boolean): Promise<void> {
    const path = wanted[at] || `/item-${++serial}`;
    wanted[at] = path;
    try {
      const response = await new Client({ credential: agents[at]! }).get(shop.url + path);
      if (response.status !== 200) return;
      delivered.add(path);
      wanted[at] = "";
    } catch {
      // It asks again, once there is somebody to ask.
      if (isAlive()) await new Promise(setImmediate);
    }
  }

  async function revokeOne(): Promise<void> {
    const credential = root.delegate({ agent: "short-lived" });
    try {
      await new Client({ credential: root }).revoke(credential);
      revoked.push({ credential, path: `/revoked-${revoked.length}` });
    } catch {
      // Not acknowledged: it may be either.
    }
  }

  async function live(kill: Kill): Promise<void> {
    const running = await start(kill);
    if (running === undefined) return;
    let isAlive = true;
    const died = once(running, "exit").then(() => {
      isAlive = false;
    });
    const late = setTimeout(
      () => running.kill("SIGKILL"),
      kill.point === undefined ? kill.nth * 10 : PATIENCE_MS,
    );
    const work = agents.map(async (_, at) => {
      while (isAlive) await order(at, () => isAlive);
    });
    work.push(revokeOne());
    await died;
    clearTimeout(late);
    await Promise.all(work);
  }

  async function compare(): Promise<readonly string[]> {
    const running = await start(undefined);
    if (running === undefined) return ["it was killed by somebody else"];
    for (let turn = 0; wanted.some((path) => path !== "") && turn < 50; turn++)
      await Promise.all(
        agents.map((_, at) => (wanted[at] === "" ? undefined : order(at, () => true))),
      );
    const wrong = wanted.filter((path) => path !== "").map((path) => `${path} was never delivered`);
    for (const { credential, path } of revoked) {
      const answer = await new Client({ credential })
        .get(shop.url + path)
        .catch((error: { code?: string }) => error.code);
      if (answer !== "ERR_REVOKED") wrong.push(`${path}: an acknowledged revocation does not hold`);
    }
    const [standing] = await new Client({ credential: root }).tree();
    running.kill("SIGKILL");
    await once(running, "exit");
    const store = await openSqliteStore(database);
    const [faults, open, unreceipted] = [
      (await auditLedger(store)).faults,
      await store.openPayments(),
      await store.unreceipted(100),
    ];
    const records = await store.payments({ limit: 1_000_000 });
    await store.close();
    wrong.push(...faults.map(({ what, id }) => `${id}: ${what}`));
    wrong.push(...open.map(({ path }) => `${path}: its payment is still open`));
    // Made after each payment, it may lack the last ones; no more than one batch of them.
    if (unreceipted.length > 8) wrong.push(`${unreceipted.length} payments have no receipt`);
    wrong.push(...compareMoney(net, records, served, standing?.spent[0]?.value ?? 0n));
    for (const path of delivered)
      if (!served.has(path)) wrong.push(`${path} was delivered, and the shop did not serve it`);
    for (const path of served.keys())
      if (path.startsWith("/revoked")) wrong.push(`${path} was served`);
    return wrong;
  }

  return {
    live,
    compare,
    summary: () => ({
      purchases: delivered.size,
      payments: net.payments().filter(({ status }) => status === "paid").length,
      starts,
    }),
    async end() {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      shop.server.closeAllConnections();
      shop.server.close();
      await net.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The network's own list is the truth. */
function compareMoney(
  net: DevNetwork,
  records: readonly {
    readonly paymentHash: string;
    readonly path: string;
    readonly status: string;
  }[],
  served: ReadonlyMap<string, number>,
  spentMsat: bigint,
): readonly string[] {
  const wrong: string[] = [];
  const made = net.payments().filter(({ status }) => status === "paid");
  const known = new Map(records.map((record) => [record.paymentHash, record]));
  const perPath = new Map<string, number>();
  let msat = 0n;
  for (const { paymentHash, amountMsat, feeMsat } of made) {
    msat += amountMsat + feeMsat;
    const record = known.get(paymentHash);
    if (record === undefined) wrong.push(`payment ${paymentHash} was made, and is in no book`);
    else if (record.status === "failed" || record.status === "open")
      wrong.push(`payment ${paymentHash} was made, and stands as ${record.status}`);
    else perPath.set(record.path, (perPath.get(record.path) ?? 0) + 1);
  }
  if (msat !== spentMsat) wrong.push(`${msat} msat were paid, and ${spentMsat} are counted`);
  // An answer that was lost on its way was served all the same; nothing is paid twice that was not.
  for (const [path, count] of perPath)
    if (count > Math.max(1, served.get(path) ?? 0))
      wrong.push(`${path} was paid ${count} times and served ${served.get(path) ?? 0} times`);
  return wrong;
}

interface Shop {
  readonly url: string;
  readonly server: Server;
}

async function openShop(net: DevNetwork, served: Map<string, number>): Promise<Shop> {
  let handle: RequestListener = () => {};
  const server = createServer((request, response) => handle(request, response)).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const paywall = new Paywall({
    secret: secretOf("the shop"),
    location: url,
    invoicer: devWallet(net.account("shop", { balanceMsat: 0n }).invoiceOnlyUrl),
    challengesPerMinute: { perClient: 1_000_000, total: 1_000_000 },
  });
  const behind = paid(paywall, { price: "10 sat" }, ({ url: path = "" }, response) => {
    served.set(path, (served.get(path) ?? 0) + 1);
    response.end("served");
  });
  handle = wellKnown(paywall, behind);
  return { url, server };
}
