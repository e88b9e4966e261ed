/**
 * A Lightning network of one process: real signed regtest invoices, real preimages, balances, and
 * faults on request.
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

export interface DevNetworkOptions {
  /** 0, the default: any free port. */
  readonly port?: number;
  readonly host?: "127.0.0.1";
  /**
   * Makes node keys and preimages the same in every run. Never on a network whose payments somebody
   * remembers.
   */
  readonly seed?: string;
  readonly clock?: Clock;
  /** Millionths of the amount, rounded up to a msat: 1000 (0.1 %) where left out. */
  readonly routingFeePpm?: number;
}

const OPTIONS = {
  port: true,
  host: true,
  seed: true,
  clock: true,
  routingFeePpm: true,
} satisfies Keys<DevNetworkOptions>;

export interface DevAccount {
  readonly name: string;
  /** For a payer: `dev+http://…?key=…`. Holds the power to pay. */
  readonly url: string;
  /** For a service: makes invoices, and can do nothing else. */
  readonly invoiceOnlyUrl: string;
  balanceMsat(): bigint;
}

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/**
 * The dev Lightning network, on loopback, shared by every process that is given an account's URL.
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

  static async start(options: DevNetworkOptions = {}): Promise<DevNetwork> {
    checkKeys(options, OPTIONS, "a dev network");
    const network = new DevNetwork(options);
    await network.up();
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /**
   * `Authorization: Bearer …` for `/control/…`: opens accounts, sets faults, reads every payment.
   */
  get controlKey(): string {
    return this.#access.controlKey;
  }

  /** Opens an account, or, without a balance, gives one that is open. @throws TypeError */
  account(name: string, options?: { readonly balanceMsat: bigint }): DevAccount {
    const known = this.#access.keys(name);
    if (known !== undefined && options !== undefined)
      throw new TypeError(`account "${name}" is open already`);
    if (known === undefined) {
      if (!NAME.test(name) || name === "control")
        throw new TypeError("an account's name is lower-case letters, digits and hyphens");
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

  /** From now on, this goes wrong. @throws TypeError */
  fault(rule: FaultRule): void {
    this.#faults.add(rule);
  }

  /** From now on, all is well. What is in flight stays in flight. */
  clearFaults(): void {
    this.#faults.clear();
  }

  /** Lets a stuck payment arrive. @throws TypeError */
  settle(paymentHash: string): void {
    this.#bank.settle(this.#bank.inFlight(paymentHash));
  }

  /** Lets a stuck payment fail. @throws TypeError */
  fail(paymentHash: string): void {
    this.#bank.fail(this.#bank.inFlight(paymentHash), "no route");
  }

  /** Every attempt to pay, in order, as it stands now. */
  payments(): readonly DevPayment[] {
    return this.#bank.payments();
  }

  /** Always: funded = balances + in flight + fees. */
  totals(): DevTotals {
    return this.#bank.totals();
  }

  /** Cuts every connection and refuses new ones, until `up()` or for `forMs`. */
  async down(forMs?: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
    if (forMs !== undefined && !this.#stopped)
      this.#timers.after(forMs, () => void this.up().catch(() => {}));
  }

  /** Listens, on the same port as before. */
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

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timers.clear();
    await this.down();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
