/** Streams that cost more than was reserved: let finish, or cut with the vendor's kind of error. */
import { describe, expect, test } from "vitest";
import { type Play, town } from "./fixtures/town.ts";
import type { MidStream } from "./service.ts";

const EVENTS = { "content-type": "text/event-stream" };

const geminiChunk = (output: number, finishReason?: string) =>
  `data: ${JSON.stringify({
    candidates: [{ content: { parts: [{ text: "a" }] }, ...(finishReason && { finishReason }) }],
    usageMetadata: { promptTokenCount: 2, candidatesTokenCount: output },
  })}\n\n`;

const openAiChunk = `data: ${JSON.stringify({
  object: "chat.completion.chunk",
  choices: [{ index: 0, delta: { content: "a" } }],
})}\n\n`;
const openAiEnd = `data: ${JSON.stringify({
  object: "chat.completion.chunk",
  choices: [],
  usage: { prompt_tokens: 2, completion_tokens: 5000, total_tokens: 5002 },
})}\n\ndata: [DONE]\n\n`;

/** A vendor that sends some parts, and its end only if it is not cut. */
const sends =
  (parts: readonly string[], end: string): Play =>
  async (_request, answer) => {
    answer.writeHead(200, EVENTS);
    for (const part of parts) {
      answer.write(part);
      await new Promise(setImmediate);
    }
    answer.end(end);
  };

/** The request has at most 100 tokens of output. */
async function streamed(preset: "openai" | "gemini", midStream: MidStream, play: Play) {
  const world = await town({ preset, midStream, play });
  const key = world.mint();
  const isOpenAi = preset === "openai";
  const response = await world.chat(key, isOpenAi ? { stream: true } : {}, {
    ...(!isOpenAi && {
      path: "/v1beta/models/gemini-test:streamGenerateContent?alt=sse",
      body: JSON.stringify({
        contents: [{ parts: [{ text: "hi" }] }],
        generationConfig: { maxOutputTokens: 100 },
      }),
    }),
  });
  const text = await response.text();
  await expect.poll(() => world.rows.length).toBe(1);
  const [[used, reserved]] = (await world.usage(key)) as [[bigint, bigint]];
  return { text, row: world.rows[0]!, used, reserved, alarms: world.alarms.join("\n") };
}

const LONG = Array.from({ length: 700 }, () => openAiChunk);

describe("cut", () => {
  test.each([
    [
      "a usage on the way that costs more",
      "gemini",
      sends([geminiChunk(10), geminiChunk(3000), geminiChunk(3100)], geminiChunk(4000, "STOP")),
      /"status":"[A-Z_]+"/,
    ],
    ["many more events than tokens", "openai", sends(LONG, openAiEnd), /^event: error$/m],
  ] as const)(
    "%s: an error, then the end, and all that was reserved is charged",
    async (...row) => {
      const [, preset, play, error] = row;
      const { text, row: booked, used, reserved } = await streamed(preset, "cut", play);
      expect(text).toMatch(error);
      expect(text).toContain("longer than the request allowed");
      expect(text).not.toMatch(/\[DONE\]|"finishReason":"STOP"/);
      expect(booked).toMatchObject({ end: "cut", spent: used });
      expect(used).toBeGreaterThanOrEqual(1000n);
      expect(reserved).toBe(0n);
    },
  );

  test.each([
    [
      "within what was reserved",
      "gemini",
      sends([geminiChunk(10), geminiChunk(90)], geminiChunk(100, "STOP")),
    ],
    [
      "at its limit, one event for each token",
      "openai",
      sends(
        Array.from({ length: 100 }, () => openAiChunk),
        openAiEnd.replaceAll("5000", "100"),
      ),
    ],
    [
      "above it in its last event alone",
      "gemini",
      sends([geminiChunk(10)], geminiChunk(3000, "STOP")),
    ],
  ] as const)("lets through what is %s", async (_name, preset, play) => {
    const { text, row } = await streamed(preset, "cut", play);
    expect(text).not.toContain("longer than the request allowed");
    expect(row).toMatchObject({ end: "answered" });
  });
});

describe("finish, which is the default", () => {
  test.each([
    ["gemini", sends([geminiChunk(3000)], geminiChunk(4000, "STOP")), '"finishReason":"STOP"'],
    ["openai", sends(LONG, openAiEnd), "[DONE]"],
  ] as const)("passes a longer stream of %s on to its end, and says so", async (...row) => {
    const [preset, play, end] = row;
    const { text, row: booked, alarms } = await streamed(preset, "finish", play);
    expect(text).toContain(end);
    expect(booked).toMatchObject({ end: "answered" });
    expect(alarms).toContain("the vendor states a usage of");
  });
});
