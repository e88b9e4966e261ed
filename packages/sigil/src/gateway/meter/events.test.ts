/** Events of streams that are longer than what is held of one. */
import { createParser } from "eventsource-parser";
import { describe, expect, test } from "vitest";
import { answers, town } from "../fixtures/town.ts";
import { EventReader } from "./events.ts";

const MIB = 1024 * 1024;
const PICTURE = "iVBORw0KGgo=".repeat(250_000);

const CUTS = [997, 65_536, 5 * MIB];

function readIn(cut: number, form: "sse" | "lines", text: string) {
  const reader = new EventReader(form);
  const all = Buffer.from(text);
  const events = [];
  for (let at = 0; at < all.length; at += cut)
    events.push(...reader.take(all.subarray(at, at + cut)));
  const last = reader.last();
  if (last !== undefined) events.push(last);
  return {
    reader,
    bytes: Buffer.concat(events.map((event) => event.bytes)).toString(),
    read: events.map(({ data }) => data).filter((data) => data !== undefined && data !== ""),
  };
}

describe("a long event", () => {
  const quotes = `${'\\"'.repeat(5000)}\\\\`;
  const json = (picture: string, text: string) =>
    `{"type":"done","usage":{"output":7},"b64":"${picture}","text":"${text}","é":["${picture}",1]}`;
  const small = json("", "");

  test.each(CUTS)("in parts of %i bytes is read without its long strings", (cut) => {
    const long = json(PICTURE, quotes);
    expect(createParserData(`data: ${long}\n\n`)).toEqual([long]);
    const events = `event: a\ndata: ${long}\n\ndata: {"next":1}\n\n`;
    const { bytes, read, reader } = readIn(cut, "sse", events);
    expect(bytes).toBe(events);
    expect(read.map((data) => JSON.parse(data!))).toEqual([JSON.parse(small), { next: 1 }]);
    expect(reader.isWhole).toBe(true);
  });

  test.each([
    ["CR LF", `data: ${json(PICTURE, quotes)}\r\n\r\ndata: 2\r\n\r\n`, "sse"],
    ["CR", `data: ${json(PICTURE, quotes)}\r\rdata: 2\r\r`, "sse"],
    [
      "two lines of data",
      `data: {"type":"done",\ndata: ${json(PICTURE, quotes).slice(15)}\n\ndata: 2`,
      "sse",
    ],
    [
      "a quotation mark in a comment",
      `: an "\ndata: ${json(PICTURE, quotes)}\n\ndata: 2\n\n`,
      "sse",
    ],
    ["no end", `data: 2\n\ndata: ${json(PICTURE, quotes)}`, "sse"],
    ["lines of JSON", `${json(PICTURE, quotes)}\n2\n`, "lines"],
  ] as const)("is read with %s", (_what, events, form) => {
    for (const cut of CUTS) {
      const { bytes, read } = readIn(cut, form, events);
      expect(bytes).toBe(events);
      expect(read.map((data) => JSON.parse(data!))).toEqual(
        expect.arrayContaining([JSON.parse(small), 2]),
      );
    }
  });

  test("that ends with the stream leaves something behind which nothing is written", () => {
    const reader = new EventReader("sse");
    reader.take(Buffer.from(`data: "${PICTURE}`));
    expect(reader.last()!.bytes.length).toBeGreaterThan(0);
  });

  test("is passed on before it has ended", () => {
    const reader = new EventReader("sse");
    const passed = reader.take(Buffer.from(`data: "${PICTURE}`));
    expect(Buffer.concat(passed.map(({ bytes }) => bytes)).length).toBeGreaterThan(2 * MIB);
  });

  test("that is long without its long strings is not read, nor is what follows", () => {
    const text = `data: [${'"short",'.repeat(300_000)}1]\n\ndata: 2\n\n`;
    const { bytes, read, reader } = readIn(65_536, "sse", text);
    expect([bytes === text, read, reader.isWhole]).toEqual([true, [], false]);
  });
});

/** What other software reads. */
function createParserData(text: string): string[] {
  const all: string[] = [];
  createParser({ onEvent: ({ data }) => all.push(data) }).feed(text);
  return all;
}

describe("a usage in the event of a large picture or answer is charged exactly", () => {
  const sse = (event: object) => `data: ${JSON.stringify(event)}\n\n`;
  const user = { role: "user", parts: [{ text: "a cat" }] };
  test.each([
    [
      "gemini",
      "/v1beta/models/gemini-paints-image:streamGenerateContent?alt=sse",
      { contents: [user] },
      sse({
        candidates: [
          {
            content: { parts: [{ inlineData: { mimeType: "image/png", data: PICTURE } }] },
            finishReason: "STOP",
          },
        ],
        usageMetadata: {
          promptTokenCount: 10,
          candidatesTokenCount: 1290,
          candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1290 }],
        },
      }),
      10n + 30n * 1290n,
    ],
    [
      "openai",
      "/v1/images/generations",
      { model: "gpt-image-test", prompt: "a cat", stream: true },
      sse({ type: "image_generation.partial_image", b64_json: PICTURE }) +
        sse({
          type: "image_generation.completed",
          b64_json: PICTURE,
          usage: { input_tokens: 10, output_tokens: 4160, total_tokens: 4170 },
        }),
      10n + 10n * 4160n,
    ],
    [
      "openai",
      "/v1/responses",
      { model: "gpt-test", input: "hi", instructions: "x", stream: true, max_output_tokens: 5000 },
      sse({
        type: "response.completed",
        response: {
          instructions: PICTURE,
          output: [{ type: "message", content: [{ type: "output_text", text: PICTURE }] }],
          usage: { input_tokens: 10, output_tokens: 20, total_tokens: 30 },
        },
      }),
      210n,
    ],
  ])("%s %s", async (preset, path, body, events, spent) => {
    const world = await town({ preset, play: answers(events, 200, "text/event-stream") });
    const key = world.mint({ budget: "50 usd" });
    const response = await world.chat("", body, {
      path,
      body: JSON.stringify(body),
      headers:
        preset === "gemini"
          ? { "x-goog-api-key": key.toKey(), authorization: "" }
          : { authorization: `Bearer ${key.toKey()}` },
    });
    expect((await response.text()).startsWith(events)).toBe(true);
    expect(world.rows).toMatchObject([{ spent, isEstimated: false }]);
  });
});
