/** OpenAI's API: its own SDK, LangChain and the AI SDK. */
import { createOpenAI } from "@ai-sdk/openai";
import { ChatOpenAI } from "@langchain/openai";
import OpenAI, { type APIError } from "openai";
import { aiSdk, inBody } from "./support/ai-sdk.ts";
import { chatCompletions } from "./support/chat-completions.ts";
import { TOOL, testClient, type Uses } from "./support/client.ts";
import { responses } from "./support/responses.ts";

const model = "gpt-test";
const PROMPT = "Hello";
const messages = [{ role: "user" as const, content: PROMPT }];
const functionTool = {
  type: "function" as const,
  function: { name: TOOL.name, description: TOOL.description, parameters: TOOL.schema },
};

testClient({
  name: "openai, chat completions",
  preset: "openai",
  vendor: chatCompletions("asked"),
  status: "status",
  facts: ({ error }: APIError) => error,
  uses({ url, key }): Uses {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
    const base = { model, messages, max_completion_tokens: 100 };
    return {
      async call() {
        const completion = await client.chat.completions.create(base);
        return completion.choices[0]!.message.content!;
      },
      async stream() {
        const stream = await client.chat.completions.create({ ...base, stream: true });
        const parts: string[] = [];
        // As in OpenAI's own examples, which a chunk without a choice would break.
        for await (const chunk of stream) parts.push(chunk.choices[0]!.delta.content ?? "");
        return parts.filter((part) => part !== "");
      },
      async tool() {
        const completion = await client.chat.completions.create({ ...base, tools: [functionTool] });
        const [call] = completion.choices[0]!.message.tool_calls!;
        if (call?.type !== "function") throw new Error("no call of a function");
        return { name: call.function.name, input: JSON.parse(call.function.arguments) };
      },
    };
  },
});

testClient({
  name: "openai, Responses",
  preset: "openai",
  vendor: responses,
  status: "status",
  facts: ({ error }: APIError) => error,
  uses({ url, key }): Uses {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
    const base = { model, input: PROMPT, max_output_tokens: 100 };
    return {
      call: async () => (await client.responses.create(base)).output_text,
      async stream() {
        const parts: string[] = [];
        for await (const event of await client.responses.create({ ...base, stream: true }))
          if (event.type === "response.output_text.delta") parts.push(event.delta);
        return parts;
      },
      async tool() {
        const { name, description, schema } = TOOL;
        const { output } = await client.responses.create({
          ...base,
          tools: [{ type: "function", name, description, parameters: schema, strict: true }],
        });
        const [call] = output;
        if (call?.type !== "function_call") throw new Error("no call of a function");
        return { name: call.name, input: JSON.parse(call.arguments) };
      },
    };
  },
});

testClient({
  name: "@langchain/openai",
  preset: "openai",
  vendor: chatCompletions("asked"),
  status: "status",
  facts: ({ error }: APIError) => error,
  uses({ url, key }): Uses {
    const configuration = { baseURL: `${url}/v1` };
    const chat = new ChatOpenAI({ model, apiKey: key, configuration, maxTokens: 100 });
    return {
      call: async () => (await chat.invoke(PROMPT)).text,
      async stream() {
        const parts: string[] = [];
        for await (const chunk of await chat.stream(PROMPT)) parts.push(chunk.text);
        return parts.filter((part) => part !== "");
      },
      async tool() {
        const { tool_calls } = await chat.bindTools([functionTool]).invoke(PROMPT);
        const [call] = tool_calls!;
        return { name: call!.name, input: call!.args };
      },
    };
  },
});

testClient({
  name: "@ai-sdk/openai, chat completions",
  preset: "openai",
  vendor: chatCompletions("asked"),
  status: "statusCode",
  facts: inBody,
  uses: ({ url, key }) => aiSdk(createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat(model)),
});

testClient({
  name: "@ai-sdk/openai, Responses",
  preset: "openai",
  vendor: responses,
  status: "statusCode",
  facts: inBody,
  uses: ({ url, key }) => aiSdk(createOpenAI({ baseURL: `${url}/v1`, apiKey: key })(model)),
});
