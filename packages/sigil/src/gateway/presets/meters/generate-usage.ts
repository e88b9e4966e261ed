/** Usage in Gemini's answers. */
import { type Usage, usageOf } from "../../usage.ts";
import { type Fields, isObject, objectsOf } from "../fields.ts";
import { count, eventWith, split, stated, word } from "../numbers.ts";
import type { UsageReader } from "../preset.ts";

export class GenerateReader implements UsageReader {
  #last: Usage | undefined;
  #isFinished = false;

  /** Undefined before a candidate has finished: every chunk has a usage, and the last counts. */
  get usage(): Usage | undefined {
    return this.#isFinished ? this.#last : undefined;
  }

  get latest(): Usage | undefined {
    return this.#last;
  }

  whole(json: unknown): Usage | undefined {
    if (!isObject(json) || !isObject(json.usageMetadata)) return undefined;
    return generateUsage(json.usageMetadata, json);
  }

  event(data: string): "pass" {
    const chunk = eventWith('"usageMetadata"', data);
    if (chunk === undefined) return "pass";
    this.#last = this.whole(chunk) ?? this.#last;
    const candidates = objectsOf(chunk.candidates);
    if (candidates.some(({ finishReason }) => typeof finishReason === "string"))
      this.#isFinished = true;
    // A prompt that is blocked has no candidate.
    if (isObject(chunk.promptFeedback)) this.#isFinished = true;
    return "pass";
  }
}

/** `promptTokenCount` includes cached tokens; `candidatesTokenCount` excludes thoughts. */
function generateUsage(usage: Fields, answer: Fields): Usage | undefined {
  const prompt = stated(usage.promptTokenCount);
  if (prompt === undefined) return undefined;
  const candidates = count(usage.candidatesTokenCount);
  const outputAudio = Math.min(candidates, tokensOf(usage.candidatesTokensDetails, "AUDIO"));
  const images = Math.min(
    candidates - outputAudio,
    tokensOf(usage.candidatesTokensDetails, "IMAGE"),
  );
  const audio =
    tokensOf(usage.promptTokensDetails, "AUDIO") +
    tokensOf(usage.toolUsePromptTokensDetails, "AUDIO");
  return usageOf({
    ...split(prompt + count(usage.toolUsePromptTokenCount), {
      cacheRead: count(usage.cachedContentTokenCount),
      cacheWrite: 0,
      audio,
    }),
    output: candidates - outputAudio - images + count(usage.thoughtsTokenCount),
    outputAudio,
    units: images > 0 ? { image_token: images } : {},
    tier: tierOf(word(usage.serviceTier) ?? word(usage.trafficType)),
    model: word(answer.modelVersion),
  });
}

const tokensOf = (details: unknown, modality: string): number =>
  objectsOf(details)
    .filter((detail) => detail.modality === modality)
    .reduce((sum, detail) => sum + count(detail.tokenCount), 0);

/** `ON_DEMAND` is what is paid for each request at the standard price. */
function tierOf(tier: string | undefined): string | undefined {
  if (tier === undefined || tier === "ON_DEMAND" || /unspecified$/i.test(tier)) return undefined;
  return tier.toLowerCase();
}
