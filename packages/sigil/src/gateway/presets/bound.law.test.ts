/** The bound of a request is never below what a real tokenizer counts, nor below its bytes. */
import fc from "fast-check";
import { encode as encodeCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { encode as encodeO200k } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { boundOf, worstCase } from "./bound.ts";
import { ask } from "./fixtures/ask.ts";
import type { Asked } from "./preset.ts";
import { tokensOf } from "./text.ts";

const RUNS = { numRuns: Number(process.env.SIGIL_LAW_RUNS ?? 300) };

/** Texts of the kinds that make many tokens of few bytes, and any other. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom("\u{13000}", "\u{13001}", "\u0001", "\u001f"), maxLength: 40 }),
  fc.string({ unit: fc.constantFrom("0", "9", "a", "F", "+", "/", "="), maxLength: 60 }),
  fc.string({ unit: fc.constantFrom('"', "\\", "<", ">", "\n", "é", "漢", "🙂"), maxLength: 40 }),
  fc.lorem(),
);
const role = fc.constantFrom("user", "assistant", "system");
const schema = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.record({ description: text })), {
  maxKeys: 3,
  noNullPrototype: true,
});

interface Made {
  readonly preset: string;
  readonly path: string;
  readonly body: unknown;
  /** Everything in it that the model reads. */
  readonly texts: readonly string[];
}

const stringsOf = (value: unknown): string[] => {
  if (typeof value === "string") return [value];
  if (typeof value === "number") return [`${value}`];
  if (typeof value !== "object" || value === null) return [];
  return Array.isArray(value)
    ? value.flatMap(stringsOf)
    : Object.entries(value).flatMap(([name, inner]) => [name, ...stringsOf(inner)]);
};

const chat = (preset: string, path: string): fc.Arbitrary<Made> =>
  fc
    .record({
      messages: fc.array(fc.record({ role, content: text }), { maxLength: 4 }),
      tools: fc.array(schema, { maxLength: 2 }),
    })
    .map(({ messages, tools }) => {
      const functions = tools.map((parameters) => ({
        type: "function",
        function: { name: "f", parameters },
      }));
      return {
        preset,
        path,
        body: { model: "m", messages, tools: functions },
        texts: [...messages.map(({ content }) => content), ...stringsOf(tools)],
      };
    });

const made: fc.Arbitrary<Made> = fc.oneof(
  chat("openai", "/v1/chat/completions"),
  chat("mistral", "/v1/chat/completions"),
  chat("openrouter", "/api/v1/chat/completions"),
  chat("ollama", "/api/chat"),
  fc.record({ input: text, instructions: text }).map(({ input, instructions }) => ({
    preset: "openai",
    path: "/v1/responses",
    body: { model: "m", input, instructions },
    texts: [input, instructions],
  })),
  fc.array(text, { maxLength: 4 }).map((input) => ({
    preset: "openai",
    path: "/v1/embeddings",
    body: { model: "m", input },
    texts: input,
  })),
  fc.record({ system: text, content: text, input: schema }).map(({ system, content, input }) => ({
    preset: "anthropic",
    path: "/v1/messages",
    body: {
      model: "m",
      max_tokens: 1,
      system,
      messages: [
        { role: "user", content: [{ type: "text", text: content }] },
        { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input }] },
      ],
    },
    texts: [system, content, ...stringsOf(input)],
  })),
  fc.record({ system: text, content: text, args: schema }).map(({ system, content, args }) => ({
    preset: "gemini",
    path: "/v1beta/models/m:generateContent",
    body: {
      systemInstruction: { parts: [{ text: system }] },
      contents: [{ parts: [{ text: content }, { functionCall: { name: "f", args } }] }],
    },
    texts: [system, content, ...stringsOf(args)],
  })),
);

const askMade = ({ preset, path, body }: Omit<Made, "texts">): Asked => ask(preset, path, body);

const sum = (texts: readonly string[], countOf: (text: string) => number): number =>
  texts.reduce((total, one) => total + countOf(one), 0);

describe("for random requests, the bound of the input", () => {
  test("is never below the count of a tokenizer, of each text and of JSON", () => {
    fc.assert(
      fc.property(made, (request) => {
        const { input } = askMade(request).bound;
        for (const encode of [encodeO200k, encodeCl100k]) {
          const allowed = { allowedSpecial: "all" } as const;
          expect(sum(request.texts, (one) => encode(one, allowed).length)).toBeLessThanOrEqual(
            input,
          );
          const written = JSON.stringify(request.body);
          expect(encode(written, allowed).length).toBeLessThanOrEqual(input);
        }
      }),
      RUNS,
    );
  });

  test("is never below a token for each byte of each text", () => {
    fc.assert(
      fc.property(made, (request) => {
        const bytes = sum(request.texts, (one) => new TextEncoder().encode(one).length);
        expect(bytes).toBeLessThanOrEqual(askMade(request).bound.input);
      }),
    );
  });

  test("is never below what is written as JSON, without what is added to each request", () => {
    // As Python and Jinja write tools: a space behind each colon and comma, and ASCII alone.
    const ascii = (one: string): string =>
      JSON.stringify(one).replace(
        /[^\0-\x7e]/g,
        (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
    const python = (value: unknown): string => {
      if (typeof value === "string") return ascii(value);
      if (typeof value !== "object" || value === null) return `${value}`;
      if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
      const members = Object.entries(value).map(([key, one]) => `${ascii(key)}: ${python(one)}`);
      return `{${members.join(", ")}}`;
    };
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }), (value) => {
        const written = python([value]);
        for (const most of [
          tokensOf({ tools: [value] }),
          tokensOf({ role: "tool", content: [value] }),
        ]) {
          expect(encodeO200k(written).length).toBeLessThanOrEqual(most);
          expect(encodeCl100k(written).length).toBeLessThanOrEqual(most);
        }
      }),
      RUNS,
    );
  });

  test("has a token for each byte of a name", () => {
    const long = "x".repeat(100_000);
    expect(tokensOf({ [long]: 1 })).toBeGreaterThanOrEqual(long.length);
    expect(tokensOf({ tools: [{ ["é".repeat(1000)]: 1 }] })).toBeGreaterThanOrEqual(6000);
  });

  test("grows by no less than the bytes of a text that is added anywhere", () => {
    const content = (extra: string) => ({
      preset: "anthropic",
      path: "/v1/messages",
      body: {
        model: "m",
        max_tokens: 1,
        messages: [
          {
            role: "assistant",
            // What looks like an image inside of a tool's arguments is text for the model.
            content: [
              {
                type: "tool_use",
                id: "t",
                name: "f",
                input: { type: "image", source: { type: "base64", data: extra } },
              },
            ],
          },
        ],
      },
    });
    const long = "x".repeat(100_000);
    expect(askMade(content(long)).bound.input).toBeGreaterThanOrEqual(
      askMade(content("")).bound.input + long.length,
    );
  });
});

describe("the data of an image is not counted as text", () => {
  const data = "iVBORw0KGgo".repeat(10_000);
  test.each<[string, string, unknown, number]>([
    [
      "openai",
      "/v1/chat/completions",
      {
        model: "gpt-5.4",
        messages: [
          {
            role: "user",
            content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${data}` } }],
          },
        ],
      },
      24_600,
    ],
    [
      "openai",
      "/v1/responses",
      {
        model: "gpt-5.4",
        input: [
          {
            role: "user",
            content: [{ type: "input_image", image_url: `data:image/png;base64,${data}` }],
          },
        ],
      },
      24_600,
    ],
    [
      "anthropic",
      "/v1/messages",
      {
        model: "m",
        max_tokens: 1,
        messages: [
          {
            role: "user",
            content: [
              {
                type: "tool_result",
                tool_use_id: "t",
                content: [
                  { type: "image", source: { type: "base64", media_type: "image/png", data } },
                ],
              },
            ],
          },
        ],
      },
      8192,
    ],
    [
      "gemini",
      "/v1beta/models/gemini-3.5-flash:generateContent",
      { contents: [{ parts: [{ inline_data: { mime_type: "image/png", data } }] }] },
      2240,
    ],
    ["ollama", "/api/generate", { model: "m", prompt: "", images: [data] }, 16_384],
  ])("%s %s", (preset, path, body, image) => {
    const { input } = ask(preset, path, body).bound;
    expect(input).toBeGreaterThanOrEqual(image);
    expect(input).toBeLessThan(image + 2000);
  });
});

describe("the worst case of a bound", () => {
  const limits = { contextWindow: 1000, maxOutput: 500 };

  test.each([
    ["the input is capped by the window", { input: 5000 }, { input: 1000, output: 500 }],
    [
      "each round may read the window again",
      { input: Number.POSITIVE_INFINITY, windows: 3 },
      { input: 3000 },
    ],
    ["images may be billed beside the window", { input: 5000, beyondWindow: 7 }, { input: 1007 }],
    ["n multiplies the client's cap", { maxOutput: 100, choices: 3 }, { output: 300 }],
    ["a cap above the model's maximum is the maximum", { maxOutput: 9000 }, { output: 500 }],
    ["an answer may be speech", { maxOutput: 9, outputKinds: ["outputAudio"] }, { outputAudio: 9 }],
    [
      "an answer may be pictures",
      { maxOutput: 9, outputKinds: ["image_token"] },
      { units: { image_token: 9 } },
    ],
    ["embeddings have no output", { input: 10, choices: 0 }, { input: 10, output: 0 }],
    ["what is made beside the answers is added", { output: 4, maxOutput: 6 }, { output: 10 }],
  ] as const)("%s", (_name, parts, expected) => {
    expect(worstCase(boundOf(parts as object), limits)).toMatchObject(expected);
  });

  test.each([
    ["no window for a file", { input: Number.POSITIVE_INFINITY, maxOutput: 5 }, "contextWindow"],
    [
      "no window for audio",
      { inputAudio: Number.POSITIVE_INFINITY, maxOutput: 5 },
      "contextWindow",
    ],
    ["no cap at all", { input: 5 }, "maxOutput"],
  ] as const)("there is none with %s", (_name, parts, missing) => {
    const less = { ...limits, [missing]: undefined };
    expect(worstCase(boundOf(parts), less)).toBeUndefined();
    expect(worstCase(boundOf(parts), limits)).toBeDefined();
  });

  test("a lower cap lowers the output of each answer", () => {
    expect(worstCase(boundOf({ maxOutput: 400, choices: 2 }), limits, 50)?.output).toBe(100);
  });
});
