/** Requests that fit what is left only by the vendor's own count, through the whole gateway. */
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { ManualTimer } from "./fixtures/manual-timer.ts";
import { completion, type Seen, type TownOptions, town, VENDOR_KEY } from "./fixtures/town.ts";
import { ask } from "./presets/fixtures/ask.ts";
import { COUNT_MS, MOST } from "./tokens/vendor-counter.ts";

/** 25,000 bytes, of which a vendor makes 5,000 tokens. */
const TEXT = "word ".repeat(5000);
const TOKENS = 5000;

interface Kind {
  readonly preset: string;
  readonly path: string;
  readonly countPath: string;
  readonly body: (content: string, cap?: number) => object;
  /** What is sent to be counted, for that text. */
  readonly question: object;
  readonly capOf: (body: string) => number | undefined;
  readonly count: (tokens: unknown) => object;
  readonly answer: (input: number, output: number) => object;
}

const messages = [{ role: "user", content: TEXT }];
const contents = [{ role: "user", parts: [{ text: TEXT }] }];
const GENERATE = "/v1beta/models/gemini-test:generateContent";

const KINDS: Readonly<Record<string, Kind>> = {
  Anthropic: {
    preset: "anthropic",
    path: "/v1/messages",
    countPath: "/v1/messages/count_tokens",
    body: (content, max_tokens) => ({
      model: "claude-test",
      ...(max_tokens !== undefined && { max_tokens }),
      stop_sequences: ["end"],
      messages: [{ role: "user", content }],
    }),
    question: { messages, model: "claude-test" },
    capOf: (body) => JSON.parse(body).max_tokens,
    count: (input_tokens) => ({ input_tokens }),
    answer: (input_tokens, output_tokens) => ({
      type: "message",
      model: "claude-test",
      content: [],
      usage: { input_tokens, output_tokens },
    }),
  },
  Gemini: {
    preset: "gemini",
    path: GENERATE,
    countPath: "/v1beta/models/gemini-test:countTokens",
    body: (text, maxOutputTokens) => ({
      contents: [{ role: "user", parts: [{ text }] }],
      generationConfig: { ...(maxOutputTokens !== undefined && { maxOutputTokens }) },
    }),
    question: { generateContentRequest: { contents, model: "models/gemini-test" } },
    capOf: (body) => JSON.parse(body).generationConfig.maxOutputTokens,
    count: (totalTokens) => ({ totalTokens }),
    answer: (promptTokenCount, candidatesTokenCount) => ({
      candidates: [],
      usageMetadata: {
        promptTokenCount,
        candidatesTokenCount,
        totalTokenCount: promptTokenCount + candidatesTokenCount,
      },
    }),
  },
};

const json = (answer: ServerResponse, value: object): unknown =>
  answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));

const isCount = (kind: Kind, { url }: Seen): boolean => url.split("?")[0] === kind.countPath;

/** A vendor that counts so, and writes as much as it may. */
async function townOf(
  kind: Kind,
  counting: (answer: ServerResponse) => unknown = (answer) => json(answer, kind.count(TOKENS)),
  options: TownOptions = {},
) {
  const world = await town({
    preset: kind.preset,
    play: (request, answer) =>
      isCount(kind, request)
        ? counting(answer)
        : json(answer, kind.answer(TOKENS, Math.min(100, kind.capOf(request.body) ?? 100))),
    ...options,
  });
  const send = (key: Parameters<typeof world.chat>[0], body: object) =>
    world.chat(key, {}, { path: kind.path, body: JSON.stringify(body) });
  return { ...world, send };
}

describe.each(Object.entries(KINDS))("%s", (_vendor, kind) => {
  const bound = (cap?: number) => ask(kind.preset, kind.path, kind.body(TEXT, cap)).bound.input;

  test("is asked with the vendor's key, and a tenth more than its count is reserved", async () => {
    const world = await townOf(kind);
    // 26,000 tokens and 100 of output, at 10 each, do not fit.
    const response = await world.send(world.mint({ budget: "0.01 usd" }), kind.body(TEXT, 100));
    expect(response.status).toBe(200);
    expect(response.headers.get("sigil-output-limited")).toBeNull();
    const [question, request] = world.seen;
    expect([question!.method, question!.url]).toEqual(["POST", kind.countPath]);
    expect(JSON.parse(question!.body)).toEqual(kind.question);
    const head = question!.rawHeaders.join("\n");
    expect(head).toContain(VENDOR_KEY);
    expect(head).not.toContain("sk-sigil-");
    expect(request!.body).toBe(JSON.stringify(kind.body(TEXT, 100)));
    const [row, ...more] = world.rows;
    expect(more).toEqual([]);
    // What was reserved is near that, and above what the vendor says in its answer.
    expect(Number(row!.reserved)).toBeGreaterThan(5500 + 1000);
    expect(Number(row!.reserved)).toBeLessThan(5500 + 1000 + 1500);
    expect(row!.spent).toBe(BigInt(TOKENS + 1000));
  });

  test("is not asked for what fits", async () => {
    const world = await townOf(kind);
    expect((await world.send(world.mint(), kind.body(TEXT, 100))).status).toBe(200);
    expect(world.seen).toHaveLength(1);
    expect(world.rows).toMatchObject([{ reserved: BigInt(bound(100)) + 1000n }]);
  });

  test("is not asked for what cannot fit, however few tokens it has", async () => {
    const world = await townOf(kind);
    const key = world.mint({ budget: "0.002 usd" });
    expect((await world.send(key, kind.body(TEXT, 100))).status).toBe(402);
    expect(world.seen).toEqual([]);
  });

  test("gets a lower cap of what does not fit once it is counted", async () => {
    const world = await townOf(kind);
    const response = await world.send(world.mint({ budget: "0.012 usd" }), kind.body(TEXT));
    expect(response.status).toBe(200);
    const limited = Number(response.headers.get("sigil-output-limited"));
    expect(kind.capOf(world.seen[1]!.body)).toBe(limited);
    expect(limited).toBeGreaterThanOrEqual(256);
    expect(Number(world.rows[0]!.reserved)).toBeLessThanOrEqual(12_000);
  });

  test.each<[string, (answer: ServerResponse) => unknown]>([
    ["is huge", (answer) => json(answer, kind.count(1e15))],
    [
      "is above every number",
      (answer) => answer.end(JSON.stringify(kind.count(0)).replace("0", "1e999")),
    ],
    ["is negative", (answer) => json(answer, kind.count(-5))],
    ["is zero", (answer) => json(answer, kind.count(0))],
    ["is a text", (answer) => json(answer, kind.count("5000"))],
    ["is a fraction", (answer) => json(answer, kind.count(0.5))],
    ["is missing", (answer) => json(answer, {})],
    ["is no JSON", (answer) => answer.end("5000")],
    ["is compressed", (answer) => answer.writeHead(200, { "content-encoding": "gzip" }).end("x")],
    ["is a redirect", (answer) => answer.writeHead(307, { location: "http://a.invalid/" }).end()],
    ["is an error", (answer) => answer.writeHead(500).end(JSON.stringify(kind.count(1)))],
    ["is a refusal", (answer) => answer.writeHead(401).end(`no such key ${VENDOR_KEY}`)],
    ["is too often asked for", (answer) => answer.writeHead(429, { "retry-after": "9" }).end("{}")],
    ["is a megabyte", (answer) => json(answer, { ...kind.count(5000), pad: "x".repeat(1 << 20) })],
    ["breaks off", (answer) => void answer.writeHead(200).write("{", () => answer.destroy())],
    ["does not come", (answer) => answer.destroy()],
  ])("refuses as before if the count %s", async (_what, counting) => {
    const world = await townOf(kind, counting);
    const key = world.mint({ budget: "0.01 usd" });
    const response = await world.send(key, kind.body(TEXT, 100));
    expect(response.status).toBe(402);
    expect(await response.text()).not.toContain(VENDOR_KEY);
    expect(world.seen.filter((request) => !isCount(kind, request))).toEqual([]);
    expect(world.seen).toHaveLength(1);
    expect(await world.usage(key)).toEqual([[0n, 0n]]);
    expect(world.alarms).toEqual([]);
  });

  test("refuses as before if the count has not come in time", async () => {
    const timer = new ManualTimer();
    let asked!: () => void;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const world = await townOf(kind, () => asked(), { after: timer.after });
    const answering = world.send(world.mint({ budget: "0.01 usd" }), kind.body(TEXT, 100));
    await isAsked;
    await timer.pass(COUNT_MS);
    expect((await answering).status).toBe(402);
  });

  test("that counts too low is believed down to a sixteenth of the bytes, and no more is charged than was reserved", async () => {
    const world = await townOf(kind, (answer) => json(answer, kind.count(1)));
    const key = world.mint({ budget: "0.005 usd" });
    const response = await world.send(key, kind.body(TEXT, 100));
    expect(response.status).toBe(200);
    const [{ reserved, spent } = {}] = world.rows;
    expect(Number(reserved)).toBeGreaterThan(25_000 / 16 + 1000);
    expect(spent).toBe(reserved);
    expect(await world.usage(key)).toEqual([[reserved, 0n]]);
    expect(world.alarms[0]).toContain("the vendor states a usage of");
  });

  test("is asked so often for one branch of keys in a minute, and for another one still", async () => {
    const time = { now: 1_900_000_000 };
    const world = await townOf(kind, (answer) => answer.writeHead(500).end(), {
      time,
      maxSilence: "1h",
    });
    const parent = world.mint({ budget: "0.01 usd" });
    const one = parent.delegate({ agent: "one" });
    const other = parent.delegate({ agent: "other" });
    for (let times = 0; times < MOST.branch; times++)
      await world.send(one.delegate({ agent: `below-${times}` }), kind.body(TEXT, 100));
    expect(world.seen).toHaveLength(MOST.branch);
    const send = async (key: typeof one) => {
      expect((await world.send(key, kind.body(TEXT, 100))).status).toBe(402);
      return world.seen.length;
    };
    expect(await send(one)).toBe(MOST.branch);
    expect(await send(other)).toBe(MOST.branch + 1);
    time.now += 60;
    expect(await send(one)).toBe(MOST.branch + 2);
  });
});

test("Anthropic is asked with the client's version and betas, and nothing else of its head", async () => {
  const kind = KINDS.Anthropic!;
  const world = await townOf(kind);
  const key = world.mint({ budget: "0.01 usd" });
  const body = {
    ...kind.body(TEXT, 100),
    system: "Be brief.",
    metadata: { user_id: "someone" },
    output_config: { effort: "low" },
    tools: [{ name: "a", input_schema: { type: "object" } }],
  };
  const headers = {
    ...{ "anthropic-version": "2023-06-01", "anthropic-beta": "a-beta", "x-other": "no" },
    authorization: `Bearer ${key.toKey()}`,
  };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  expect((await fetch(`${world.url}${kind.path}?beta=true`, init)).status).toBe(200);
  const [{ url, rawHeaders, body: question } = world.seen[0]!] = world.seen;
  expect(url).toBe(`${kind.countPath}?beta=true`);
  const {
    messages: asked,
    model,
    system,
    output_config,
    tools,
  } = body as Record<string, unknown> & typeof body;
  expect(JSON.parse(question)).toEqual({ messages: asked, model, system, output_config, tools });
  const names = rawHeaders.filter((_line, index) => index % 2 === 0);
  expect(names).toEqual(expect.arrayContaining(["anthropic-version", "anthropic-beta"]));
  expect(names).not.toContain("x-other");
});

test.each([
  [
    "what a model of Anthropic's thought before",
    "Anthropic",
    (kind: Kind) => ({
      ...kind.body(TEXT, 100),
      messages: [
        { role: "user", content: "hi" },
        { role: "assistant", content: [{ type: "thinking", thinking: TEXT, signature: "a" }] },
      ],
    }),
  ],
  [
    "the signature of what a Gemini thought",
    "Gemini",
    (kind: Kind) => ({
      ...kind.body("hi", 100),
      contents: [{ role: "model", parts: [{ text: "a", thoughtSignature: TEXT }] }],
    }),
  ],
  [
    "a schema that a Gemini answers by",
    "Gemini",
    (kind: Kind) => ({
      ...kind.body("hi", 100),
      generationConfig: { maxOutputTokens: 100, responseSchema: { description: TEXT } },
    }),
  ],
  [
    "a document that the vendor fetches",
    "Anthropic",
    (kind: Kind) => ({
      ...kind.body(TEXT, 100),
      messages: [
        {
          role: "user",
          content: [{ type: "document", source: { type: "url", url: "https://a" } }],
        },
      ],
    }),
  ],
] as const)("%s keeps its bound, whatever the vendor counts", async (_what, vendor, bodyOf) => {
  const kind = KINDS[vendor]!;
  const world = await townOf(kind, (answer) => json(answer, kind.count(10)));
  const response = await world.send(world.mint({ budget: "0.01 usd" }), bodyOf(kind));
  expect(response.status).toBe(402);
  expect(world.seen.filter((request) => !isCount(kind, request))).toEqual([]);
});

const OPENAI: Kind = {
  preset: "openai",
  path: "/v1/chat/completions",
  countPath: "/never",
  body: (content) => ({ model: "gpt-5-test", messages: [{ role: "user", content }] }),
  question: {},
  capOf: (body) => JSON.parse(body).max_completion_tokens,
  count: () => ({}),
  answer: (prompt, output) => JSON.parse(completion(prompt, output)),
};

test.each(Object.entries({ OpenAI: OPENAI, ...KINDS }))(
  "of 5 dollars at %s at least 95 %% are spent before the first refusal, though no request has a cap",
  async (_vendor, kind) => {
    const caps: number[] = [];
    const world = await townOf(kind, undefined, {
      play: (request, answer) => {
        if (isCount(kind, request)) return json(answer, kind.count(200));
        const cap = kind.capOf(request.body) ?? Number.POSITIVE_INFINITY;
        caps.push(cap);
        // As long as its longest answer, or as it may be.
        return json(answer, kind.answer(200, Math.min(8000, cap)));
      },
    });
    const key = world.mint({ budget: "5 usd" });
    let status = 200;
    for (let times = 0; times < 100 && status === 200; times++)
      ({ status } = await world.send(key, kind.body("word ".repeat(200))));
    expect(status).toBe(402);
    const [[used]] = (await world.usage(key)) as [readonly [bigint, bigint]];
    expect(Number(used)).toBeGreaterThanOrEqual(4_750_000);
    expect(Number(used)).toBeLessThanOrEqual(5_000_000);
    expect(Math.min(...caps)).toBeLessThan(8000);
    expect(Math.min(...caps)).toBeGreaterThanOrEqual(256);
  },
);
