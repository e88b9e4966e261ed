/**
 * A treasury as its daemon runs it, on SQLite, in a process of its own; a dev network and a shop in
 * this one.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Challenge } from "l8nt/l402";
import { paid } from "l8nt/node";
import { Paywall, type PaywallOptions } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";
import { PURCHASES_PATH } from "l8nt/treasury";
import { devWallet } from "l8nt/wallets/dev";
import { freePort } from "../test/e2e/support/free-port.ts";

const MAIN = resolve(import.meta.dirname, "../packages/sigil/src/main.ts");
/** Beside the code, on the disk that it is on. */
const FOLDER = resolve(import.meta.dirname, "../node_modules");
const SECRET = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

export interface Town {
  readonly shop: string;
  readonly location: string;
  /** The first agent's credential. */
  readonly credential: string;
  /** The treasury's process. */
  readonly pid: number;
  readonly net: DevNetwork;
  stop(): Promise<void>;
}

const sigil = (args: readonly string[], env: Record<string, string> = {}): ChildProcess =>
  spawn(process.execPath, ["--conditions=l8nt-source", "--no-warnings", MAIN, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });

export interface TownWallets {
  /** The URL that the treasury pays from. */
  readonly wallet: string;
  /** What the shop is paid by. */
  readonly invoicer: NonNullable<PaywallOptions["invoicer"]>;
}

/** @param wallets of another network than the town's own */
export async function openTown(wallets?: TownWallets): Promise<Town> {
  const folder = mkdtempSync(join(FOLDER, ".bench-"));
  const dir = join(folder, "treasury");
  const net = await DevNetwork.start({});
  const treasury = net.account("treasury", { balanceMsat: 10n ** 15n }).url;
  net.account("shop", { balanceMsat: 0n });
  const { wallet, invoicer } = wallets ?? {
    wallet: treasury,
    invoicer: devWallet(net.account("shop").invoiceOnlyUrl),
  };
  let handle: RequestListener = () => {};
  const server = createServer((request, response) => handle(request, response)).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const shop = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const paywall = new Paywall({
    secret: SECRET,
    location: shop,
    invoicer,
    challengesPerMinute: { perClient: 10_000_000, total: 10_000_000 },
  });
  handle = paid(paywall, { price: "10 sat" }, (_request, response) => void response.end("served"));

  const location = `http://127.0.0.1:${await freePort()}`;
  const scope = ["--endpoint", `* ${shop}/**`, "--budget", "1000000000 sat", "--expires-in", "7d"];
  await once(sigil(["treasury", "init", "--dir", dir, "--location", location, ...scope]), "close");
  const daemon = sigil(
    ["treasury", "start", "--dir", dir, "--allow-loopback", "--log-level", "silent"],
    {
      SIGIL_WALLET: wallet,
    },
  );
  for await (const _line of createInterface({ input: daemon.stdout! })) break;
  return {
    shop,
    location,
    credential: readFileSync(join(dir, "agent.credential"), "utf8").trim(),
    pid: daemon.pid!,
    net,
    async stop() {
      daemon.kill("SIGTERM");
      await once(daemon, "close");
      server.closeAllConnections();
      server.close();
      await net.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** One order, as an agent's client sends it. */
export async function buy(
  { location, shop }: Town,
  credential: string,
  path: string,
): Promise<void> {
  const response = await fetch(`${location}${PURCHASES_PATH}`, {
    method: "POST",
    headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
    body: JSON.stringify({ id: crypto.randomUUID(), method: "GET", url: shop + path, headers: [] }),
  });
  const text = await response.text();
  if (response.status !== 200)
    throw new Error(`the bench's order was answered ${response.status}: ${text.slice(0, 200)}`);
}

/** The invoice of the shop's challenge. */
export async function challengeOf({ shop }: Town, path: string): Promise<string> {
  const response = await fetch(shop + path);
  await response.body?.cancel();
  return Challenge.parse(response.headers.get("www-authenticate")).invoice;
}
