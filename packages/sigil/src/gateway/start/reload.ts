/** Reads the configuration again at SIGHUP, and serves new requests by it. */
import { SigilError } from "l8nt";
import { UsageError } from "../../exit.ts";
import type { Logger } from "../../treasury/log.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { Gateway } from "../gateway.ts";
import type { Serving } from "./serving.ts";

export interface ReloadingOptions {
  readonly gateway: Pick<Gateway, "replace">;
  readonly config: GatewayConfig;
  readonly serving: Serving;
  /** @throws UsageError for a configuration that is wrong */
  readonly read: () => GatewayConfig;
  readonly open: (config: GatewayConfig) => Promise<Serving>;
  readonly log: Pick<Logger, "info" | "error">;
}

/** What may change while the gateway runs. The rest is what it was started with. */
const CHANGEABLE: { readonly [key in keyof GatewayConfig]?: true } = {
  services: true,
  prices: true,
  agentKey: true,
};

export class Reloading {
  readonly #options: ReloadingOptions;
  #serving: Serving;
  #turn: Promise<void> = Promise.resolve();
  /** Servings before, while requests use them. */
  readonly #ending = new Set<Serving>();

  constructor(options: ReloadingOptions) {
    this.#options = options;
    this.#serving = options.serving;
  }

  /** Those that serve new requests. */
  get services(): Serving["services"] {
    return this.#serving.services;
  }

  /** Reads it again, after a reading that is under way. What is wrong is told to the log. */
  readonly reload = (): Promise<void> => {
    this.#turn = this.#turn.then(() => this.#reload());
    return this.#turn;
  };

  async #reload(): Promise<void> {
    const { config: first, gateway, read, open, log } = this.#options;
    let next: Serving;
    try {
      const config = read();
      const changed = (Object.keys(config) as (keyof GatewayConfig)[]).filter(
        (key) => CHANGEABLE[key] !== true && textOf(config[key]) !== textOf(first[key]),
      );
      if (changed.length > 0)
        throw new UsageError(`${changed.join(", ")}: start the gateway again to change that.`);
      next = await open(config);
    } catch (error) {
      const isKnown = error instanceof UsageError || error instanceof SigilError;
      const why = isKnown ? error.message : "a bug in sigil";
      log.error(`the configuration was not read again, and the one before stays: ${why}`);
      return;
    }
    const before = this.#serving;
    this.#serving = next;
    this.#ending.add(before);
    log.info("new requests are served by the configuration that was read again");
    void gateway.replace(next.services).then(async () => {
      this.#ending.delete(before);
      await before.close();
      log.info("the last request of the configuration before has ended");
    });
  }

  /** Ends all connections to vendors. */
  async close(): Promise<void> {
    await this.#turn;
    for (const serving of [...this.#ending, this.#serving]) await serving.close();
  }
}

const textOf = (part: unknown): string =>
  JSON.stringify(part, (_key, value) => (typeof value === "bigint" ? `${value}` : value)) ?? "";
