/** A lower cap: what is written, and when it would break the request. */
import { describe, expect, test } from "vitest";
import { set } from "../body/edit.ts";
import { readJson } from "../body/json-body.ts";
import { clamp } from "./cap.ts";
import { ask } from "./fixtures/ask.ts";
import type { CapPlace } from "./preset.ts";

const capOf = (preset: string, path: string, body: unknown): CapPlace =>
  ask(preset, path, body).cap!;
const thinking = (max_tokens: number, budget_tokens: number) => ({
  model: "claude-opus-4-8",
  max_tokens,
  messages: [],
  thinking: { type: "enabled", budget_tokens },
});

describe("Anthropic's budget for thinking stays below the cap and at 1,024 or more", () => {
  test.each([
    ["above the budget", 5000, [set(["max_tokens"], 5000)]],
    [
      "equal to the budget",
      4096,
      [set(["max_tokens"], 4096), set(["thinking", "budget_tokens"], 4095)],
    ],
    [
      "below the budget",
      2000,
      [set(["max_tokens"], 2000), set(["thinking", "budget_tokens"], 1999)],
    ],
    [
      "just above the smallest budget",
      1025,
      [set(["max_tokens"], 1025), set(["thinking", "budget_tokens"], 1024)],
    ],
    ["at the smallest budget", 1024, undefined],
    ["far below", 1, undefined],
  ] as const)("a cap %s", (_name, tokens, edits) => {
    expect(clamp(capOf("anthropic", "/v1/messages", thinking(8192, 4096)), tokens)).toEqual(edits);
  });

  test("without thinking any cap will do", () => {
    const body = { model: "m", max_tokens: 100, messages: [] };
    expect(clamp(capOf("anthropic", "/v1/messages", body), 1)).toEqual([set(["max_tokens"], 1)]);
  });

  test("the bytes have both numbers and no other change", () => {
    const text =
      '{"model":"m", "max_tokens":8192,"seed":9007199254740993,' +
      '"thinking":{"budget_tokens":4096 ,"type":"enabled"},"messages":[]}';
    const body = readJson(new TextEncoder().encode(text));
    const edits = clamp(
      {
        path: ["max_tokens"],
        least: 1,
        below: [{ path: ["thinking", "budget_tokens"], value: 4096, least: 1024 }],
      },
      2000,
    )!;
    expect(new TextDecoder().decode(body.edited(edits))).toBe(
      text.replace("8192", "2000").replace("4096", "1999"),
    );
  });
});

describe("OpenAI's Responses have 16 tokens or more", () => {
  const cap = capOf("openai", "/v1/responses", { model: "gpt-5.4", input: "Hi" });
  test.each([
    [16, [set(["max_output_tokens"], 16)]],
    [15, undefined],
    [0, undefined],
    [-1, undefined],
    [16.5, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
  ])("%s", (tokens, edits) => {
    expect(clamp(cap, tokens)).toEqual(edits);
  });
});

test("a cap is written where the client wrote it, or where the vendor wants it", () => {
  const messages: unknown[] = [];
  const chat = (preset: string, path: string, more: object) =>
    capOf(preset, path, { model: "m", messages, ...more }).path;
  const openai = "/v1/chat/completions";
  expect(chat("openai", openai, {})).toEqual(["max_completion_tokens"]);
  expect(chat("openai", openai, { max_tokens: 5 })).toEqual(["max_tokens"]);
  expect(chat("openai", openai, { max_tokens: null })).toEqual(["max_completion_tokens"]);
  expect(chat("openrouter", "/api/v1/chat/completions", {})).toEqual(["max_tokens"]);
  expect(chat("ollama", "/api/chat", {})).toEqual(["options", "num_predict"]);
});
