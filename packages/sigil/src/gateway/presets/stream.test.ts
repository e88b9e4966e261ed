/** Streams: what is passed on, and what is not even parsed. */
import { expect, test, vi } from "vitest";
import { ask, meterOf } from "./fixtures/ask.ts";
import type { UsageReader } from "./preset.ts";

const readerOf = (preset: string, path: string, body: unknown): UsageReader =>
  meterOf(preset, path).reader(ask(preset, path, body));

const READERS: readonly (readonly [string, string, unknown])[] = [
  ["openai", "/v1/chat/completions", { model: "m", stream: true, messages: [] }],
  ["openai", "/v1/responses", { model: "m", stream: true, input: "" }],
  ["openai", "/v1/images/generations", { model: "gpt-image-1", stream: true, prompt: "" }],
  ["anthropic", "/v1/messages", { model: "m", max_tokens: 1, stream: true, messages: [] }],
  ["gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", { contents: [] }],
  ["mistral", "/v1/chat/completions", { model: "m", stream: true, messages: [] }],
  ["ollama", "/api/chat", { model: "m", messages: [] }],
  ["openrouter", "/api/v1/chat/completions", { model: "m", stream: true, messages: [] }],
];

/** What a vendor may send by mistake, or an agent may have made it say. */
const STRANGE = [
  "",
  "[DONE]",
  "null",
  "1",
  "[]",
  '"usage"',
  '{"usage":',
  '{"usage":null}',
  '{"usage":5}',
  '{"usage":[]}',
  '{"usage":{}}',
  '{"usageMetadata":{}}',
  '{"usageMetadata":null,"candidates":[{"finishReason":"STOP"}]}',
  '{"type":"message_delta","usage":{"output_tokens":1e999}}',
  '{"type":"message_start","message":null,"usage":{}}',
  '{"type":"response.completed","response":{"usage":{"input_tokens":1.5,"output_tokens":1}}}',
  '{"done":true,"eval_count":"2"}',
  '{"error":{"message":"overloaded"},"usage":null}',
];

test.each(READERS)("%s %s passes strange events on, and reads no usage", (preset, path, body) => {
  const reader = readerOf(preset, path, body);
  for (const data of STRANGE) expect([data, reader.event(data)]).toEqual([data, "pass"]);
  expect(reader.usage).toBeUndefined();
  for (const json of [null, undefined, 5, "x", [], {}, { usage: null }, { usage: [] }])
    expect(reader.whole(json)).toBeUndefined();
});

test("an event without usage is not parsed", () => {
  const parse = vi.spyOn(JSON, "parse");
  try {
    const reader = readerOf(...(READERS[0]! as [string, string, unknown]));
    parse.mockClear();
    reader.event('{"choices":[{"delta":{"content":"say \\"usage\\""}}]}');
    expect(parse).not.toHaveBeenCalled();
  } finally {
    parse.mockRestore();
  }
});

test("a chunk with an answer is passed on with its usage", () => {
  const reader = readerOf(...(READERS[0]! as [string, string, unknown]));
  const last =
    '{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],' +
    '"usage":{"prompt_tokens":1,"completion_tokens":2}}';
  expect(reader.event(last)).toBe("pass");
  expect(reader.usage).toMatchObject({ input: 1, output: 2 });
});

test("two readers of one request do not share what they read", () => {
  const args = READERS[3]! as [string, string, unknown];
  const first = readerOf(...args);
  first.event('{"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}');
  const second = readerOf(...args);
  second.event('{"type":"message_delta","usage":{"output_tokens":3}}');
  expect(second.usage).toBeUndefined();
});
