/** One `Idempotency-Key` is one call: nobody is asked to pay for it twice. spec/5-ledger.md §5. */
import { describe, expect, test, vi } from "vitest";
import { type ShopOptions, shop } from "../fixtures/shop.ts";
import { answers, completion, type Play } from "../fixtures/town.ts";

const CHAT = "/v1/chat/completions";
const FLAT: NonNullable<ShopOptions["flat"]> = {
  [CHAT]: "1 sat",
  "/v1/embeddings": "5 sat",
  "/v1/audio/transcriptions": "1 sat",
};
const KEY = { "idempotency-key": "k" };

const TERMS: readonly (readonly [string, ShopOptions])[] = [
  ["a single call", { flat: FLAT }],
  ["a prepaid flat price", { flat: FLAT, terms: { prepaidMsat: 50_000n } }],
  ["a meter", { terms: { prepaidMsat: 50_000n } }],
];

const STREAM = [
  'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n',
  "data: [DONE]\n\n",
];
const USAGE =
  'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}\n\n';

const streams: Play = (_request, answer) => {
  answer.writeHead(200, { "content-type": "text/event-stream" });
  for (const part of [STREAM[0]!, USAGE, STREAM[1]!]) answer.write(part);
  answer.end();
};

const large = (bytes: number): Play =>
  answers(JSON.stringify({ ...JSON.parse(completion(10, 20)), padding: "x".repeat(bytes) }));

describe.each(TERMS)("under %s, a repeated request", (what, options) => {
  const isStream = (play: Play): boolean => play === streams;

  test.each([
    ["a small answer", answers(completion(10, 20)), "answered"],
    ["a stream", streams, "answered"],
    ["an answer above 64 KiB", large(70_000), "gone"],
  ] as const)("that had %s is not sold again", async (_kind, play, then) => {
    const world = await shop(options);
    const bought = await world.buy();
    const sold = world.fake.requests.length;
    world.play(play);
    const body = isStream(play) ? { stream: true } : {};
    const first = await world.ask(bought, body, CHAT, KEY);
    expect(first.status).toBe(200);
    const text = await first.text();
    const again = await world.ask(bought, body, CHAT, KEY);
    expect(again.headers.get("www-authenticate")).toBeNull();
    if (then === "answered") {
      expect([again.status, await again.text()]).toEqual([200, text]);
      if (what !== "a single call")
        expect(again.headers.get("sigil-budget")).toMatch(/^cost="0 sat", left=\("/);
    } else {
      expect(again.status).toBe(422);
      expect(await again.json()).toMatchObject({ code: "ERR_IDEMPOTENCY_KEY" });
    }
    expect(world.seen).toHaveLength(1);
    expect(world.fake.requests).toHaveLength(sold);
  });

  test.each([
    ["before the head", false],
    ["inside of the body", true],
  ])("whose client hung up %s has the answer that the vendor made", async (_when, isBegun) => {
    const world = await shop(options);
    const bought = await world.buy();
    const sold = world.fake.requests.length;
    const text = completion(10, 20);
    let finish = (): void => {};
    world.play((_request, answer) => {
      const head = { "content-type": "application/json", "content-length": text.length };
      if (isBegun) answer.writeHead(200, head).write(text.slice(0, 5));
      finish = () => {
        if (!isBegun) answer.writeHead(200, head);
        answer.end(text.slice(isBegun ? 5 : 0));
      };
    });
    const leaving = new AbortController();
    const left = fetch(world.url + CHAT, {
      method: "POST",
      headers: { authorization: `L402 ${bought}`, ...KEY },
      body: JSON.stringify({
        ...{ model: "gpt-test", max_tokens: 100 },
        messages: [{ role: "user", content: "hi" }],
      }),
      signal: leaving.signal,
    });
    await vi.waitFor(() => expect(world.seen).toHaveLength(1));
    leaving.abort();
    await expect(left).rejects.toThrow();
    await vi.waitFor(async () => expect((await world.ask(bought, {}, CHAT, KEY)).status).toBe(409));
    finish();
    await vi.waitFor(() => expect(world.rows).toHaveLength(1));
    expect(world.rows).toMatchObject([{ end: "gone", spent: what === "a meter" ? 210n : 1000n }]);
    const again = await world.ask(bought, {}, CHAT, KEY);
    expect([again.status, await again.text()]).toEqual([200, text]);
    expect(world.seen).toHaveLength(1);
    expect(world.fake.requests).toHaveLength(sold);
  });

  test("has its answer after the configuration was read again", async () => {
    const world = await shop(options);
    const bought = await world.buy();
    const first = await world.ask(bought, {}, CHAT, KEY);
    await world.reload();
    const again = await world.ask(bought, {}, CHAT, KEY);
    expect([again.status, await again.text()]).toEqual([200, await first.text()]);
    expect(world.seen).toHaveLength(1);
  });

  test("is made again if the vendor failed, and another one is none of it", async () => {
    const world = await shop(options);
    const bought = await world.buy();
    world.play(answers("{}", 503));
    expect((await world.ask(bought, {}, CHAT, KEY)).status).toBe(503);
    world.play(answers(completion(10, 20)));
    const tried = { ...KEY, "x-stainless-retry-count": "1" };
    expect((await world.ask(bought, {}, CHAT, tried)).status).toBe(200);
    expect((await world.ask(bought, {}, CHAT, KEY)).status).toBe(200);
    expect(world.seen).toHaveLength(2);
    expect((await world.ask(bought, { user: "b" }, CHAT, KEY)).status).toBe(422);
    const next = await world.ask(bought, {}, CHAT, { "idempotency-key": "other" });
    expect(next.status).toBe(what === "a single call" ? 402 : 200);
  });
});

describe("a body that no meter reads", () => {
  const upload = (
    world: Awaited<ReturnType<typeof shop>>,
    credential: string | undefined,
    bytes: number,
    file = "x",
  ) =>
    fetch(`${world.url}/v1/audio/transcriptions`, {
      method: "POST",
      headers: {
        ...KEY,
        "content-type": "multipart/form-data; boundary=b",
        ...(credential !== undefined && { authorization: `L402 ${credential}` }),
      },
      body: `--b\r\n${file.repeat(bytes)}\r\n--b--`,
    });

  test.each([
    [100, "kept"],
    [2_000_000, "not compared"],
  ] as const)("of %i bytes is paid for once under its key: %s", async (bytes, then) => {
    const world = await shop({ flat: FLAT });
    const offer = await upload(world, undefined, bytes);
    const bought = world.fake.buy(offer.headers.get("www-authenticate")!);
    world.play(answers('{"text":"Hello"}'));
    expect((await upload(world, bought, bytes)).status).toBe(200);
    const [seen] = world.seen;
    expect(seen!.body).toBe(`--b\r\n${"x".repeat(bytes)}\r\n--b--`);
    const type = seen!.rawHeaders.findIndex((name) => name.toLowerCase() === "content-type");
    expect(seen!.rawHeaders[type + 1]).toBe("multipart/form-data; boundary=b");
    const again = await upload(world, bought, bytes);
    expect(again.status).toBe(then === "kept" ? 200 : 422);
    expect(again.headers.get("www-authenticate")).toBeNull();
    expect((await upload(world, bought, bytes, "y")).status).toBe(422);
    expect(world.seen).toHaveLength(1);
  });
});

describe("a call that was paid for before its price rose", () => {
  test.each([
    ["as it was asked for", {}, "", {}, "", 200],
    ["with an Idempotency-Key", {}, "", KEY, "", 200],
    [
      "with an Idempotency-Key, asked for with another",
      { "idempotency-key": "j" },
      "",
      KEY,
      "",
      200,
    ],
    ["with a query", {}, "?beta=1", KEY, "?beta=1", 200],
    ["with its key where an SDK puts it", { "x-api-key": "none" }, "", {}, "", 200],
    ["with another query", {}, "?beta=1", {}, "?beta=2", 402],
    ["with another field", { "openai-beta": "a" }, "", { "openai-beta": "b" }, "", 402],
  ] as const)(
    "is served %s, or is another one",
    async (_how, before, query, after, then, status) => {
      const world = await shop({ flat: FLAT });
      // Nothing of a chat's query is let through.
      const path = query === "" ? CHAT : "/v1/audio/transcriptions";
      const bought = await world.buy({}, path + query, before);
      await world.reprice({ ...FLAT, [path]: "3 sat" });
      expect((await world.ask(bought, {}, path + then, after)).status).toBe(status);
      expect(world.seen).toHaveLength(status === 200 ? 1 : 0);
    },
  );
});
