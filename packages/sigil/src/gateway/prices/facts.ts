/**
 * What the genai-prices catalogue does not say about a model: its longest answer, whether it
 * reasons, and what other service tiers cost. From LiteLLM's map of models, or from a price file
 * that has it already.
 */
import { parse } from "yaml";
import { z } from "zod";
import { TOKEN_PARTS } from "../usage.ts";
import { type Fraction, fractionOf, isLess, readDecimal, times, writeDecimal } from "./fraction.ts";
import type { WrittenModel } from "./source.ts";

/** The part of a model of a price file that comes from here. */
export interface Facts {
  /** Only where the catalogue has none. */
  readonly context?: string;
  readonly maxOutput?: string;
  readonly reasons?: string;
  readonly factors?: Readonly<Record<string, string>>;
  readonly tiers?: Readonly<Record<string, unknown>>;
}

/** Looks a model up, whose prices without facts are given. */
export type FactSource = (
  vendor: string,
  names: readonly string[],
  model: WrittenModel,
) => Facts | undefined;

const LIMITS = ["context", "maxOutput", "reasons"] as const;
const TARIFFS = ["factors", "tiers"] as const;

/** The facts that a price file has. */
export function factsOfFile(yamlText: string): FactSource {
  const { vendors } = parse(yamlText, { schema: "failsafe" }) as {
    vendors: Record<string, Record<string, WrittenModel | "free">>;
  };
  return (vendor, [name], model) => {
    const old = vendors[vendor]?.[name!];
    if (old === undefined || old === "free") return undefined;
    // What other tiers cost goes with the price that it was listed beside.
    const isSame = old.input === model.input && old.output === model.output;
    const keys = isSame ? [...LIMITS, ...TARIFFS] : LIMITS;
    return Object.fromEntries(
      keys.filter((key) => old[key] !== undefined).map((key) => [key, old[key]]),
    );
  };
}

/** What the map writes before the names of a vendor's models. */
const SPELLED: Readonly<Record<string, string>> = {
  openai: "",
  anthropic: "",
  gemini: "gemini/",
  mistral: "mistral/",
};
/** The vendors of models that others sell, by their name at OpenRouter. */
const MAKERS: Readonly<Record<string, string>> = {
  openai: "",
  anthropic: "",
  google: "gemini/",
  mistralai: "mistral/",
};

/** How the map may spell a model. OpenRouter writes `anthropic/claude-opus-4.8`. */
function spellings(vendor: string, name: string): readonly string[] {
  const spelled = SPELLED[vendor];
  if (spelled !== undefined) return [spelled + name];
  const [maker = "", model = ""] = name.split("/");
  const made = vendor === "openrouter" ? MAKERS[maker] : undefined;
  return made === undefined ? [] : [made + model, made + model.replaceAll(".", "-")];
}

const TIERS = ["priority", "flex"];
/** Parts of a price file, and what the map calls the price of one token. */
const COSTS = {
  input: "input_cost_per_token",
  cacheRead: "cache_read_input_token_cost",
  cacheWrite5m: "cache_creation_input_token_cost",
  output: "output_cost_per_token",
  inputAudio: "input_cost_per_audio_token",
} as const;
const MILLION: Fraction = { numerator: 1_000_000n, denominator: 1n };

const map = z.record(z.string(), z.record(z.string(), z.unknown()));

/** The facts of LiteLLM's `model_prices_and_context_window.json`, as JSON text. */
export function factsOfMap(json: string): FactSource {
  const models = map.parse(JSON.parse(json));
  return (vendor, names, model) => {
    const entry = names
      .flatMap((name) => spellings(vendor, name))
      .map((spelling) => models[spelling])
      .find((each) => each !== undefined);
    if (entry === undefined) return undefined;
    const isMakers = vendor in SPELLED;
    return {
      ...(!("context" in model) && written("context", entry.max_input_tokens)),
      ...written("maxOutput", entry.max_output_tokens),
      ...(entry.supports_reasoning === true && { reasons: "true" }),
      ...(isMakers &&
        isSamePrice(entry, model) && { ...factorsOf(entry), ...tiersOf(entry, model) }),
    };
  };
}

type Entry = Readonly<Record<string, unknown>>;

const written = (key: "context" | "maxOutput", count: unknown): Facts =>
  Number.isSafeInteger(count) && (count as number) > 0 ? { [key]: String(count) } : {};

/** US dollars for a million tokens, as text. */
function costIn(entry: Entry, key: string): string | undefined {
  const cost = entry[key];
  const fraction = typeof cost === "number" ? fractionOf(cost) : undefined;
  return fraction === undefined || fraction.numerator === 0n
    ? undefined
    : writeDecimal(times(fraction, MILLION));
}

/** Factors and tiers are of use only if both sources mean the same prices. */
const isSamePrice = (entry: Entry, model: WrittenModel): boolean =>
  model.input === costIn(entry, COSTS.input) && model.output === costIn(entry, COSTS.output);

/** The region and the fast mode of Anthropic, which are factors on every price. */
function factorsOf({ provider_specific_entry: factors }: Entry): Facts {
  const { success, data } = z.record(z.string(), z.number().min(1)).safeParse(factors);
  if (!success) return {};
  return {
    factors: Object.fromEntries(
      Object.entries(data).map(([name, factor]) => [name, writeDecimal(fractionOf(factor)!)]),
    ),
  };
}

/** The tiers that have a price for each part that the standard tier has one for. */
function tiersOf(entry: Entry, model: WrittenModel): Facts {
  const parts = TOKEN_PARTS.filter((part) => part in model);
  const tiers = TIERS.flatMap((tier) => {
    const base = pricesOf(entry, (cost) => `${cost}_${tier}`);
    if (!parts.every((part) => part in base)) return [];
    const over = ((model.over ?? []) as readonly Written[]).map(({ tokens = "", ...standard }) => {
      const kilo = Math.ceil(Number(tokens) / 1000);
      const own = pricesOf(entry, (cost) => `${cost}_above_${kilo}k_tokens_${tier}`);
      // Where the map has no price of the tier for long inputs, the vendor serves them at its
      // standard price, or refuses them.
      const others = parts.map((part) => [part, dearer(standard[part], base[part]!)] as const);
      return { tokens, ...Object.fromEntries(others), ...own };
    });
    return [[tier, { ...base, ...(over.length > 0 && { over }) }] as const];
  });
  return tiers.length === 0 ? {} : { tiers: Object.fromEntries(tiers) };
}

type Written = Readonly<Record<string, string>>;

const dearer = (a: string | undefined, b: string): string =>
  a === undefined || isLess(readDecimal(a)!, readDecimal(b)!) ? b : a;

function pricesOf(entry: Entry, key: (cost: string) => string): Record<string, string> {
  const prices: Record<string, string> = {};
  for (const [part, cost] of Object.entries(COSTS)) {
    const price = costIn(entry, key(cost));
    if (price !== undefined) prices[part] = price;
  }
  return prices;
}
