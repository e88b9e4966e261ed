/** Gemini's `embedContent` and `batchEmbedContents`. */

import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import { type Usage, usageOf } from "../../usage.ts";
import { boundOf } from "../bound.ts";
import { isObject, objectsOf } from "../fields.ts";
import { stated } from "../numbers.ts";
import { PartSum } from "../parts.ts";
import {
  type Allowances,
  type Asked,
  type Meter,
  NO_ALLOWANCES,
  type UsageReader,
} from "../preset.ts";
import { MESSAGE_TOKENS, REQUEST_TOKENS, tokensOf } from "../text.ts";
import { addParts } from "./generate.ts";
import { checkModel, googleFields, googleModel } from "./google-request.ts";
import { memberOf } from "./proto.ts";

const KNOWN: ReadonlySet<string> = new Set([
  "autoTruncate",
  "config",
  "content",
  "embedContentConfig",
  "model",
  "outputDimensionality",
  "requests",
  "taskType",
  "title",
]);

export const embedMeter: Meter = {
  ask(body: JsonBody | undefined, target: Target, allowances: Allowances = NO_ALLOWANCES): Asked {
    const fields = googleFields(body, KNOWN, allowances);
    const { model } = googleModel(fields, target);
    const requests = objectsOf(memberOf(fields, "requests"));
    const parts = new PartSum({ most: Number.POSITIVE_INFINITY, isBeyondWindow: false });
    for (const request of [fields, ...requests]) {
      checkModel(memberOf(request, "model"), model);
      const content = memberOf(request, "content");
      if (isObject(content)) addParts(parts, memberOf(content, "parts"));
    }
    const texts = Math.max(1, requests.length);
    return {
      model,
      isStream: false,
      bound: boundOf({
        ...parts.bound(tokensOf(fields) + REQUEST_TOKENS + MESSAGE_TOKENS * texts),
        choices: 0,
        windows: texts,
        model,
      }),
      cap: undefined,
      edits: [],
      notes: new Set(),
    };
  },
  reader: ({ model }): UsageReader => ({
    usage: undefined,
    event: () => "pass",
    whole(json: unknown): Usage | undefined {
      if (!isObject(json) || !isObject(json.usageMetadata)) return undefined;
      const input = stated(json.usageMetadata.promptTokenCount);
      return input === undefined ? undefined : usageOf({ input, model });
    },
  }),
};
