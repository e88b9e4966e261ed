/**
 * The catalogue of genai-prices as a price file. It is read with care: what it prices in a way that
 * a `Usage` cannot count is left out, and so denied.
 */
import { z } from "zod";
import type { TokenPart } from "./file.ts";
import { fractionOf, larger, writeDecimal, ZERO } from "./fraction.ts";
import { matchedNames, matchLogic } from "./match.ts";

/** The providers of the catalogue by what a price file calls them, which is what presets do. */
const VENDORS = {
  openai: "openai",
  anthropic: "anthropic",
  gemini: "google",
  mistral: "mistral",
  openrouter: "openrouter",
} as const;

/** The providers of the catalogue that are read. */
export const PROVIDERS: readonly string[] = Object.values(VENDORS);

const amount = z.number().nonnegative();
const tiered = z.object({
  base: amount,
  tiers: z.array(z.object({ start: z.number().int().nonnegative(), price: amount })),
});
const prices = z.record(z.string(), z.union([amount, tiered]));
const constraint = z
  .object({ start_date: z.string().optional(), start_time: z.string().optional() })
  .optional();
const model = z.object({
  id: z.string(),
  match: matchLogic,
  context_window: z.number().int().positive().optional(),
  prices: z.union([z.array(z.object({ constraint, prices })), prices]),
});
const catalogue = z.array(z.object({ id: z.string(), models: z.array(model) }));

type Prices = z.infer<typeof prices>;
type Model = z.infer<typeof model>;

/**
 * Keys of the catalogue whose dearest is the price of a part. A `Usage` does not tell text from
 * images and video, so all have the price of the dearest; of output, Gemini's answers alone tell
 * images apart. Audio that came from a cache counts as audio.
 */
const TOKEN_KEYS: Readonly<Record<TokenPart, readonly string[]>> = {
  input: ["input_mtok", "input_image_mtok", "input_video_mtok"],
  cacheRead: ["cache_read_mtok", "cache_image_read_mtok"],
  cacheWrite5m: ["cache_write_mtok", "cache_write_5m_mtok"],
  cacheWrite1h: ["cache_write_1h_mtok"],
  output: ["output_mtok", "output_image_mtok", "output_video_mtok", "output_reasoning_mtok"],
  inputAudio: ["input_audio_mtok", "cache_audio_read_mtok"],
  outputAudio: ["output_audio_mtok"],
};

interface Counted {
  readonly group: "calls" | "units";
  readonly name: string;
  readonly per: number;
}

const COUNTED: Readonly<Record<string, Counted>> = {
  web_searches_kcount: { group: "calls", name: "web_search", per: 1000 },
  storage_searches_kcount: { group: "calls", name: "file_search", per: 1000 },
  input_document_kpages: { group: "units", name: "page", per: 1000 },
  input_annotated_document_kpages: { group: "units", name: "annotated_page", per: 1000 },
  audio_hours: { group: "units", name: "second", per: 3600 },
  // The same seconds again: the catalogue has both wherever it has one.
  input_audio_hours: { group: "units", name: "second", per: 3600 },
  output_image_mtok: { group: "units", name: "image_token", per: 1_000_000 },
};
const TELLS_IMAGES = "gemini";

const KNOWN: ReadonlySet<string> = new Set([
  ...Object.values(TOKEN_KEYS).flat(),
  ...Object.keys(COUNTED),
]);

/** A model of a price file, as data that YAML can be written from. */
export interface WrittenModel {
  names?: readonly string[];
  context?: string;
  maxOutput?: string;
  reasons?: string;
  [key: string]: unknown;
}

export type WrittenVendors = Record<string, Record<string, WrittenModel | "free">>;

export interface Converted {
  readonly vendors: WrittenVendors;
  /** The models that were left out, each with the reason. */
  readonly leftOut: readonly string[];
}

/**
 * Converts the catalogue, which is the package's data or its published `data.json`.
 *
 * @param date the day of the file: what the catalogue dates after it becomes `later`
 * @throws ZodError if it has another form
 */
export function converted(data: unknown, date: string): Converted {
  const providers = catalogue.parse(data);
  const leftOut: string[] = [];
  const vendors: WrittenVendors = {};
  for (const [vendor, id] of Object.entries(VENDORS)) {
    const models = providers.find((provider) => provider.id === id)?.models ?? [];
    const written: Record<string, WrittenModel | "free"> = {};
    for (const one of models) {
      const names = matchedNames(models, one);
      const entry = names.length === 0 ? "no name of it is certain" : entryOf(one, vendor, date);
      if (typeof entry === "string" && entry !== "free")
        leftOut.push(`${vendor} ${one.id}: ${entry}`);
      else if (entry === "free") for (const name of names) written[name] = "free";
      else {
        const [first, ...others] = names;
        written[first!] = {
          ...(others.length > 0 && { names: others }),
          ...(one.context_window !== undefined && { context: String(one.context_window) }),
          ...entry,
        };
      }
    }
    vendors[vendor] = written;
  }
  // A model on the owner's own machine costs nothing.
  vendors.ollama = { "*": "free" };
  return { vendors, leftOut };
}

/** The prices of a model; a text if it is free or left out. */
function entryOf(one: Model, vendor: string, date: string): WrittenModel | string {
  const versions = Array.isArray(one.prices) ? one.prices : [{ prices: one.prices }];
  const all = versions.map(({ prices }) => prices);
  if (all.every((prices) => Object.keys(prices).length === 0))
    return one.id.endsWith(":free") ? "free" : "the catalogue has no price";
  const unknown = all.flatMap(Object.keys).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) return `a usage does not count ${unknown}`;
  if (versions.some(({ constraint }) => constraint?.start_time !== undefined))
    return "its price depends on the hour";
  // Vendors publish dearer prices for these; the catalogue has those of the text alone.
  if (
    /\b(?:audio|realtime)\b/.test(one.id) &&
    all.some((prices) => prices.input_audio_mtok === undefined)
  )
    return "the catalogue has no price of its audio";
  if (
    /\bsearch\b|deep-research/.test(one.id) &&
    all.some((each) => each.web_searches_kcount === undefined)
  )
    return "the catalogue has no price of its searches";
  const startOf = (version: (typeof versions)[number]) => version.constraint?.start_date ?? "";
  const inForce = versions.findLast((version) => startOf(version) <= date) ?? versions[0]!;
  const later = versions.filter((version) => startOf(version) > date);
  return {
    ...setOf(inForce.prices, vendor),
    ...(later.length > 0 && {
      later: later.map((version) => ({ from: startOf(version), ...setOf(version.prices, vendor) })),
    }),
  };
}

function setOf(prices: Prices, vendor: string): Record<string, unknown> {
  const starts = Object.values(prices).flatMap((price) =>
    typeof price === "number" ? [] : price.tiers.map(({ start }) => start),
  );
  const base = tokenPricesAt(prices, vendor, -1);
  const over = [...new Set(starts)]
    .sort((a, b) => a - b)
    .map((start) => ({
      tokens: String(start),
      ...Object.fromEntries(
        Object.entries(tokenPricesAt(prices, vendor, start)).filter(
          ([part, text]) => base[part] !== text,
        ),
      ),
    }));
  const counted: Record<Counted["group"], Record<string, string>> = { calls: {}, units: {} };
  for (const [key, price] of Object.entries(prices)) {
    const unit = COUNTED[key];
    if (unit !== undefined && typeof price === "number")
      counted[unit.group][unit.name] = price === 0 ? "free" : `${decimal(price)}/${unit.per}`;
  }
  return {
    ...base,
    ...(over.length > 0 && { over }),
    ...Object.fromEntries(
      Object.entries(counted).filter(([, rates]) => Object.keys(rates).length > 0),
    ),
  };
}

/** The price of each part for an input that is just longer than `start`. */
function tokenPricesAt(prices: Prices, vendor: string, start: number): Record<string, string> {
  const at = (key: string) => {
    const price = prices[key];
    if (price === undefined || typeof price === "number") return price;
    return [...price.tiers]
      .sort((a, b) => a.start - b.start)
      .reduce((found, tier) => (tier.start <= start ? tier.price : found), price.base);
  };
  const written: Record<string, string> = {};
  for (const [part, keys] of Object.entries(TOKEN_KEYS)) {
    const told = vendor === TELLS_IMAGES ? keys.filter((key) => !(key in COUNTED)) : keys;
    const all = told.map(at).filter((price) => price !== undefined);
    if (all.length === 0) continue;
    const dearest = all.map((price) => fractionOf(price) ?? ZERO).reduce(larger);
    written[part] = dearest.numerator === 0n ? "free" : writeDecimal(dearest);
  }
  return written;
}

const decimal = (price: number): string => writeDecimal(fractionOf(price)!);
