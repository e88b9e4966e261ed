/**
 * A Lightning network in one process for development and tests, with signed regtest invoices, real
 * preimages, balances, and faults on request.
 */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { utf8 } from "../internal/bytes.ts";
import { randomBytes, sha256 } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { Access } from "./dev-network-access.ts";
import { DevBank, type DevPayment, type DevTotals } from "./dev-network-bank.ts";
import { type FaultRule, Faults } from "./dev-network-faults.ts";
import { route } from "./dev-network-routes.ts";
import { Timers } from "./dev-network-timers.ts";
import { wireServer } from "./dev-network-wire.ts";

/** Options of {@link DevNetwork.start}. */
export interface DevNetworkOptions {
  /** 0 for any free port. @default 0 */
  readonly port?: number;
  readonly host?: "127.0.0.1";
  /**
   * Makes node keys and preimages the same in every run. Do not use it on a network whose payments
   * are stored elsewhere, because payment hashes repeat.
   *
   * @default random
   */
  readonly seed?: string;
  /** Unix seconds; judges the expiry of invoices. @default the system's clock */
  readonly clock?: Clock;
  /** Millionths of the amount, rounded up to a msat. @default 1000, which is 0.1 % */
  readonly routingFeePpm?: number;
}

const OPTIONS = {
  port: true,
  host: true,
  seed: true,
  clock: true,
  routingFeePpm: true,
} satisfies Keys<DevNetworkOptions>;

/** An account on the dev network. */
export interface DevAccount {
  readonly name: string;
  /** The wallet URL `dev+http://…?key=…` of a payer. Its key can pay. */
  readonly url: string;
  /** The wallet URL of a service. Its key can only make invoices. */
  readonly invoiceOnlyUrl: string;
  /** The balance in msat, without amounts in flight. */
  balanceMsat(): bigint;
}

const TURNS_UNTIL_SEEN = 3;
const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/**
 * The dev Lightning network. It listens on loopback, for every process that has an account's URL.
 *
 * @example
 * await using network = await DevNetwork.start();
 * const agent = devWallet(network.account("agent", { balanceMsat: 1_000_000n }).url);
 */
export class DevNetwork {
  readonly #bank: DevBank;
  readonly #access = new Access();
  readonly #faults = new Faults();
  readonly #timers = new Timers();
  readonly #server: Server;
  #port: number;
  #stopped = false;

  private constructor({
    port = 0,
    seed,
    clock = systemClock,
    routingFeePpm = 1000,
  }: DevNetworkOptions) {
    const seedBytes = seed === undefined ? randomBytes(32) : sha256(utf8(seed));
    this.#bank = new DevBank({ seed: seedBytes, clock, routingFeePpm: BigInt(routingFeePpm) });
    this.#port = port;
    const parts = {
      bank: this.#bank,
      access: this.#access,
      faults: this.#faults,
      timers: this.#timers,
      control: this,
    };
    this.#server = wireServer((request) => route(parts, request));
  }

  /** Starts a network. @throws TypeError for an unknown option */
  static async start(options: DevNetworkOptions = {}): Promise<DevNetwork> {
    checkKeys(options, OPTIONS, "a dev network");
    const network = new DevNetwork(options);
    await network.up();
    return network;
  }

  /** The address of the network's HTTP API. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The bearer key of `/control/…`, which opens accounts, sets faults and lists every payment. */
  get controlKey(): string {
    return this.#access.controlKey;
  }

  /**
   * Opens an account with a balance, or returns an open account if no balance is given.
   *
   * @throws TypeError for a name that is malformed, already open, or (without a balance) not open
   */
  account(name: string, options?: { readonly balanceMsat: bigint }): DevAccount {
    const known = this.#access.keys(name);
    if (known !== undefined && options !== undefined)
      throw new TypeError(`account "${name}" is already open`);
    if (known === undefined) {
      if (!NAME.test(name) || name === "control")
        throw new TypeError(
          'an account\'s name must be lower-case letters, digits and hyphens, such as "agent-1"',
        );
      if (options === undefined)
        throw new TypeError(`account "${name}" is not open: give it a balanceMsat`);
      if (typeof options.balanceMsat !== "bigint" || options.balanceMsat < 0n)
        throw new TypeError("balanceMsat must be a bigint, 0 or more");
      this.#bank.open(name, options.balanceMsat);
    }
    const keys = known ?? this.#access.open(name);
    const url = `dev+${this.url}/${name}?key=`;
    return {
      name,
      url: url + keys.full,
      invoiceOnlyUrl: url + keys.invoiceOnly,
      balanceMsat: () => this.#bank.balanceMsat(name),
    };
  }

  /** Adds a fault. @throws TypeError for a rule that the network cannot carry out */
  fault(rule: FaultRule): void {
    this.#faults.add(rule);
  }

  /** Removes every fault. Payments in flight stay in flight. */
  clearFaults(): void {
    this.#faults.clear();
  }

  /** Lets a stuck payment arrive. @throws TypeError if no payment of this hash is in flight */
  settle(paymentHash: string): void {
    this.#bank.settle(this.#bank.inFlight(paymentHash));
  }

  /** Lets a stuck payment fail. @throws TypeError if no payment of this hash is in flight */
  fail(paymentHash: string): void {
    this.#bank.fail(this.#bank.inFlight(paymentHash), "no route");
  }

  /** Every attempt to pay in its present state, oldest first. */
  payments(): readonly DevPayment[] {
    return this.#bank.payments();
  }

  /** The sums of all accounts, in msat. Always: funded = balances + in flight + fees. */
  totals(): DevTotals {
    return this.#bank.totals();
  }

  /** Cuts every connection and refuses new ones until `up()`, or for `forMs` milliseconds. */
  async down(forMs?: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
    // A client in this process then knows that its kept-alive connections have ended, so that it is
    // refused, and does not fail in the middle of a request.
    for (let turn = 0; turn < TURNS_UNTIL_SEEN; turn++) await new Promise(setImmediate);
    if (forMs !== undefined && !this.#stopped)
      this.#timers.after(forMs, () => void this.up().catch(() => {}));
  }

  /** Listens again on the same port. @throws TypeError after `stop` */
  async up(): Promise<void> {
    if (this.#stopped) throw new TypeError("this network was stopped");
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, "127.0.0.1", () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Stops the network and its timers for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timers.clear();
    await this.down();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
