/** Ollama's own SDK, which takes a key in a header, as it does for ollama.com. */
import { Ollama } from "ollama";
import { expect, test } from "vitest";
import { town } from "../../packages/sigil/src/gateway/fixtures/town.ts";
import { expectRefused, shownBy, TOOL, testClient, type Uses } from "./support/client.ts";
import { ollamaChat } from "./support/ollama-chat.ts";

const base = {
  model: "llama-test",
  messages: [{ role: "user", content: "Hello" }],
  options: { num_predict: 100 },
};

testClient({
  name: "ollama",
  preset: "ollama",
  vendor: ollamaChat,
  status: "status_code",
  facts: undefined,
  uses({ url, key }): Uses {
    const client = new Ollama({ host: url, headers: { Authorization: `Bearer ${key}` } });
    return {
      call: async () => (await client.chat(base)).message.content,
      async stream() {
        const parts: string[] = [];
        for await (const { message } of await client.chat({ ...base, stream: true }))
          parts.push(message.content);
        return parts.filter((part) => part !== "");
      },
      async tool() {
        const { name, description, schema } = TOOL;
        const tools = [{ type: "function", function: { name, description, parameters: schema } }];
        const { message } = await client.chat({ ...base, tools });
        const [call] = message.tool_calls!;
        return { name: call!.function.name, input: call!.function.arguments };
      },
    };
  },
});

test("ollama without a key, as it is by itself, shows which key is missing", async () => {
  const world = await town({ preset: "ollama", play: ollamaChat });
  const client = new Ollama({ host: world.url });
  expect(await shownBy(() => client.chat(base))).toMatch(/no API key was sent.*sk-sigil-/);
  expectRefused(world, { status: 401, code: "credential_missing" });
});
