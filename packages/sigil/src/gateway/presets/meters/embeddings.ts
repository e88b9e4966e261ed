/** Embeddings in OpenAI's form. */

import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import type { Encoding } from "../../tokens/encoding.ts";
import { boundOf } from "../bound.ts";
import { fieldsOf, listOf, modelIn } from "../fields.ts";
import { type Allowances, type Asked, type Meter, NO_ALLOWANCES } from "../preset.ts";
import { MESSAGE_TOKENS, REQUEST_TOKENS, tokensOf } from "../text.ts";
import { ChatReader } from "./chat-usage.ts";
import { embeddingsUsage } from "./openai-usage.ts";

/**
 * A meter for embeddings; each text may fill a context window.
 *
 * @param encodingOf undefined if it is not known of any model
 */
export const embeddingsMeter = (
  known: ReadonlySet<string>,
  encodingOf?: (model: string) => Encoding | undefined,
): Meter => ({
  ask(body: JsonBody | undefined, target: Target, allowances: Allowances = NO_ALLOWANCES): Asked {
    const fields = fieldsOf(body, known, allowances);
    const model = modelIn(fields, target);
    const inputs = typeof fields.input === "string" ? [] : listOf(fields.input, "input");
    // An array of numbers is one text in tokens.
    const isTokens = inputs.every((item) => typeof item === "number");
    const texts = isTokens ? 1 : inputs.length;
    const encoding = encodingOf?.(model);
    return {
      model,
      isStream: false,
      bound: boundOf({
        input: tokensOf(fields) + REQUEST_TOKENS + MESSAGE_TOKENS * texts,
        choices: 0,
        windows: texts,
        model,
      }),
      countable: encoding && {
        encoding,
        texts: [fields.input, ...inputs].filter((item) => typeof item === "string"),
      },
      cap: undefined,
      edits: [],
      notes: new Set(),
    };
  },
  reader: () => new ChatReader(embeddingsUsage, false),
});
