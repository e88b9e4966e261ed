/** What a model costs: of what was used exactly, and the most that a request can come to. */
import type { Unit } from "l8nt/invoice";
import { TOKEN_PARTS, type Usage } from "../usage.ts";
import type { PriceSet, TokenPart, TokenPrices } from "./file.ts";
import { ceiling, type Fraction, fractionOf, larger, plus, times, ZERO } from "./fraction.ts";

/** What a model can do, if the file says so. */
export interface ModelLimits {
  /** The most tokens of input that the model reads. */
  readonly contextWindow: number | undefined;
  /** Tokens of one answer. */
  readonly maxOutput: number | undefined;
  /** Whether the model spends output tokens on reasoning that the answer does not show. */
  readonly reasons: boolean;
}

/** Prices of requests whose input is longer than `over` tokens, with every part filled in. */
interface Step {
  readonly over: number;
  readonly prices: TokenPrices;
  /** With every kind of input at the price of the dearest. */
  readonly dearest: TokenPrices;
}

/** The steps of one service tier, by rising length; the first applies to every request. */
type Tariff = readonly Step[];

type Rates = Readonly<Record<string, Fraction>>;

const ONE: Fraction = { numerator: 1n, denominator: 1n };
const NOTHING: PriceSet = { input: ZERO, output: ZERO };

/** The unit that a price is counted in. */
export interface Charge {
  readonly unit: Unit;
  /** How many of the unit one of the price is. */
  readonly perPrice: Fraction;
  /** Whether the prices are in US dollars, as a cost that a vendor states is. */
  readonly isOfDollars: boolean;
}

const IN_DOLLARS: Charge = {
  unit: "usd_micro",
  perPrice: { numerator: 1_000_000n, denominator: 1n },
  isOfDollars: true,
};

/** Service tiers that vendors sell at the standard price or below it. Others need a price. */
const NEVER_DEARER: ReadonlySet<string> = new Set(["default", "standard", "flex", "batch"]);

/** Tokens of text and images: a request cannot know which of these its input will be. */
const INPUT_PARTS = ["input", "cacheRead", "cacheWrite5m", "cacheWrite1h"] as const;

/** A service tier as an answer or a request names it: `priority`, `standard+us`. */
interface Tier {
  readonly name: string;
  /** The vendor chooses the tier. */
  readonly isOpen: boolean;
  readonly factor: Fraction;
}

export class ModelPrice {
  /** Which line of which file this is: "openai gpt-5 of 2026-09-23". */
  readonly line: string;
  readonly limits: ModelLimits;
  /** Whether the file says `free` of the whole model: no request of it needs a bound. */
  readonly isFree: boolean;
  readonly #standard: Tariff;
  readonly #tiers: ReadonlyMap<string, Tariff>;
  readonly #factors: Rates;
  readonly #rates: { readonly calls: Rates; readonly units: Rates };
  readonly #margin: Fraction;
  readonly #set: PriceSet | "free";
  readonly #charge: Charge;

  /** @param charge the unit that costs are counted in; by default usd_micro */
  constructor(
    line: string,
    limits: ModelLimits,
    set: PriceSet | "free",
    margin: Fraction,
    charge = IN_DOLLARS,
  ) {
    this.#set = set;
    this.#charge = charge;
    this.line = line;
    this.limits = limits;
    this.isFree = set === "free";
    const {
      tiers = {},
      factors = {},
      calls = {},
      units = {},
      ...standard
    } = set === "free" ? NOTHING : set;
    this.#standard = tariffOf(standard);
    this.#tiers = new Map(
      Object.entries(tiers).map(([name, tier]) => [name.toLowerCase(), tariffOf(tier)]),
    );
    this.#factors = factors;
    this.#rates = { calls, units };
    this.#margin = margin;
  }

  get unit(): Unit {
    return this.#charge.unit;
  }

  /** The same price, counted in another unit. */
  chargedAs(charge: Charge): ModelPrice {
    return new ModelPrice(this.line, this.limits, this.#set, this.#margin, charge);
  }

  /**
   * What the usage costs, in its unit, rounded up once on the sum. A cost above zero that the
   * vendor stated is taken instead. Undefined if a part of it, or its service tier, has no price
   * here.
   */
  cost(usage: Usage): bigint | undefined {
    const stated = fractionOf(usage.costUsd ?? 0);
    const isCost = stated !== undefined && stated.numerator > 0n && this.#charge.isOfDollars;
    if (isCost) return this.#charged(stated);
    const tier = this.#readTier(usage);
    if (tier === undefined) return undefined;
    const tariff = this.#tiers.get(tier.name) ?? this.#standard;
    const { prices } = tariff.findLast(({ over }) => inputOf(usage) > over) ?? tariff[0]!;
    return this.#amount(usage, prices, tier.factor);
  }

  /**
   * The most that a request can cost which uses no more than this: its input at the dearest price
   * that input of that length can have. Of the service tiers the dearest, unless `usage.tier` names
   * one: then that one, or the standard tier, to which a vendor may fall back. Undefined like
   * {@link cost}.
   */
  dearest(usage: Usage): bigint | undefined {
    const tier = this.#readTier(usage);
    if (tier === undefined) return undefined;
    const named = this.#tiers.get(tier.name);
    const tariffs = tier.isOpen ? [...this.#tiers.values()] : named === undefined ? [] : [named];
    const all = inputOf(usage);
    let most = 0n;
    for (const tariff of [this.#standard, ...tariffs])
      for (const { over, dearest } of tariff) {
        if (over >= 0 && over >= all) continue;
        const amount = this.#amount(usage, dearest, tier.factor);
        if (amount === undefined) return undefined;
        if (amount > most) most = amount;
      }
    return most;
  }

  /** Undefined if a part of the tier has no price. */
  #readTier({ tier }: Usage): Tier | undefined {
    const [name = "", ...others] = (tier ?? "auto").toLowerCase().split("+");
    const isOpen = name === "auto";
    const isPriced = isOpen || this.isFree || NEVER_DEARER.has(name) || this.#tiers.has(name);
    let factor: Fraction | undefined = isPriced ? ONE : undefined;
    for (const other of others) {
      const by = this.isFree ? ONE : priceOf(this.#factors, other);
      factor = factor === undefined || by === undefined ? undefined : times(factor, by);
    }
    return factor === undefined ? undefined : { name, isOpen, factor };
  }

  #amount(usage: Usage, prices: TokenPrices, factor: Fraction): bigint | undefined {
    let tokens: Fraction | undefined = ZERO;
    for (const part of TOKEN_PARTS) tokens = added(tokens, usage[part], prices[part]);
    let sum = tokens === undefined ? undefined : times(tokens, factor);
    for (const kind of ["calls", "units"] as const)
      for (const [name, count] of Object.entries(usage[kind]))
        sum = added(sum, count, this.isFree ? ZERO : priceOf(this.#rates[kind], name));
    return sum === undefined ? undefined : this.#charged(sum);
  }

  #charged(sum: Fraction): bigint {
    return ceiling(times(times(sum, this.#margin), this.#charge.perPrice));
  }
}

/** Undefined if something was counted that has no price, or the count is no number. */
function added(
  sum: Fraction | undefined,
  count: number,
  price: Fraction | undefined,
): Fraction | undefined {
  if (count === 0) return sum;
  const counted = fractionOf(count);
  return sum === undefined || counted === undefined || price === undefined
    ? undefined
    : plus(sum, times(counted, price));
}

const priceOf = (prices: Rates, name: string): Fraction | undefined =>
  Object.hasOwn(prices, name) ? prices[name] : undefined;

const inputOf = (usage: Usage): number =>
  INPUT_PARTS.reduce((sum, part) => sum + usage[part], usage.inputAudio);

const tariffOf = ({ over = [], ...base }: Pick<PriceSet, TokenPart | "over">): Tariff => [
  stepOf(-1, base),
  ...over
    .map(({ tokens, ...prices }) => stepOf(tokens, { ...base, ...prices }))
    .sort((a, b) => a.over - b.over),
];

function stepOf(over: number, given: TokenPrices): Step {
  const prices = filled(given);
  return { over, prices, dearest: withDearestInput(prices) };
}

/**
 * A part without a price of its own has the price of what it is a kind of: cached input that of
 * input, audio that of text.
 */
function filled({ input, output, ...prices }: TokenPrices): TokenPrices {
  const cacheWrite5m = prices.cacheWrite5m ?? input;
  return {
    input,
    cacheRead: prices.cacheRead ?? input,
    cacheWrite5m,
    cacheWrite1h: prices.cacheWrite1h ?? cacheWrite5m,
    output,
    inputAudio: prices.inputAudio ?? input,
    outputAudio: prices.outputAudio ?? output,
  };
}

function withDearestInput(prices: TokenPrices): TokenPrices {
  const all = INPUT_PARTS.map((part) => prices[part]).filter((price) => price !== undefined);
  const dearest = all.length === 0 ? undefined : all.reduce(larger);
  return { ...prices, ...Object.fromEntries(INPUT_PARTS.map((part) => [part, dearest])) };
}
