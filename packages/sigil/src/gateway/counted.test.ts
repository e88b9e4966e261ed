/** Requests that fit what is left only once their texts are counted, through the whole gateway. */
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { expect, test } from "vitest";
import { answers, completion, town } from "./fixtures/town.ts";
import { ask } from "./presets/fixtures/ask.ts";

/** 25,000 bytes, and a token for five of them. */
const TEXT = "word ".repeat(5000);
const TOKENS = encode(TEXT).length;
const SAVED = BigInt(TEXT.length - TOKENS);

const KINDS: Readonly<Record<string, readonly [string, object]>> = {
  "chat completions": [
    "/v1/chat/completions",
    { model: "gpt-5-test", max_tokens: 100, messages: [{ role: "user", content: TEXT }] },
  ],
  "chat completions in parts": [
    "/v1/chat/completions",
    {
      model: "gpt-5-test",
      max_tokens: 100,
      messages: [{ role: "system", content: [{ type: "text", text: TEXT }] }],
    },
  ],
  "an input of Responses": [
    "/v1/responses",
    { model: "gpt-5-test", max_output_tokens: 100, input: TEXT },
  ],
  "instructions of Responses": [
    "/v1/responses",
    { model: "gpt-5-test", max_output_tokens: 100, input: [], instructions: TEXT },
  ],
  "items of Responses": [
    "/v1/responses",
    {
      model: "gpt-5-test",
      max_output_tokens: 100,
      input: [{ role: "user", content: [{ type: "input_text", text: TEXT }] }],
    },
  ],
};

const sent = (path: string, body: object): readonly [object, object] => [
  {},
  { path, body: JSON.stringify(body) },
];

test.each(Object.entries(KINDS))("%s reserve the tokens of the text", async (_name, kind) => {
  const [path, body] = kind;
  const world = await town({ play: answers(completion(5010, 20)) });
  const key = world.mint({ budget: "0.01 usd" });
  const response = await world.chat(key, ...sent(path, body));
  expect(response.status).toBe(200);
  expect(response.headers.get("sigil-output-limited")).toBeNull();
  expect(world.seen[0]!.body).toBe(JSON.stringify(body));
  // 1 usd_micro for a token of input, and 10 for one of output.
  const input = BigInt(ask("openai", path, body).bound.input);
  expect(world.rows).toMatchObject([{ reserved: input - SAVED + 1000n }]);
  expect(input).toBeGreaterThan(25_000n);
});

test("what fits as it is reserves a token for each byte", async () => {
  const world = await town();
  const [path, body] = KINDS["chat completions"]!;
  expect((await world.chat(world.mint(), ...sent(path, body))).status).toBe(200);
  const { input } = ask("openai", path, body).bound;
  expect(world.rows).toMatchObject([{ reserved: BigInt(input) + 1000n }]);
});

test("texts to embed are counted, though no cap could be lowered", async () => {
  const play = answers(JSON.stringify({ data: [], usage: { prompt_tokens: 5000 } }));
  const world = await town({ play });
  const key = world.mint({ budget: "0.007 usd" });
  const body = { model: "text-embedding-3-small", input: [TEXT] };
  expect((await world.chat(key, ...sent("/v1/embeddings", body))).status).toBe(200);
  expect(world.rows).toMatchObject([{ spent: 5000n }]);
});

test("what does not fit once it is counted is sent with a lower cap", async () => {
  const world = await town({ play: answers(completion(5010, 20)) });
  const key = world.mint({ budget: "0.01 usd" });
  const body = { model: "gpt-5-test", messages: [{ role: "user", content: TEXT }] };
  const response = await world.chat(key, ...sent("/v1/chat/completions", body));
  const input = ask("openai", "/v1/chat/completions", body).bound.input - Number(SAVED);
  const cap = Math.floor((10_000 - input) / 10);
  expect(response.headers.get("sigil-output-limited")).toBe(`${cap}`);
  expect(JSON.parse(world.seen[0]!.body)).toEqual({ ...body, max_completion_tokens: cap });
});

test.each([
  ["a model whose encoding is not known", { model: "gpt-test" }, TEXT],
  ["a result of a tool", { model: "gpt-5-test" }, undefined],
  ["a word that is too long to be counted", { model: "gpt-5-test" }, "a".repeat(25_000)],
  ["what no tokenizer makes less of", { model: "gpt-5-test" }, "\u{13000}".repeat(6000)],
])("%s keeps a token for each byte, and is refused", async (_name, model, content) => {
  const world = await town();
  const key = world.mint({ budget: "0.01 usd" });
  const messages =
    content === undefined
      ? [{ role: "tool", tool_call_id: "1", content: TEXT }]
      : [{ role: "user", content }];
  const response = await world.chat(key, { ...model, messages });
  expect(response.status).toBe(402);
  expect(world.seen).toEqual([]);
  expect(await world.usage(key)).toEqual([[0n, 0n]]);
});

test("of many at once no more are sent than fit with their texts counted", async () => {
  const world = await town({ play: answers(completion(6000, 100)) });
  const key = world.mint({ budget: "0.02 usd" });
  const [path, body] = KINDS["chat completions"]!;
  const all = Array.from({ length: 20 }, () => world.chat(key, ...sent(path, body)));
  const statuses = (await Promise.all(all)).map(({ status }) => status);
  const served = statuses.filter((status) => status === 200).length;
  expect(served).toBe(world.seen.length);
  expect(served).toBe(2);
  const [[used, reserved]] = (await world.usage(key)) as [readonly [bigint, bigint]];
  expect(used).toBe(BigInt(served) * 7000n);
  expect(reserved).toBe(0n);
});

test.each([
  ["/api/chat", { messages: [] }, { messages: [], options: { num_predict: 8000 } }],
  ["/api/generate", { prompt: "a" }, { prompt: "a", options: { num_predict: 8000 } }],
  [
    "/api/chat",
    { messages: [], options: { seed: 1, num_predict: -1 } },
    { messages: [], options: { seed: 1, num_predict: 8000 } },
  ],
  ["/v1/chat/completions", { messages: [] }, { messages: [], max_tokens: 8000 }],
  ["/v1/chat/completions", { messages: [], max_tokens: 0 }, { messages: [], max_tokens: 8000 }],
])("Ollama's %s of %j ends at the most that the price list says", async (path, body, expected) => {
  const world = await town({ preset: "ollama" });
  const model = "llama-test";
  const response = await world.chat(world.mint(), ...sent(path, { model, stream: false, ...body }));
  expect(response.status).toBe(200);
  expect(response.headers.get("sigil-output-limited")).toBe("8000");
  expect(JSON.parse(world.seen[0]!.body)).toEqual({ model, stream: false, ...expected });
  const { input } = ask("ollama", path, { model, stream: false, ...body }).bound;
  expect(world.rows).toMatchObject([{ reserved: BigInt(input) + 80_000n }]);
});

test("an endless request of Ollama is made smaller than that if less is left", async () => {
  const world = await town({ preset: "ollama" });
  const key = world.mint({ budget: "0.01 usd" });
  const body = { model: "llama-test", stream: false, messages: [] };
  await world.chat(key, ...sent("/api/chat", body));
  const { input } = ask("ollama", "/api/chat", body).bound;
  const cap = Math.floor((10_000 - input) / 10);
  expect(JSON.parse(world.seen[0]!.body).options).toEqual({ num_predict: cap });
});
