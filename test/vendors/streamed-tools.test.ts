/** Calls of tools inside of streams, as agents on the AI SDK get them, from every vendor. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import type { LanguageModel } from "ai";
import { expect, test } from "vitest";
import { type Play, town } from "../../packages/sigil/src/gateway/fixtures/town.ts";
import { streamedToolCall } from "./support/ai-sdk.ts";
import { chatCompletions } from "./support/chat-completions.ts";
import { type Settings, TOOL } from "./support/client.ts";
import { generateContent } from "./support/generate-content.ts";
import { messages } from "./support/messages.ts";
import { responses } from "./support/responses.ts";

const MODELS: readonly (readonly [
  preset: string,
  api: string,
  vendor: Play,
  model: (settings: Settings) => LanguageModel,
])[] = [
  [
    "openai",
    "chat completions",
    chatCompletions("asked"),
    ({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat("gpt-test"),
  ],
  [
    "openai",
    "Responses",
    responses,
    ({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key })("gpt-test"),
  ],
  [
    "anthropic",
    "Messages",
    messages,
    ({ url, key }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key })("claude-test"),
  ],
  [
    "gemini",
    "streamGenerateContent",
    generateContent,
    ({ url, key }) => createGoogle({ baseURL: `${url}/v1beta`, apiKey: key })("gemini-test"),
  ],
];

test.each(MODELS)(
  "%s, %s: a stream with a call of a tool is whole, and paid for",
  async (preset, _api, vendor, modelOf) => {
    const world = await town({ preset, play: vendor });
    const model = modelOf({ url: world.url, key: world.mint().toKey() });
    expect(await streamedToolCall(model)).toEqual({ name: TOOL.name, input: TOOL.input });
    await expect.poll(() => world.rows.length).toBe(1);
    expect(world.rows).toMatchObject([{ spent: 210n, isEstimated: false, end: "answered" }]);
  },
);
