/** PyPI's openai and anthropic. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe } from "vitest";
import type { Play } from "../../packages/sigil/src/gateway/fixtures/town.ts";
import { python } from "../peers/python/venv.ts";
import { chatCompletions } from "./support/chat-completions.ts";
import { type Settings, TOOL, type ToolCall, testClient, type Uses } from "./support/client.ts";
import { messages } from "./support/messages.ts";
import { responses } from "./support/responses.ts";

const here = join(import.meta.dirname, "python");
const interpreter = python(join(here, "requirements.txt"));

type Ask = (question: object) => Promise<unknown>;
let child: ChildProcess | undefined;
let asking: Ask | undefined;

/** Loading the SDKs takes a second, so one process is for all tests. */
function program(): Ask {
  child = spawn(interpreter!, [join(here, "clients.py")], { stdio: ["pipe", "pipe", "inherit"] });
  const { stdin, stdout } = child;
  const lines = createInterface({ input: stdout! })[Symbol.asyncIterator]();
  return async (question) => {
    stdin!.write(`${JSON.stringify(question)}\n`);
    const { value: line, done } = await lines.next();
    if (done) throw new TypeError("clients.py has ended");
    const { value, error, status_code, body } = JSON.parse(line);
    if (error !== undefined) throw Object.assign(new Error(error), { status_code, body });
    return value;
  };
}

const usesOf =
  (client: string, model: string) =>
  (settings: Settings): Uses => {
    asking ??= program();
    const ask = <Value>(use: keyof Uses) =>
      asking!({ client, use, model, tool: TOOL, ...settings }) as Promise<Value>;
    return {
      call: () => ask<string>("call"),
      stream: () => ask<readonly string[]>("stream"),
      tool: () => ask<ToolCall>("tool"),
    };
  };

const CLIENTS: readonly (readonly [
  name: string,
  preset: string,
  client: string,
  model: string,
  vendor: Play,
])[] = [
  ["openai-python, chat completions", "openai", "chat", "gpt-test", chatCompletions("asked")],
  ["openai-python, Responses", "openai", "responses", "gpt-test", responses],
  ["anthropic-python", "anthropic", "messages", "claude-test", messages],
];

describe.skipIf(interpreter === undefined)("Python", () => {
  afterAll(() => void child?.stdin?.end());
  for (const [name, preset, client, model, vendor] of CLIENTS)
    testClient({
      ...{ name, preset, vendor, status: "status_code" },
      facts: ({ body }: { body: unknown }) => body,
      uses: usesOf(client, model),
    });
});
