/** Requests that are refused because they have a cost or a reading beside the known one. */
import { describe, expect, test } from "vitest";
import { BodyError } from "../body/error.ts";
import { ask } from "./fixtures/ask.ts";
import type { Allowances } from "./preset.ts";
import { type RefusalCode, RequestRefused } from "./refused.ts";
import { tokensOf } from "./text.ts";

const chat = (text: string | undefined, allowances?: Allowances) =>
  ask("openai", "/v1/chat/completions", text, allowances);

test("a model twice is refused before any meter reads it", () => {
  const twice = '{"model":"gpt-5.4-nano","messages":[],"model":"gpt-5.5-pro"}';
  expect(() => chat(twice)).toThrow(BodyError);
});

describe("a request without one reading", () => {
  test.each<[string, string | undefined, RefusalCode]>([
    ["no body", undefined, "bad_request"],
    ["an array", "[]", "bad_request"],
    ["null", "null", "bad_request"],
    ["an empty model", '{"model":"","messages":[]}', "model_missing"],
    ["a model that is no text", '{"model":["gpt-5.4"],"messages":[]}', "bad_request"],
    ["a cap beyond any number", '{"model":"m","max_tokens":1e999}', "bad_request"],
    ["a cap that a double rounds", '{"model":"m","max_tokens":9007199254740993}', "bad_request"],
    ["a cap with a fraction", '{"model":"m","max_tokens":10.5}', "bad_request"],
    ["a cap below zero", '{"model":"m","max_tokens":-1}', "bad_request"],
    ["n in a string", '{"model":"m","n":"8"}', "bad_request"],
    ["stream as a number", '{"model":"m","stream":1}', "bad_request"],
    ["options of a stream as a text", '{"model":"m","stream_options":"x"}', "bad_request"],
    ["a field in another case", '{"model":"m","N":8}', "field_not_metered"],
    ["a field that nobody knows", '{"model":"m","best_of":8}', "field_not_metered"],
    [
      "a part that nobody knows",
      '{"model":"m","messages":[{"content":[{"type":"x"}]}]}',
      "field_not_metered",
    ],
    [
      "a part as the only content",
      '{"model":"m","messages":[{"content":{"type":"x"}}]}',
      "field_not_metered",
    ],
  ])("%s", (_name, text, code) => {
    const refused = expect.objectContaining({ code, name: "RequestRefused" });
    expect(() => chat(text)).toThrow(refused);
  });

  test("is answered with 400 or 403, which no client repeats", () => {
    for (const code of [
      "bad_request",
      "model_missing",
      "model_mismatch",
      "query_not_allowed",
    ] as const)
      expect(new RequestRefused(code, "").status).toBe(400);
    for (const code of ["field_not_metered", "tool_not_metered"] as const)
      expect(new RequestRefused(code, "").status).toBe(403);
  });
});

test("a field that the owner allows is sent", () => {
  const text = '{"model":"m","messages":[],"best_of":1}';
  expect(chat(text, { tools: {}, fields: ["best_of"] }).model).toBe("m");
});

test("a tool called like a member of every object is not allowed by it", () => {
  const text = '{"model":"m","input":"","tools":[{"type":"constructor"}]}';
  expect(() => ask("openai", "/v1/responses", text)).toThrow(RequestRefused);
});

test("n of 0 and null are one answer, as the vendor's default", () => {
  for (const n of ["0", "null", "1"])
    expect(chat(`{"model":"m","n":${n},"messages":[]}`).bound.choices).toBe(1);
});

test("tools add what a vendor says about them, also if they have no text", () => {
  const bound = (tools: string) =>
    ask("anthropic", "/v1/messages", `{"model":"m","max_tokens":1,"messages":[],"tools":${tools}}`)
      .bound.input;
  // platform.claude.com: 346 to 530 tokens of system prompt; 700 for the text editor, 1,234 for
  // computer use.
  expect(bound('[{"name":"f"}]') - bound("[]")).toBeGreaterThanOrEqual(530);
  expect(bound('[{"type":"computer_20250124"}]') - bound("[]")).toBeGreaterThanOrEqual(1234 + 530);
});

test("what is written out as JSON counts its escapes", () => {
  expect(tokensOf("é漢\n")).toBe(2 + 3 + 1);
  expect(tokensOf({ tools: [{ a: "é漢\n" }] })).toBeGreaterThanOrEqual("\\u00e9\\u6f22\\n".length);
});

test("a body of 10 MiB is bounded by its size", () => {
  const messages = Array.from({ length: 60_000 }, () => ({
    role: "user",
    content: "a".repeat(140),
  }));
  const text = JSON.stringify({ model: "m", messages });
  expect(chat(text).bound.input).toBeGreaterThan(60_000 * 140);
  expect(chat(text).bound.input).toBeLessThan(3 * text.length);
});
