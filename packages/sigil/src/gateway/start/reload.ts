/** Reads a configuration again at SIGHUP, and serves new requests by it. */
import { SigilError } from "l8nt";
import { UsageError } from "../../exit.ts";
import type { Logger } from "../../treasury/log.ts";

export interface ReloadingOptions<Config extends object, Serving> {
  readonly config: Config;
  /** One version of the configuration at work. */
  readonly serving: Serving;
  /** What may change while the process runs. The rest is what it was started with. */
  readonly changeable: { readonly [Key in keyof Config]?: true };
  /** @throws UsageError for a configuration that is wrong */
  readonly read: () => Config;
  readonly open: (config: Config, before: Serving) => Promise<Serving>;
  /** What its owner is told of a change. @default nothing */
  readonly warnings?: (before: Config, next: Config) => readonly string[];
  /** Serves new requests by it. Resolves when none is served by the one before. */
  readonly replace: (next: Serving) => Promise<void>;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
}

export class Reloading<Config extends object, Serving extends { close(): Promise<void> }> {
  readonly #options: ReloadingOptions<Config, Serving>;
  #serving: Serving;
  #config: Config;
  #turn: Promise<void> = Promise.resolve();
  /** Servings before, while requests use them. */
  readonly #ending = new Set<Serving>();

  constructor(options: ReloadingOptions<Config, Serving>) {
    this.#options = options;
    this.#serving = options.serving;
    this.#config = options.config;
  }

  /** What serves new requests. */
  get serving(): Serving {
    return this.#serving;
  }

  /** Reads it again, after a reading that is under way. What is wrong is told to the log. */
  readonly reload = (): Promise<void> => {
    this.#turn = this.#turn.then(() => this.#reload());
    return this.#turn;
  };

  async #reload(): Promise<void> {
    const { config: first, changeable, replace, read, open, log, warnings } = this.#options;
    let next: Serving;
    let config: Config;
    try {
      config = read();
      const changed = (Object.keys(config) as (keyof Config)[]).filter(
        (key) => changeable[key] !== true && textOf(config[key]) !== textOf(first[key]),
      );
      if (changed.length > 0)
        throw new UsageError(`${changed.join(", ")}: start it again to change that.`);
      next = await open(config, this.#serving);
    } catch (error) {
      const isKnown = error instanceof UsageError || error instanceof SigilError;
      const why = isKnown ? error.message : "a bug in sigil";
      log.error(`the configuration was not read again, and the one before stays: ${why}`);
      return;
    }
    const before = this.#serving;
    this.#serving = next;
    this.#ending.add(before);
    for (const warning of warnings?.(this.#config, config) ?? []) log.warn(warning);
    this.#config = config;
    log.info("new requests are served by the configuration that was read again");
    void replace(next).then(async () => {
      this.#ending.delete(before);
      await before.close();
      log.info("the last request of the configuration before has ended");
    });
  }

  /** Ends every version. */
  async close(): Promise<void> {
    await this.#turn;
    for (const serving of [...this.#ending, this.#serving]) await serving.close();
  }
}

const textOf = (part: unknown): string =>
  JSON.stringify(part, (_key, value) => (typeof value === "bigint" ? `${value}` : value)) ?? "";
