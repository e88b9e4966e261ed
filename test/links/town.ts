/** The world of one cell: a treasury, a service, a wallet and agents, with links that can break. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type Credential } from "l8nt";
import { Invoice } from "l8nt/invoice";
import { Authority } from "l8nt/l402";
import { MemoryStore } from "l8nt/stores/memory";
import { openSqliteStore } from "l8nt/stores/sqlite";
import type { DevNetwork, DevPayment } from "l8nt/testing";
import { type Agent, type AgentOrders, openAgent } from "./agent.ts";
import { betweenOf, type Cell, dies, isOwnTreasury, type Kill } from "./cells.ts";
import { type Exchange, Link } from "./link.ts";
import { AgentProcess, GatewayProcess, type Processes, TreasuryProcess } from "./processes.ts";
import { Shop } from "./shop.ts";
import { type Books, booksOf, openTreasury, type RunningTreasury } from "./treasury.ts";

/** What the cells of a run share. */
export interface Ground {
  readonly network: DevNetwork;
  readonly processes: Processes;
}

const secretOf = (who: string): string => createHash("sha256").update(who).digest("hex");
const PIPE_LOCATION = "https://pipe.example";
/** Uses of an agent whose requests the treasury makes. */
const MANY_USES = 100;
let cells = 0;

export class Town {
  readonly cell: Cell;
  readonly shop: Shop;
  /** Between the agents and the treasury. */
  readonly link: Link;
  /** Between the treasury and the Lightning network. */
  readonly wallet: Link;
  /** Between the payer's side and the service, in the rows that are about that. */
  readonly gateway: GatewayProcess | undefined;
  readonly alarms: string[] = [];
  /** When each payment reached the network, by payment hash. */
  readonly paidAt = new Map<string, number>();
  readonly root: Credential;
  readonly #agents: { readonly first: Credential; readonly other: Credential };
  readonly #ground: Ground;
  readonly #name: string;
  readonly #folder: string;
  readonly #secret: string;
  readonly #walletUrl: string;
  readonly #invoicer: string;
  readonly #memory = new MemoryStore({ journal: true });
  #treasury: RunningTreasury | undefined;
  #seq = 0;

  private constructor(
    cell: Cell,
    ground: Ground,
    name: string,
    { shop, gateway, links }: Pick<Town, "shop" | "gateway"> & { readonly links: readonly Link[] },
  ) {
    this.cell = cell;
    this.#ground = ground;
    this.#name = name;
    this.shop = shop;
    this.gateway = gateway;
    [this.link, this.wallet] = links as [Link, Link];
    this.#folder = mkdtempSync(join(tmpdir(), "sigil-links-"));
    this.#secret = secretOf(`treasury of ${name}`);
    const { network } = ground;
    const account = network.account(name, { balanceMsat: 1_000_000_000n }).url;
    this.#walletUrl = account.replace(network.url, this.wallet.url);
    this.#invoicer = network.account(`${name}-shop`).invoiceOnlyUrl;
    this.wallet.upstream = network.url;
    this.wallet.onArrival = (exchange) => {
      const { paymentHash } = Invoice.decode(invoiceIn(exchange)!);
      if (!this.paidAt.has(paymentHash)) this.paidAt.set(paymentHash, this.tick());
    };
    const authority = new Authority({
      secret: this.#secret,
      location: this.link.url,
      kind: "spending",
    });
    const { mode } = cell;
    const origin = mode === "mcp-pipe" ? PIPE_LOCATION : shop.url;
    this.root = authority.minter.mint({
      endpoints: [`* ${origin}/**`],
      budget: "10000 sat",
      expiresIn: "1h",
    });
    this.#agents = {
      first: this.root.delegate({
        agent: "first",
        ...(mode === "relayed" && { maxUses: MANY_USES }),
      }),
      other: this.root.delegate({ agent: "other" }),
    };
  }

  static async open(cell: Cell, ground: Ground): Promise<Town> {
    const name = `cell-${++cells}-${randomBytes(3).toString("hex")}`;
    const { network } = ground;
    const ticks = { tick: () => 0 };
    const invoicer = network.account(`${name}-shop`, { balanceMsat: 0n }).invoiceOnlyUrl;
    const between = betweenOf(cell.row);
    let gateway: GatewayProcess | undefined;
    const before = async (upstream: string) => {
      const { served } = cell;
      const orders = { upstream, between: between!, served };
      gateway = await GatewayProcess.open(ground.processes, orders);
      return gateway.url;
    };
    const shop = await Shop.open({
      before: between && before,
      invoicer,
      secret: secretOf(`shop of ${name}`),
      keeps: cell.served === "served, keeps",
      tick: () => ticks.tick(),
    });
    const links = await Promise.all([
      Link.open(({ method, target }) => method === "POST" && target === "/v1/purchases"),
      Link.open((exchange) => invoiceIn(exchange) !== undefined),
    ]);
    const town = new Town(cell, ground, name, { shop, gateway, links });
    ticks.tick = () => town.tick();
    if (!isOwnTreasury(cell.mode)) await town.startTreasury();
    return town;
  }

  /** The order of events. */
  tick(): number {
    return ++this.#seq;
  }

  get #kill(): Kill | undefined {
    return this.cell.row.at === "treasury killed" ? this.cell.row.point : undefined;
  }

  /** @param isAgain whether it runs to its end */
  async startTreasury(isAgain = false): Promise<void> {
    const orders = {
      secret: this.#secret,
      location: this.link.url,
      wallet: this.#walletUrl,
      requestTimeout: this.cell.row.at === "service slow" ? ("1s" as const) : ("30s" as const),
    };
    const alarm = (what: string) => void this.alarms.push(what);
    this.#treasury =
      this.#kill === undefined
        ? await openTreasury(orders, this.#memory, { alarm, pass: () => {} })
        : await TreasuryProcess.open(this.#ground.processes, {
            orders,
            database: join(this.#folder, "treasury.db"),
            point: isAgain ? undefined : this.#kill,
            alarm,
          });
    this.link.upstream = this.#treasury.url;
  }

  /** Of a treasury that is killed. */
  get treasuryExited(): Promise<void> {
    return (this.#treasury as TreasuryProcess).process.exited;
  }

  #orders(who: "first" | "other", point?: Kill): AgentOrders {
    const { mode } = this.cell;
    const isFirst = who === "first";
    return {
      mode: mode === "relayed" && !isFirst ? "handed" : mode,
      credential: this.#agents[who].toString(),
      shop: this.shop.url,
      ...(isOwnTreasury(mode) && {
        own: {
          wallet: this.#walletUrl,
          secret: this.#secret,
          location: this.link.url,
          database: join(this.#folder, "treasury.db"),
        },
      }),
      ...(mode === "mcp-pipe" && {
        pipe: {
          command: process.execPath,
          args: ["--no-warnings", this.#ground.processes.file, "pipe"],
          env: {
            INVOICER: this.#invoicer,
            SECRET: secretOf(`shop of ${this.#name}`),
            LOCATION: PIPE_LOCATION,
            JOURNAL: this.shop.url,
            LEDGER: join(this.#folder, "pipe.db"),
          },
          location: PIPE_LOCATION,
        },
      }),
      ...(point !== undefined && { point }),
    };
  }

  readonly #alarm = (what: string): void => void this.alarms.push(what);

  /** The agent that orders first: in a process of its own if that is to die. */
  async firstAgent(): Promise<Agent | AgentProcess> {
    const orders = this.#orders("first", isOwnTreasury(this.cell.mode) ? this.#kill : undefined);
    return dies(this.cell)
      ? AgentProcess.open(this.#ground.processes, orders, this.#alarm)
      : openAgent(orders, { alarm: this.#alarm, pass: () => {} });
  }

  /** The same agent in a new process, which knows its credential and nothing else. */
  newProcess(): Promise<AgentProcess> {
    return AgentProcess.open(this.#ground.processes, this.#orders("first"), this.#alarm);
  }

  /** Another agent, with a request for the same service. */
  otherAgent(): Promise<Agent> {
    return openAgent(this.#orders("other"), { alarm: this.#alarm, pass: () => {} });
  }

  /** The network's own list of payments for a thing, in the order of their arrival. */
  payments(thing?: string): readonly DevPayment[] {
    const about = new Map(
      this.shop.events.flatMap((one) =>
        one.what === "challenged" && one.paymentHash !== undefined
          ? [[one.paymentHash, one.thing]]
          : [],
      ),
    );
    return this.#ground.network
      .payments()
      .filter(
        ({ payer, status, paymentHash }) =>
          payer === this.#name &&
          status !== "failed" &&
          (thing === undefined || about.get(paymentHash) === thing),
      );
  }

  /** What the books say, once whatever still ran has ended. */
  async books(): Promise<Books> {
    if (this.#treasury !== undefined) return this.#treasury.books(this.root.toString());
    const store = await openSqliteStore(join(this.#folder, "treasury.db"));
    const { wallet, secret, location } = this.#orders("first").own!;
    const client = new Client({
      wallet,
      credential: this.root,
      treasury: { secret, location, store },
    });
    const treasury = await client.treasury!.open();
    try {
      return await booksOf(treasury, store, this.root.toString());
    } finally {
      await treasury.stop();
      await store.close();
    }
  }

  async close(): Promise<void> {
    await this.#treasury?.close();
    await this.link.close();
    await this.wallet.close();
    await this.gateway?.close();
    await this.shop.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Of a payment; a wallet that is examined is sent payments without one. */
function invoiceIn({ method, target, body }: Exchange): string | undefined {
  if (method !== "POST" || !target.endsWith("/payments")) return undefined;
  return (JSON.parse(body.toString()) as { invoice?: string }).invoice;
}
