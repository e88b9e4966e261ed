/**
 * A treasury in a process of its own, as its daemon runs it; a dev network and a shop in this one.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { Challenge } from "l8nt/l402";
import { paid } from "l8nt/node";
import { Paywall, type PaywallOptions } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";
import { PURCHASES_PATH } from "l8nt/treasury";
import { devWallet } from "l8nt/wallets/dev";
import { freePort } from "../test/e2e/support/free-port.ts";
import type { Answers, Question, Setting } from "./treasury-process.ts";

const PROCESS = resolve(import.meta.dirname, "treasury-process.ts");
/** Beside the code, on the disk that it is on. */
const FOLDER = resolve(import.meta.dirname, "../node_modules");
const SECRET = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

/** As many as one order names. */
const MAX_ANSWERED = 64;

export interface Town {
  readonly shop: string;
  readonly location: string;
  /** The first agent's credential. */
  readonly credential: string;
  /** The treasury's process. */
  readonly pid: number;
  readonly net: DevNetwork;
  /** Orders whose answers were had, by credential. The next order says so, as a client's does. */
  readonly answered: Map<string, string[]>;
  /** Asks the treasury's process. */
  ask<Ask extends keyof Answers>(ask: Ask, more?: Omit<Question, "ask">): Promise<Answers[Ask]>;
  stop(): Promise<void>;
}

export interface TownOptions {
  /** The URL that the treasury pays from. @default an account on a dev network */
  readonly wallet?: string;
  /** What the shop is paid by. @default an account on the same dev network */
  readonly invoicer?: NonNullable<PaywallOptions["invoicer"]>;
  /** How many requests one purchase is good for. @default 1 */
  readonly uses?: number;
  /** The URL of a Postgres. @default an SQLite file */
  readonly store?: string;
  /** What the shop serves, in place of what it sells. */
  readonly free?: RequestListener;
  /** Whether the treasury's process records time lines. @default false */
  readonly traces?: boolean;
}

export async function openTown(options: TownOptions = {}): Promise<Town> {
  const folder = mkdtempSync(join(FOLDER, ".bench-"));
  const net = await DevNetwork.start({});
  const treasury = net.account("treasury", { balanceMsat: 10n ** 15n }).url;
  net.account("shop", { balanceMsat: 0n });
  const { wallet = treasury, invoicer = devWallet(net.account("shop").invoiceOnlyUrl) } = options;
  const { store = join(folder, "books.db"), traces = false, uses } = options;
  let handle: RequestListener = () => {};
  const server = createServer((request, response) => handle(request, response)).listen(
    0,
    "127.0.0.1",
  );
  // Longer than a round, so that no proxy meets a connection that is just being closed.
  server.keepAliveTimeout = 600_000;
  await once(server, "listening");
  const shop = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const paywall = new Paywall({
    secret: SECRET,
    location: shop,
    invoicer,
    challengesPerMinute: { perClient: 10_000_000, total: 10_000_000 },
  });
  const terms = { price: "10 sat", ...(uses !== undefined && { grants: { uses } }) } as const;
  handle =
    options.free ?? paid(paywall, terms, (_request, response) => void response.end("served"));

  const location = `http://127.0.0.1:${await freePort()}`;
  const setting: Setting = { location, wallet, store, endpoint: `* ${shop}/**`, traces };
  const child = fork(PROCESS, [JSON.stringify(setting)], {
    execArgv: ["--conditions=l8nt-source", "--no-warnings"],
  });
  const { credential } = (await messageOf(child)) as { credential: string };
  return {
    shop,
    location,
    credential,
    pid: child.pid!,
    net,
    answered: new Map(),
    async ask(ask, more = {}) {
      child.send({ ask, ...more });
      return ((await messageOf(child)) as { answer: Answers[typeof ask] }).answer;
    },
    async stop() {
      if (child.exitCode === null) {
        child.kill("SIGTERM");
        await once(child, "close");
      }
      server.closeAllConnections();
      server.close();
      await net.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  const ended = once(child, "close", { signal }).then(() => {
    throw new Error("the bench's treasury ended");
  });
  try {
    return ((await Promise.race([once(child, "message", { signal }), ended])) as [unknown])[0];
  } finally {
    ended.catch(() => {});
    over.abort();
  }
}

/** One order, as an agent's client sends it. */
export async function buy(
  { location, shop, answered }: Pick<Town, "location" | "shop" | "answered">,
  credential: string,
  path: string,
): Promise<void> {
  const order = {
    id: randomBytes(16).toString("hex"),
    method: "GET",
    url: shop + path,
    headers: [],
    answered: answered.get(credential)?.splice(0, MAX_ANSWERED) ?? [],
  };
  const response = await fetch(`${location}${PURCHASES_PATH}`, {
    method: "POST",
    headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
    body: JSON.stringify(order),
  });
  const text = await response.text();
  if (response.status !== 200)
    throw new Error(`the bench's order was answered ${response.status}: ${text.slice(0, 200)}`);
  answered.set(credential, [...(answered.get(credential) ?? []), order.id]);
}

/** The invoice of the shop's challenge. */
export async function challengeOf({ shop }: Town, path: string): Promise<string> {
  const response = await fetch(shop + path);
  await response.body?.cancel();
  return Challenge.parse(response.headers.get("www-authenticate")).invoice;
}
