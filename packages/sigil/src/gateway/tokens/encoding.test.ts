/** Models and their encodings, as OpenAI's tiktoken 0.14 has them. */
import { expect, test } from "vitest";
import { openaiEncoding } from "./encoding.ts";

test.each([
  ...["o1", "o1-2024-12-17", "o3", "o3-mini", "o4-mini", "o4-mini-2025-04-16", "gpt-4.5-preview"],
  ...["gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini-2024-07-18", "chatgpt-4o-latest"],
  ...["gpt-5", "gpt-5-mini", "gpt-5.4", "gpt-5.5-2026-04-23", "ft:gpt-4o:acme::1"],
  ...["ft:gpt-4o-mini-2024-07-18:acme::1"],
])("%s is counted in o200k_base", (model) => {
  expect(openaiEncoding(model)).toBe("o200k_base");
});

test.each([
  ...["gpt-4", "gpt-4-0613", "gpt-4-turbo", "gpt-4-32k", "gpt-3.5", "gpt-3.5-turbo"],
  ...["gpt-3.5-turbo-0125", "ft:gpt-4:acme::1", "ft:gpt-3.5-turbo-0125:acme::1"],
  ...["text-embedding-ada-002", "text-embedding-3-small", "text-embedding-3-large"],
])("%s is counted in cl100k_base", (model) => {
  expect(openaiEncoding(model)).toBe("cl100k_base");
});

test.each([
  ...["", "gpt-6", "gpt-audio", "gpt-image-1", "gpt-oss-20b", "o5", "o4", "o10", "gpt-4x"],
  ...["claude-opus-4-5", "gemini-3.5-flash", "my-gpt-5", "GPT-5", "text-embedding-4-small"],
  // The prefix `ft:gpt-4` of that list gives it another encoding than `gpt-4.1`.
  "ft:gpt-4.1-2025-04-14:acme::1",
])("of %j no encoding is known", (model) => {
  expect(openaiEncoding(model)).toBeUndefined();
});
