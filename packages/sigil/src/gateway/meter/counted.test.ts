/** Counting lowers a bound, never below what the vendor counts, and only if it can help. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { encode as encodeCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { encode as encodeO200k } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { ask } from "../presets/fixtures/ask.ts";
import { PriceTable } from "../prices/table.ts";
import { type Counters, counted } from "./counted.ts";

const ENCODERS = { o200k_base: encodeO200k, cl100k_base: encodeCl100k };
const NONE = { disallowedSpecial: new Set<string>() };
const CHAT = "/v1/chat/completions";

const prices = PriceTable.read(`
source: a test
date: "2026-11-01"
vendors:
  openai:
    any: { names: [ gpt-*, text-* ], input: "1", output: "10", context: "9000000", maxOutput: "1000" }
`);
const priceOf = (model: string) => prices.find("openai", model, 1_900_000_000_000)!;

/** Counts as the thread does, and keeps what it was asked. */
function counting() {
  const asked: unknown[] = [];
  return {
    asked,
    count: async (countable: { encoding: keyof typeof ENCODERS; texts: readonly string[] }) => {
      asked.push(countable);
      const lengths = countable.texts.map((one) => ENCODERS[countable.encoding](one, NONE).length);
      return lengths.reduce((sum, one) => sum + one, 0);
    },
  };
}

const having = (texts: Counters["texts"]): Counters => ({
  texts,
  atVendor: async () => expect.unreachable("OpenAI is not asked"),
});

/** The bound's input once it is counted, for one who can pay it; as it is if nothing is gained. */
async function inputOf(path: string, body: { model: string }): Promise<number> {
  const asked = ask("openai", path, body);
  const exact = await counted(asked, 1n << 60n, priceOf(body.model), having(counting()));
  return (exact ?? asked).bound.input;
}

describe("the counted input is never below", () => {
  // Requests, and what the vendor said that their prompt has.
  const { cases } = JSON.parse(
    readFileSync(new URL("../presets/vectors/openai.json", import.meta.url), "utf8"),
  ) as { cases: { route: string; request: object; answer?: { usage?: Record<string, number> } }[] };
  // https://platform.openai.com/docs/api-reference/chat/create: its first example.
  const reference = {
    model: "gpt-5.4",
    messages: [
      { role: "developer", content: "You are a helpful assistant." },
      { role: "user", content: "Hello!" },
    ],
  };
  const stated = cases.flatMap(({ route, request, answer }) => {
    const tokens = answer?.usage?.prompt_tokens ?? answer?.usage?.input_tokens;
    const path = route.replace("POST ", "");
    // In some of them nothing but the usage is of a real exchange, and its prompt is left out.
    if (tokens === undefined || tokens <= 0 || path.includes("images") || "tools" in request)
      return [];
    return ask("openai", path, request).bound.input < tokens ? [] : [[path, request, tokens]];
  });

  test.each([...stated, [CHAT, reference, 19]] as [string, { model: string }, number][])(
    "the count that the vendor states: %s %j, %d",
    async (path, body, tokens) => {
      expect(await inputOf(path, body)).toBeGreaterThanOrEqual(tokens);
    },
  );

  test("there are such cases", () => {
    expect(stated.length).toBeGreaterThanOrEqual(6);
  });

  const text = fc.oneof(
    fc.lorem({ maxCount: 40 }),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc.string({ unit: fc.constantFrom("a", "b", "A", " ", "\n", "'", "s", "1", "é", "漢", "🙂") }),
  );
  const message = fc.record({
    role: fc.constantFrom("user", "assistant", "system", "developer", "tool"),
    content: fc.oneof(
      text,
      fc.array(
        text.map((one) => ({ type: "text", text: one })),
        { maxLength: 4 },
      ),
    ),
  });

  test("what OpenAI documents for messages, however it joins the parts of one", async () => {
    const model = fc.constantFrom("gpt-5.4", "gpt-4o", "gpt-4-turbo");
    await fc.assert(
      fc.asyncProperty(
        model,
        fc.array(message, { maxLength: 4 }),
        fc.constantFrom("", "\n"),
        async (name, messages, joint) => {
          const encode = ENCODERS[name === "gpt-4-turbo" ? "cl100k_base" : "o200k_base"];
          // 3 for each message and its role, and 3 for the beginning of the answer.
          const documented = messages.reduce((sum, { role, content }) => {
            const joined =
              typeof content === "string" ? content : content.map((part) => part.text).join(joint);
            return sum + 3 + encode(role).length + encode(joined, NONE).length;
          }, 3);
          const input = await inputOf(CHAT, { model: name, messages } as { model: string });
          // Without what the bound adds to every request, which is for what is not in its body.
          expect(input - 1024).toBeGreaterThanOrEqual(documented);
        },
      ),
    );
  });
});

describe("the texts are not counted", () => {
  const body = { model: "gpt-5.4", max_tokens: 100, messages: [{ content: "word ".repeat(1000) }] };
  const of = (more: object) => ask("openai", CHAT, { ...body, ...more });

  test.each<[string, bigint, object]>([
    ["if less is left than all else costs", 900n, {}],
    ["if nothing is left", 0n, {}],
    ["of a model whose encoding is not known", 1n << 60n, { model: "gpt-test" }],
    [
      "if only the context window bounds the input",
      1n << 60n,
      { messages: [{ content: [{ type: "file", file: { file_id: "f" } }] }] },
    ],
  ])("%s", async (_name, left, more) => {
    const counter = counting();
    expect(await counted(of(more), left, priceOf("gpt-5.4"), having(counter))).toBeUndefined();
    expect(counter.asked).toEqual([]);
  });

  test("unless all but the texts fits what is left", async () => {
    const counter = counting();
    expect(await counted(of({}), 5000n, priceOf("gpt-5.4"), having(counter))).toBeDefined();
    expect(counter.asked).toHaveLength(1);
  });

  test("if the counter has no answer, and the bound stays", async () => {
    const counter = { count: async () => undefined };
    expect(await counted(of({}), 5000n, priceOf("gpt-5.4"), having(counter))).toBeUndefined();
  });
});
