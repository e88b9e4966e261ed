/** Ollama's own API: chat, generation and embeddings. Streams are lines of JSON. */

import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import { type Usage, usageOf } from "../../usage.ts";
import { boundOf } from "../bound.ts";
import {
  checkCase,
  countIn,
  type Fields,
  fieldsOf,
  flagIn,
  isObject,
  listOf,
  modelIn,
  objectsOf,
} from "../fields.ts";
import { eventWith, stated, word } from "../numbers.ts";
import { type ImageTokens, PartSum } from "../parts.ts";
import {
  type Allowances,
  type Asked,
  type Meter,
  NO_ALLOWANCES,
  type UsageReader,
} from "../preset.ts";
import { RequestRefused } from "../refused.ts";
import { MESSAGE_TOKENS, REQUEST_TOKENS, tokensOf } from "../text.ts";
import { toolCosts } from "../tools.ts";

/**
 * Fields of ollama 0.6. Its server is written in Go and ignores the case of names, so another
 * spelling of one of these is another name here, and refused. `template` is missing: it may write
 * the prompt many times.
 */
const KNOWN: ReadonlySet<string> = new Set([
  "context",
  "dimensions",
  "format",
  "input",
  "images",
  "keep_alive",
  "logprobs",
  "messages",
  "model",
  "options",
  "prompt",
  "raw",
  "shift",
  "stream",
  "suffix",
  "system",
  "think",
  "tools",
  "top_logprobs",
  "truncate",
]);

/**
 * Members inside of which names are the client's own: schemas, arguments, and what is not read.
 * None of them costs more than its text.
 */
export const OLLAMA_OPEN: ReadonlySet<string> = new Set([
  "arguments",
  "format",
  "logit_bias",
  "metadata",
  "parameters",
  "response_format",
]);

/** Qwen2-VL, the model with the most, has 16,384. */
export const OLLAMA_IMAGE: ImageTokens = { most: 16_384, isBeyondWindow: false };

export const ollamaMeter = (makes: "text" | "embeddings"): Meter => ({
  ask(body: JsonBody | undefined, target: Target, allowances: Allowances = NO_ALLOWANCES): Asked {
    const fields = fieldsOf(body, KNOWN, allowances);
    checkCase(fields, OLLAMA_OPEN);
    const model = modelIn(fields, target);
    const tools = toolCosts(fields.tools, () => "own");
    const parts = new PartSum(OLLAMA_IMAGE);
    const messages = objectsOf(fields.messages);
    for (const { images } of [fields, ...messages])
      for (const data of listOf(images, "images")) parts.add({ kind: "image", data });
    const inputs = typeof fields.input === "string" ? [] : listOf(fields.input, "input");
    const texts = makes === "text" ? 1 : Math.max(1, inputs.length);
    const isStream =
      makes === "text" && ((fields.stream ?? undefined) === undefined || flagIn(fields, "stream"));
    return {
      model,
      isStream,
      bound: boundOf({
        ...parts.bound(
          tokensOf(fields) +
            REQUEST_TOKENS +
            MESSAGE_TOKENS * (messages.length + texts) +
            tools.tokens,
        ),
        maxOutput: maxOf(fields),
        isEndless: true,
        choices: makes === "text" ? 1 : 0,
        windows: texts,
        model,
      }),
      cap: makes === "text" ? { path: ["options", "num_predict"], least: 1, below: [] } : undefined,
      edits: [],
      notes: new Set(),
    };
  },
  reader: () => new OllamaReader(makes),
});

/** Undefined also for 0 and below, which are no cap for its runner. */
function maxOf({ options = {} }: Fields): number | undefined {
  if (!isObject(options)) throw new RequestRefused("bad_request", '"options" must be an object.');
  const most = options.num_predict;
  return typeof most === "number" && most <= 0 ? undefined : countIn(options, "num_predict");
}

class OllamaReader implements UsageReader {
  readonly #makes: "text" | "embeddings";
  #usage: Usage | undefined;

  constructor(makes: "text" | "embeddings") {
    this.#makes = makes;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  whole(json: unknown): Usage | undefined {
    if (!isObject(json)) return undefined;
    const model = word(json.model);
    // A prompt that is in the cache as a whole is not counted.
    const input = stated(json.prompt_eval_count ?? 0);
    const output = this.#makes === "text" ? stated(json.eval_count) : 0;
    if (input === undefined || output === undefined) return undefined;
    if (this.#makes === "embeddings" && json.prompt_eval_count === undefined) return undefined;
    return usageOf({ input, output, model });
  }

  event(data: string): "pass" {
    const line = eventWith('"eval_count"', data);
    if (line?.done === true) this.#usage = this.whole(line) ?? this.#usage;
    return "pass";
  }
}
