/** Anthropic's API: its own SDK and the AI SDK. */
import { createAnthropic } from "@ai-sdk/anthropic";
import Anthropic, { type APIError } from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { town } from "../../packages/sigil/src/gateway/fixtures/town.ts";
import { aiSdk, inBody } from "./support/ai-sdk.ts";
import { errorOf, TOOL, testClient, type Uses } from "./support/client.ts";
import { messages } from "./support/messages.ts";

const model = "claude-test";

testClient({
  name: "@anthropic-ai/sdk",
  preset: "anthropic",
  vendor: messages,
  status: "status",
  facts: ({ error }: APIError) => error,
  uses({ url, key }): Uses {
    const client = new Anthropic({ baseURL: url, apiKey: key });
    const base = {
      model,
      max_tokens: 100,
      messages: [{ role: "user" as const, content: "Hello" }],
    };
    return {
      async call() {
        const [block] = (await client.messages.create(base)).content;
        if (block?.type !== "text") throw new Error("no text");
        return block.text;
      },
      async stream() {
        const parts: string[] = [];
        for await (const event of client.messages.stream(base))
          if (event.type === "content_block_delta" && event.delta.type === "text_delta")
            parts.push(event.delta.text);
        return parts;
      },
      async tool() {
        const { name, description, schema } = TOOL;
        const tools = [{ name, description, input_schema: schema }];
        const [block] = (await client.messages.create({ ...base, tools })).content;
        if (block?.type !== "tool_use") throw new Error("no call of a tool");
        return { name: block.name, input: block.input };
      },
    };
  },
});

testClient({
  name: "@ai-sdk/anthropic",
  preset: "anthropic",
  vendor: messages,
  status: "statusCode",
  facts: inBody,
  uses: ({ url, key }) => aiSdk(createAnthropic({ baseURL: `${url}/v1`, apiKey: key })(model)),
});

test("@anthropic-ai/sdk has the code of a denial as errorCode", async () => {
  const world = await town({ preset: "anthropic", play: messages });
  const apiKey = world.mint({ models: ["other-*"] }).toKey();
  const client = new Anthropic({ baseURL: world.url, apiKey });
  const asked = { model, messages: [{ role: "user" as const, content: "Hi" }], max_tokens: 10 };
  const error = await errorOf(() => client.messages.create(asked));
  expect(error).toHaveProperty("errorCode", "model_not_allowed");
});
