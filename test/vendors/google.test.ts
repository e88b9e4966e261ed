/** Gemini: Google's own SDK and the AI SDK. */
import { createGoogle } from "@ai-sdk/google";
import { GoogleGenAI } from "@google/genai";
import { aiSdk } from "./support/ai-sdk.ts";
import { TOOL, testClient, type Uses } from "./support/client.ts";
import { generateContent } from "./support/generate-content.ts";

const model = "gemini-test";

testClient({
  name: "@google/genai",
  preset: "gemini",
  vendor: generateContent,
  status: "status",
  facts: ({ message }: Error) => JSON.parse(message).error.details[0].metadata,
  uses({ url, key }): Uses {
    const { models } = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
    const base = { model, contents: "Hello", config: { maxOutputTokens: 100 } };
    return {
      call: async () => (await models.generateContent(base)).text!,
      async stream() {
        const parts: string[] = [];
        for await (const chunk of await models.generateContentStream(base))
          parts.push(chunk.text ?? "");
        return parts;
      },
      async tool() {
        const { name, description, schema } = TOOL;
        const tools = [
          { functionDeclarations: [{ name, description, parametersJsonSchema: schema }] },
        ];
        const config = { ...base.config, tools };
        const { functionCalls } = await models.generateContent({ ...base, config });
        const [call] = functionCalls!;
        return { name: call!.name!, input: call!.args };
      },
    };
  },
});

testClient({
  name: "@ai-sdk/google",
  preset: "gemini",
  vendor: generateContent,
  status: "statusCode",
  facts: ({ responseBody }: { responseBody: string }) =>
    JSON.parse(responseBody).error.details[0].metadata,
  uses: ({ url, key }) => aiSdk(createGoogle({ baseURL: `${url}/v1beta`, apiKey: key })(model)),
});
