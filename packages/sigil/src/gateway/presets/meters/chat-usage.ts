/** Usage in the answers to chat completions. */
import type { Usage } from "../../usage.ts";
import { type Fields, isObject } from "../fields.ts";
import { eventWith } from "../numbers.ts";
import type { UsageReader } from "../preset.ts";

/** Reads the member `usage`, with the answer or chunk around it. */
export type ChatUsageReader = (usage: Fields, answer: Fields) => Usage | undefined;

export class ChatReader implements UsageReader {
  readonly #read: ChatUsageReader;
  readonly #drops: boolean;
  #usage: Usage | undefined;

  /** @param drops whether the client does not expect the chunk that has nothing but the usage */
  constructor(read: ChatUsageReader, drops: boolean) {
    this.#read = read;
    this.#drops = drops;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  whole(json: unknown): Usage | undefined {
    return isObject(json) && isObject(json.usage) ? this.#read(json.usage, json) : undefined;
  }

  event(data: string): "pass" | "drop" {
    const chunk = eventWith('"usage"', data);
    if (!isObject(chunk?.usage)) return "pass";
    this.#usage = this.#read(chunk.usage, chunk) ?? this.#usage;
    // `choices[0]` of the extra chunk is undefined, on which the commonest loop throws.
    const isExtra = Array.isArray(chunk.choices) && chunk.choices.length === 0;
    return this.#drops && isExtra ? "drop" : "pass";
  }
}
