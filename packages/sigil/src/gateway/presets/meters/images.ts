/** Images that OpenAI generates from a text. */

import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import { type Usage, usageOf } from "../../usage.ts";
import { boundOf } from "../bound.ts";
import { countIn, fieldsOf, flagIn, isObject, itemsOf, modelIn } from "../fields.ts";
import { eventWith } from "../numbers.ts";
import {
  type Allowances,
  type Asked,
  type Meter,
  NO_ALLOWANCES,
  type UsageReader,
} from "../preset.ts";
import { REQUEST_TOKENS, tokensOf } from "../text.ts";
import { responsesUsage } from "./openai-usage.ts";

const KNOWN: ReadonlySet<string> = new Set([
  "prompt",
  "background",
  "model",
  "moderation",
  "n",
  "output_compression",
  "output_format",
  "partial_images",
  "quality",
  "response_format",
  "size",
  "stream",
  "style",
  "user",
]);

/**
 * The most tokens of one image. `gpt-image-1` has 6,240 at the most, and `gpt-image-2` four times
 * as many pixels. Each partial image is 100 more.
 */
const IMAGE_TOKENS = 32_768;

/** Models that state tokens. The others are billed for each image. */
const hasTokens = (model: string): boolean => /^(?:gpt|chatgpt)-image/.test(model);

export const imagesMeter: Meter = {
  ask(body: JsonBody | undefined, target: Target, allowances: Allowances = NO_ALLOWANCES): Asked {
    const fields = fieldsOf(body, KNOWN, allowances);
    const model = modelIn(fields, target);
    const images = Math.max(1, countIn(fields, "n") ?? 1);
    return {
      model,
      isStream: flagIn(fields, "stream"),
      bound: hasTokens(model)
        ? boundOf({
            input: tokensOf(fields) + REQUEST_TOKENS,
            maxOutput: IMAGE_TOKENS + 100 * (countIn(fields, "partial_images") ?? 0),
            choices: images,
            model,
          })
        : boundOf({ choices: 0, units: { image: images }, model }),
      cap: undefined,
      edits: [],
      notes: new Set(),
    };
  },
  reader: ({ model, bound }) => new ImagesReader(model, bound.units.image),
};

class ImagesReader implements UsageReader {
  readonly #model: string;
  readonly #images: number | undefined;
  #usage: Usage | undefined;

  /** @param images how many were asked for; undefined if tokens are billed */
  constructor(model: string, images: number | undefined) {
    this.#model = model;
    this.#images = images;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  whole(json: unknown): Usage | undefined {
    if (!isObject(json)) return undefined;
    // The answer does not name its model.
    const model = this.#model;
    if (isObject(json.usage)) {
      const usage = responsesUsage(json.usage, json);
      return usage === undefined ? undefined : { ...usage, model };
    }
    const made = itemsOf(json.data).length;
    if (this.#images === undefined || made === 0) return undefined;
    return usageOf({ units: { image: made }, model });
  }

  event(data: string): "pass" {
    const event = eventWith('"usage"', data);
    if (event?.type === "image_generation.completed")
      this.#usage = this.whole(event) ?? this.#usage;
    return "pass";
  }
}
