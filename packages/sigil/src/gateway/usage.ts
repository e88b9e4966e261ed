/** What one request used of a metered API, in one normal form with parts that do not overlap. */

/**
 * Tokens, calls and units that one request used. Every token is in exactly one part, whatever the
 * vendor's own sums include.
 */
export interface Usage {
  /** Tokens of text and images that are neither read from a cache nor written to one. */
  readonly input: number;
  readonly cacheRead: number;
  /** Written to a cache for minutes. Also what a vendor does not name a time for. */
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  /** Tokens of text that the model made, reasoning included. */
  readonly output: number;
  readonly inputAudio: number;
  readonly outputAudio: number;
  /** Calls of hosted tools by name, for example `web_search`. */
  readonly calls: Readonly<Record<string, number>>;
  /**
   * What is counted in something else than tokens: `image`, `second`, `page`; and `image_token`,
   * tokens of pictures that a model of text made, which have a price of their own. A unit without
   * a price has an unknown cost, never none.
   */
  readonly units: Readonly<Record<string, number>>;
  /**
   * Service tier as the answer names it. What else changes the tariff follows after a plus sign:
   * `standard+fast`, `standard+us`.
   */
  readonly tier: string | undefined;
  /** Model as the answer names it. */
  readonly model: string | undefined;
  /** Cost in dollars, if the vendor states one above zero. OpenRouter does. */
  readonly costUsd?: number;
}

/** Parts of `Usage` that are counts of tokens. */
export const TOKEN_PARTS = [
  "input",
  "cacheRead",
  "cacheWrite5m",
  "cacheWrite1h",
  "output",
  "inputAudio",
  "outputAudio",
] as const;

const NOTHING: Usage = {
  input: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  output: 0,
  inputAudio: 0,
  outputAudio: 0,
  calls: {},
  units: {},
  tier: undefined,
  model: undefined,
};

/** A usage of these parts, with nothing in the others. */
export const usageOf = (parts: Partial<Usage>): Usage => ({ ...NOTHING, ...parts });
