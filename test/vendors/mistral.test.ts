/** Mistral's own SDK. */
import { Mistral } from "@mistralai/mistralai";
import { chatCompletions } from "./support/chat-completions.ts";
import { TOOL, testClient, type Uses } from "./support/client.ts";

testClient({
  name: "@mistralai/mistralai",
  preset: "mistral",
  vendor: chatCompletions("always"),
  status: "statusCode",
  facts: ({ body }: { body: string }) => JSON.parse(body).error,
  uses({ url, key }): Uses {
    const { chat } = new Mistral({ serverURL: url, apiKey: key });
    const base = {
      model: "mistral-test",
      maxTokens: 100,
      messages: [{ role: "user" as const, content: "Hello" }],
    };
    return {
      call: async () => (await chat.complete(base)).choices[0]!.message!.content as string,
      async stream() {
        const parts: string[] = [];
        for await (const { data } of await chat.stream(base))
          parts.push((data.choices[0]!.delta.content as string | undefined) ?? "");
        return parts.filter((part) => part !== "");
      },
      async tool() {
        const { name, description, schema } = TOOL;
        const tools = [
          { type: "function" as const, function: { name, description, parameters: schema } },
        ];
        const { choices } = await chat.complete({ ...base, tools });
        const [call] = choices[0]!.message!.toolCalls!;
        return { name: call!.function.name, input: JSON.parse(call!.function.arguments as string) };
      },
    };
  },
});
