/**
 * What models cost in sat: by the owner's own prices, or by the price list in US dollars at the
 * rate that the owner states. Nothing looks a rate up.
 */
import type { Fraction } from "../prices/fraction.ts";
import { dividedBy } from "../prices/fraction.ts";
import { type Charge, ModelPrice } from "../prices/model-price.ts";
import { DATE, type Name, readName } from "../prices/name.ts";
import type { PriceTable } from "../prices/table.ts";

/** An owner's price of a model. */
export interface SatPrice {
  /** msat for 1,000 tokens of input. */
  readonly inputMsat: bigint;
  /** msat for 1,000 tokens of output. */
  readonly outputMsat: bigint;
  /** The most tokens that the model reads. @default what the price list says */
  readonly context?: number | undefined;
  /** The most tokens of one answer. @default what the price list says */
  readonly maxOutput?: number | undefined;
}

export interface SatPricesOptions {
  /** By the name of a model, or the beginning of it and a star: `llama3*`. */
  readonly models: Readonly<Record<string, SatPrice>>;
  /** What one US dollar of the price list costs, in msat; undefined: only `models` are sold. */
  readonly msatPerUsd: bigint | undefined;
  readonly list: PriceTable;
}

const ONE: Fraction = { numerator: 1n, denominator: 1n };
const IN_MSAT: Charge = { unit: "msat", perPrice: ONE, isOfDollars: false };

export class SatPrices {
  readonly #options: SatPricesOptions;
  readonly #exact = new Map<string, SatPrice>();
  /** The longest first. */
  readonly #prefixes: readonly (readonly [name: Name, price: SatPrice])[];
  readonly #atRate: Charge | undefined;
  /** Prices are made once for each line of the list. */
  readonly #converted = new WeakMap<ModelPrice, ModelPrice>();

  constructor(options: SatPricesOptions) {
    this.#options = options;
    const { models, msatPerUsd } = options;
    const prefixes: [Name, SatPrice][] = [];
    for (const [text, price] of Object.entries(models)) {
      const name = readName(text);
      if (name.kind === "exact") this.#exact.set(name.text, price);
      else prefixes.push([name, price]);
    }
    this.#prefixes = prefixes.sort(([a], [b]) => b.text.length - a.text.length);
    if (msatPerUsd !== undefined)
      this.#atRate = {
        unit: "msat",
        perPrice: { numerator: msatPerUsd, denominator: 1n },
        isOfDollars: true,
      };
  }

  /** Undefined for a model that is not sold. @param at milliseconds since 1970 */
  find(vendor: string, model: string, at: number): ModelPrice | undefined {
    const listed = this.#options.list.find(vendor, model, at);
    const own = this.#exact.get(model) ?? this.#prefixes.find(([name]) => begins(name, model))?.[1];
    if (own !== undefined) return ownPrice(model, own, listed);
    if (listed === undefined || this.#atRate === undefined) return undefined;
    let price = this.#converted.get(listed);
    if (price === undefined) {
      price = listed.chargedAs(this.#atRate);
      this.#converted.set(listed, price);
    }
    return price;
  }
}

const begins = ({ kind, text }: Name, model: string): boolean =>
  model.startsWith(text) && (kind !== "dated" || DATE.test(model.slice(text.length)));

function ownPrice(model: string, own: SatPrice, listed: ModelPrice | undefined): ModelPrice {
  const perToken = (value: bigint): Fraction =>
    dividedBy({ numerator: value, denominator: 1n }, 1000n);
  const limits = {
    contextWindow: own.context ?? listed?.limits.contextWindow,
    maxOutput: own.maxOutput ?? listed?.limits.maxOutput,
    reasons: listed?.limits.reasons ?? false,
  };
  const set = { input: perToken(own.inputMsat), output: perToken(own.outputMsat) };
  return new ModelPrice(`${model} as this gateway sells it`, limits, set, ONE, IN_MSAT);
}
