/**
 * A credential of an issuer, bound to the agent's key, as the API key of SDKs: they send by the
 * key's `fetch`, and are otherwise as their vendors made them.
 */
import Anthropic from "@anthropic-ai/sdk";
import type { Credential } from "l8nt";
import { seal } from "l8nt/biscuit";
import { HolderKey } from "l8nt/holder";
import OpenAI from "openai";
import { expect, test } from "vitest";
import { openIssuer } from "../../packages/sigil/src/gateway/fixtures/issuer.ts";
import { answers, completion, town } from "../../packages/sigil/src/gateway/fixtures/town.ts";

const clock = () => 1_900_000_000;
const LOCATION = "http://gateway.example";
const messages = [{ role: "user" as const, content: "hi" }];

const MESSAGE = JSON.stringify({
  ...{ id: "1", type: "message", role: "assistant", model: "claude-test" },
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 10, output_tokens: 20 },
});

type Call = (apiKey: string, fetch: typeof globalThis.fetch) => Promise<string | null | undefined>;

const SDKS: readonly (readonly [preset: string, answer: string, call: Call])[] = [
  [
    "openai",
    completion(10, 20),
    async (apiKey, fetch) => {
      const client = new OpenAI({ apiKey, fetch, baseURL: `${LOCATION}/v1`, maxRetries: 0 });
      const { choices } = await client.chat.completions.create({ model: "gpt-test", messages });
      return choices[0]!.message.content;
    },
  ],
  [
    "anthropic",
    MESSAGE,
    async (apiKey, fetch) => {
      const client = new Anthropic({ apiKey, fetch, baseURL: LOCATION, maxRetries: 0 });
      const asked = { model: "claude-test", max_tokens: 100, messages };
      const [part] = (await client.messages.create(asked)).content;
      return part?.type === "text" ? part.text : undefined;
    },
  ],
];

test.each(SDKS)(
  "the SDK of %s is served with the key, and with no other",
  async (preset, answer, call) => {
    const issuer = openIssuer();
    const { url, seen } = await town({ preset, play: answers(answer), trust: issuer.directory() });
    /** What is signed for the gateway's location goes to where it listens. */
    const send = ((input: RequestInfo | URL, init?: RequestInit) =>
      fetch(String(input).replace(LOCATION, url), init)) as typeof fetch;
    const key = new HolderKey(undefined, { clock, fetch: send });
    const credential: Credential = seal(issuer.mint({ holder: key.thumbprint, budget: "5 usd" }));
    for (let turn = 0; turn < 2; turn++)
      expect(await call(credential.toKey(), key.fetch as typeof fetch)).toBe("Hello");
    const other = new HolderKey(undefined, { clock, fetch: send });
    for (const by of [send, other.fetch as typeof fetch])
      await expect(call(credential.toKey(), by)).rejects.toMatchObject({ status: 403 });
    expect(seen).toHaveLength(2);
    for (const { rawHeaders } of seen) expect(rawHeaders.join()).not.toMatch(/signature|sigil/i);
  },
);
