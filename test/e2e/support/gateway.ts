/** The program `sigil gateway` as a process, and a vendor that the test plays. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { ended, spawned } from "./sigil.ts";

/** The vendor's key, which nothing but the vendor may ever see. */
export const VENDOR_KEY = "sk-vendor-CANARY-0123456789abcdef";

export interface Seen {
  readonly authorization: string | undefined;
  readonly url: string;
  readonly body: string;
}

/** Answers a request to the vendor. */
export type Play = (request: Seen, answer: ServerResponse) => unknown;

/** A completion that used this. */
export const completion = (prompt: number, output: number): string =>
  JSON.stringify({
    id: "1",
    object: "chat.completion",
    model: "gpt-4.1",
    choices: [{ index: 0, message: { role: "assistant", content: "Hello" } }],
    usage: { prompt_tokens: prompt, completion_tokens: output, total_tokens: prompt + output },
  });

export const answers =
  (body: string, status = 200): Play =>
  (_request, answer) =>
    answer.writeHead(status, { "content-type": "application/json" }).end(body);

export async function openVendor(first: Play = answers(completion(1000, 100))) {
  const seen: Seen[] = [];
  const acting = { play: first };
  const server = createServer(async (incoming, answer) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const { url = "", headers } = incoming;
    const body = Buffer.concat(parts).toString();
    const request: Seen = { authorization: headers.authorization, url, body };
    seen.push(request);
    await acting.play(request, answer);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    seen,
    play: (next: Play) => {
      acting.play = next;
    },
  };
}

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface Running {
  readonly key: string;
  readonly url: string;
  /** Everything that it has printed, on stdout and on stderr. */
  readonly printed: () => string;
  /** The requests that were settled, in order. */
  readonly settled: () => readonly LogLine[];
  /** Ends it by a signal. Resolves with its exit code, or null after SIGKILL. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
  readonly child: ReturnType<typeof spawned>;
}

/** Resolves once the gateway listens. @throws Error with its output if it does not start */
export async function openGateway(
  args: readonly string[],
  env: Readonly<Record<string, string>> = { OPENAI_API_KEY: VENDOR_KEY },
  before: readonly string[] = [],
): Promise<Running> {
  const child = spawned(["gateway", "--json", ...args], env, before);
  const closed = once(child, "close") as Promise<[number | null]>;
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  let log = "";
  child.stderr.on("data", (part) => (log += part));
  let document = "";
  for await (const line of createInterface({ input: child.stdout })) {
    document += `${line}\n`;
    if (line === "}") break;
  }
  if (document === "") throw new Error(`the gateway did not start: ${log}`);
  const { key, listening } = JSON.parse(document) as { key: string; listening: string };
  return {
    ...{ key, url: listening, child },
    printed: () => document + log,
    settled: () =>
      log
        .split("\n")
        // The last line may not be complete yet.
        .slice(0, -1)
        .map((line) => JSON.parse(line) as LogLine)
        .filter(({ msg }) => msg === "settled"),
    async end(signal) {
      child.kill(signal);
      const [code] = await closed;
      return code;
    },
  };
}

/** Runs it with flags that it does not start with. */
export const refusedGateway = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = { OPENAI_API_KEY: VENDOR_KEY },
) => ended(spawned(["gateway", ...args], env));

/** Asks for a completion. */
export const chat = (
  { url }: Pick<Running, "url">,
  key: string,
  body: object = {},
): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model: "gpt-4.1",
      max_tokens: 100,
      messages: [{ role: "user", content: "hi" }],
      ...body,
    }),
  });

export interface Left {
  readonly agent?: string;
  readonly limit: string;
  readonly used: string;
  readonly reserved: string;
  readonly left: string;
  readonly seconds?: number;
}

/** What the holder of a key is told of its limits, root first. */
export async function leftOf({ url }: Pick<Running, "url">, key: string): Promise<readonly Left[]> {
  const response = await fetch(`${url}/.well-known/sigil/budget`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return ((await response.json()) as { limits: readonly Left[] }).limits;
}
