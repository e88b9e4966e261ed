/** The AI SDK with a model of any vendor. */
import { generateText, jsonSchema, type LanguageModel, streamText, type ToolSet, tool } from "ai";
import { TOOL, type ToolCall, type Uses } from "./client.ts";

const tools: ToolSet = {
  [TOOL.name]: tool({
    description: TOOL.description,
    inputSchema: jsonSchema(TOOL.schema),
  }),
};

/** The `error` of a body: `data` of its errors is what a provider knows of it. */
export const inBody = ({ responseBody }: { responseBody: string }): unknown =>
  JSON.parse(responseBody).error;

export function aiSdk(model: LanguageModel): Uses {
  const base = { model, prompt: "Hello", maxOutputTokens: 100 };
  return {
    call: async () => (await generateText(base)).text,
    async stream() {
      const parts: string[] = [];
      // By itself it prints an error, and ends.
      const { fullStream } = streamText({ ...base, onError: () => {} });
      for await (const part of fullStream) {
        if (part.type === "error") throw part.error;
        if (part.type === "text-delta") parts.push(part.text);
      }
      return parts;
    },
    async tool() {
      const { toolCalls } = await generateText({
        ...base,
        tools,
      });
      const [call] = toolCalls;
      return { name: call!.toolName, input: call!.input };
    },
  };
}

export async function streamedToolCall(model: LanguageModel): Promise<ToolCall> {
  const { toolCalls } = streamText({ model, prompt: "Hello", maxOutputTokens: 100, tools });
  const [call] = await toolCalls;
  return { name: call!.toolName, input: call!.input };
}
