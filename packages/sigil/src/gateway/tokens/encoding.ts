/** The encodings of OpenAI's models that a text can be counted in. */

export type Encoding = "o200k_base" | "cl100k_base";

/** Texts of a request that the vendor reads as they are, with nothing escaped. */
export interface Countable {
  readonly encoding: Encoding;
  readonly texts: readonly string[];
}

/**
 * `MODEL_TO_ENCODING` and `MODEL_PREFIX_TO_ENCODING` of OpenAI's tiktoken 0.14; the first that fits
 * counts. Of fine-tuned models only those of a model that is itself in the list: `ft:gpt-4.1` is
 * another encoding than the prefix `ft:gpt-4` says.
 */
const ENCODINGS: readonly (readonly [RegExp, Encoding])[] = [
  [/^(?:o1|o3|o4-mini|gpt-4\.1|(?:ft:)?gpt-4o)(?:[-:]|$)/, "o200k_base"],
  [/^(?:gpt-5|gpt-4\.5-|chatgpt-4o-)/, "o200k_base"],
  [/^(?:(?:ft:)?gpt-(?:4|3\.5-turbo)|gpt-35-turbo)(?:[-:]|$)/, "cl100k_base"],
  [/^(?:gpt-3\.5|text-embedding-(?:ada-002|3-small|3-large))$/, "cl100k_base"],
];

/** Undefined for a model whose encoding OpenAI has not said. */
export const openaiEncoding = (model: string): Encoding | undefined =>
  ENCODINGS.find(([names]) => names.test(model))?.[1];
