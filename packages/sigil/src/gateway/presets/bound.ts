/** The most that a request can use, before anything is known of its model. */
import { type Usage, usageOf } from "../usage.ts";

/**
 * The most that a request can use. `input` and `inputAudio` are `Infinity` if only the context
 * window of the model bounds them. `output` is what is made beside the answers themselves.
 */
export interface Bound extends Usage {
  /** The client's cap on the output of one answer; undefined if it gave none. */
  readonly maxOutput: number | undefined;
  /**
   * Whether nothing but that cap ends an answer: Ollama's models write more than a price file says
   * of them.
   */
  readonly isEndless: boolean;
  /** Answers to one request (`n`), each with `maxOutput`; 0 if tokens are no part of the answer. */
  readonly choices: number;
  /**
   * How often the model may read a whole context window: once for each round with hosted tools,
   * and for each text to embed.
   */
  readonly windows: number;
  /** Billed tokens that are no part of a context window: images of `gpt-4o-mini`. */
  readonly beyondWindow: number;
  /** Parts and units beside `output` that the answers may be made of, at another price. */
  readonly outputKinds: readonly ("outputAudio" | "image_token")[];
}

/** What a price file says of a model. */
export interface ModelLimits {
  readonly contextWindow: number | undefined;
  readonly maxOutput: number | undefined;
}

/**
 * The bound as a usage that can be priced; undefined if nothing bounds the request, because
 * neither the client nor the price file gives a number.
 *
 * @param maxOutput a lower cap on the output of one answer, if the request is sent with one
 */
export function worstCase(
  bound: Bound,
  limits: ModelLimits,
  maxOutput = bound.maxOutput,
): Usage | undefined {
  const window = (limits.contextWindow ?? Number.POSITIVE_INFINITY) * bound.windows;
  const input = Math.min(bound.input, window) + bound.beyondWindow;
  const inputAudio = Math.min(bound.inputAudio, window);
  const each = Math.min(
    maxOutput ?? Number.POSITIVE_INFINITY,
    (bound.isEndless ? undefined : limits.maxOutput) ?? Number.POSITIVE_INFINITY,
  );
  const output = bound.output + (bound.choices === 0 ? 0 : each * bound.choices);
  if (![input, inputAudio, output].every(Number.isSafeInteger)) return undefined;
  const kinds = new Set(bound.outputKinds);
  return {
    input,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output,
    inputAudio,
    outputAudio: kinds.has("outputAudio") ? output : 0,
    calls: bound.calls,
    units: kinds.has("image_token") ? { ...bound.units, image_token: output } : bound.units,
    tier: bound.tier,
    model: bound.model,
  };
}

/** A bound of these parts, for one answer. */
export const boundOf = (parts: Partial<Bound>): Bound => ({
  ...usageOf({}),
  maxOutput: undefined,
  isEndless: false,
  choices: 1,
  windows: 1,
  beyondWindow: 0,
  outputKinds: [],
  ...parts,
});
