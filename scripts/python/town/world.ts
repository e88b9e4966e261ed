/** One town of a Python test: a development Lightning network, a treasury, shops and sites. */
import { randomBytes } from "node:crypto";
import type { Credential, Scope } from "l8nt";
import { KeyRing } from "l8nt/biscuit";
import { Invoice } from "l8nt/invoice";
import { Authority, Challenge } from "l8nt/l402";
import { serve } from "l8nt/node";
import { MemoryStore } from "l8nt/stores/memory";
import { DEV_SCOPE, type DevClock, DevNetwork, devClock, type FaultRule } from "l8nt/testing";
import {
  guardedFetch,
  type ServedTreasury,
  type ServeTreasuryOptions,
  serveTreasury,
} from "l8nt/treasury";
import { devWallet } from "l8nt/wallets/dev";
import { type Fault, Line } from "./line.ts";
import { type McpWishes, openMcp } from "./mcp.ts";
import { Shop, type ShopOptions } from "./shop.ts";

export interface TownOptions {
  /** Unix seconds at which the clock stands; the machine's own clock if it is left out. */
  readonly now?: number;
  readonly balanceMsat: string;
  /** Further options of the treasury that JSON can say. */
  readonly treasury: Partial<ServeTreasuryOptions>;
  /** Locations that the treasury mints credentials of the public-key form for. */
  readonly mintsFor: readonly string[];
}

export interface ShopWishes extends ShopOptions {
  /** Whether it trusts the issuer of the treasury. */
  readonly trusts: boolean;
  /** Whether it sells: has a secret and an invoicer. */
  readonly sells: boolean;
}

/** A challenge as a service at `location` would make it, honest or not. */
export interface Demand {
  readonly location: string;
  readonly amountMsat: string;
  readonly expirySeconds: number;
  readonly scope: Scope;
}

const MANY = { perClient: 100_000, total: 100_000 };

export class World {
  readonly network: DevNetwork;
  readonly lines = new Map<string, Line>();
  readonly shops = new Map<string, Shop>();
  readonly treasuryLine: Line;
  readonly ring: KeyRing;
  readonly alarms: string[] = [];
  readonly #clock: DevClock | (() => number);
  readonly #options: TownOptions;
  readonly #secret = randomBytes(32).toString("hex");
  readonly #store = new MemoryStore({ journal: true });
  readonly #closers: (() => Promise<unknown>)[] = [];
  #served: ServedTreasury | undefined;
  #stop: (() => Promise<void>) | undefined;
  #mintsFor: string[];

  private constructor(
    parts: Pick<World, "network" | "treasuryLine" | "ring">,
    clock: DevClock | (() => number),
    options: TownOptions,
  ) {
    this.network = parts.network;
    this.treasuryLine = parts.treasuryLine;
    this.ring = parts.ring;
    this.#clock = clock;
    this.#options = options;
    this.#mintsFor = [...options.mintsFor];
    this.lines.set(this.treasuryLine.url, this.treasuryLine);
  }

  static async open(options: TownOptions): Promise<World> {
    const clock = options.now === undefined ? () => Date.now() / 1000 : devClock(options.now);
    const network = await DevNetwork.start({ clock });
    const treasuryLine = await Line.open();
    const ring = KeyRing.create({ issuer: treasuryLine.url, clock });
    const world = new World({ network, treasuryLine, ring }, clock, options);
    world.#closers.push(() => network.stop());
    network.account("treasury", { balanceMsat: BigInt(options.balanceMsat) });
    network.account("shop", { balanceMsat: 0n });
    await world.startTreasury();
    return world;
  }

  get treasury() {
    if (this.#served === undefined) throw new Error("the treasury of this town is stopped");
    return this.#served.treasury;
  }

  get receiptKey(): string {
    return this.#served?.receiptKey ?? "";
  }

  setClock(now: number): void {
    if (!("set" in this.#clock)) throw new Error("this town goes by the machine's clock");
    this.#clock.set(now);
  }

  /** Starts the treasury on the books that it had. */
  async startTreasury(): Promise<void> {
    const location = this.treasuryLine.url;
    const mints = { keys: this.ring, services: this.#mintsFor };
    const served = await serveTreasury({
      secret: this.#secret,
      location,
      wallet: devWallet(this.network.account("treasury").url),
      store: this.#store,
      fetch: guardedFetch({ allowLoopback: true }),
      clock: this.#clock,
      alarm: (what) => this.alarms.push(what),
      ...(this.#mintsFor.length > 0 && { mints }),
      ...this.#options.treasury,
    });
    const server = await serve(served.handler, { origin: location });
    this.treasuryLine.upstream = server.url;
    this.#served = served;
    this.#stop = async () => {
      await served.stop();
      await server.close();
    };
  }

  /** Ends the treasury; its books stay. Requests to it find a closed connection. */
  async stopTreasury(): Promise<void> {
    const stop = this.#stop;
    this.#served = undefined;
    this.#stop = undefined;
    await stop?.();
  }

  /** Restarts the treasury, which then mints for these services as well. */
  async mintFor(services: readonly string[]): Promise<void> {
    this.#mintsFor.push(...services);
    await this.stopTreasury();
    await this.startTreasury();
  }

  mint(scope: Scope): Credential {
    return this.treasury.mint({ ...DEV_SCOPE, ...scope });
  }

  mintPublic(scope: Scope, location: string): Credential {
    return this.ring.minter({ location, clock: this.#clock }).mint({ expiresIn: "1h", ...scope });
  }

  async openShop({ paywall, trusts, sells, ...rest }: ShopWishes): Promise<Shop> {
    const shop = await Shop.open({
      ...rest,
      paywall: {
        clock: this.#clock,
        challengesPerMinute: MANY,
        alarm: (what) => this.alarms.push(what),
        ...(sells && {
          secret: randomBytes(32).toString("hex"),
          invoicer: devWallet(this.network.account("shop").invoiceOnlyUrl),
        }),
        ...(trusts && { trust: [this.treasuryLine.url] }),
        ...paywall,
      },
    });
    this.lines.set(shop.line.url, shop.line);
    this.shops.set(shop.line.url, shop);
    this.#closers.push(() => shop.close());
    return shop;
  }

  /** A paywall before every tool of an MCP server over HTTP. */
  async openMcp(wishes: McpWishes): Promise<Line> {
    const { line, close } = await openMcp(wishes, {
      clock: this.#clock,
      challengesPerMinute: MANY,
      alarm: (what) => this.alarms.push(what),
      secret: randomBytes(32).toString("hex"),
      invoicer: devWallet(this.network.account("shop").invoiceOnlyUrl),
    });
    this.lines.set(line.url, line);
    this.#closers.push(close);
    return line;
  }

  async openSite(answer: Fault | undefined): Promise<Line> {
    const line = await Line.open();
    if (answer !== undefined) line.fault({ ...answer, kind: "answer", times: 0 });
    this.lines.set(line.url, line);
    this.#closers.push(() => line.close());
    return line;
  }

  async challenge({ location, amountMsat, expirySeconds, scope }: Demand): Promise<string[]> {
    const secret = randomBytes(32).toString("hex");
    const authority = new Authority({ secret, location, clock: this.#clock });
    const invoicer = devWallet(this.network.account("shop").invoiceOnlyUrl);
    const invoice = await invoicer.createInvoice({ amountMsat: BigInt(amountMsat), expirySeconds });
    return [...Challenge.format(authority.minter.challenge(scope, invoice))];
  }

  /** Allows the payee of a service, which would otherwise be paid one first payment at a time. */
  async introduce(url: string): Promise<void> {
    const response = await fetch(url);
    await response.body?.cancel();
    const { invoice } = Challenge.parse(response.headers.get("www-authenticate"));
    await this.treasury.owner.allowPayee(url, Invoice.decode(invoice).payee);
  }

  walletFault(rule: FaultRule): void {
    this.network.fault(rule);
  }

  async close(): Promise<void> {
    await this.treasuryLine.close();
    await this.stopTreasury();
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}
