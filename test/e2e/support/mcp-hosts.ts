/**
 * MCP hosts for tests: the official clients of both majors, the second one in both eras of the
 * protocol.
 */
import { join } from "node:path";
import {
  Client as Client2,
  StreamableHTTPClientTransport as Http2,
} from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Stdio1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { onTestFinished } from "vitest";
import { childEnv } from "./child-env.ts";

export const HOSTS = ["sdk 1", "sdk 2", "sdk 2, 2026-07-28"] as const;
export type HostKind = (typeof HOSTS)[number];

const MAIN = join(import.meta.dirname, "../../../packages/sigil/src/main.ts");

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: (progress: { readonly progress: number }) => void;
}

export interface Answer {
  readonly isError: boolean;
  /** Every block of text. */
  readonly texts: readonly string[];
}

export interface Host {
  readonly client: Client1 | Client2;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
  tools(): Promise<readonly string[]>;
  /** All that the host was ever told, for looking for what must not be there. */
  readonly told: () => string;
  readonly stderr: () => string;
  close(): Promise<void>;
}

/** Arguments of `node` that run the program from its source. */
export const sigilArgs = (...args: readonly string[]): string[] => [
  "--conditions=l8nt-source",
  "--no-warnings",
  MAIN,
  ...args,
];

export async function overStdio(
  kind: HostKind,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Host> {
  const started = {
    command: process.execPath,
    args: [...args],
    env: childEnv(env),
    stderr: "pipe" as const,
  };
  const transport = kind === "sdk 1" ? new Stdio1(started) : new Stdio2(started);
  let stderr = "";
  transport.stderr!.on("data", (part) => (stderr += part));
  return connected(kind, transport, () => stderr);
}

export function overHttp(kind: HostKind, url: string, token: string): Promise<Host> {
  const options = { requestInit: { headers: { authorization: `Bearer ${token}` } } };
  const transport =
    kind === "sdk 1" ? new Http1(new URL(url), options) : new Http2(new URL(url), options);
  return connected(kind, transport, () => "");
}

async function connected(
  kind: HostKind,
  transport: Stdio1 | Stdio2 | Http1 | Http2,
  stderr: () => string,
): Promise<Host> {
  const info = { name: "test", version: "1" };
  const capabilities = { sampling: {} };
  const client =
    kind === "sdk 1"
      ? new Client1(info, { capabilities })
      : new Client2(info, {
          capabilities,
          versionNegotiation: { mode: kind === "sdk 2" ? "legacy" : { pin: "2026-07-28" } },
        });
  await client.connect(transport as never);
  onTestFinished(() => client.close());
  let told = JSON.stringify([client.getInstructions(), client.getServerVersion()]);
  const hear = <Heard>(heard: Heard): Heard => {
    told += JSON.stringify(heard);
    return heard;
  };
  return {
    client,
    async call(name, args = {}, options = {}) {
      const request = { name, arguments: args };
      const result = hear(
        await (client instanceof Client1
          ? client.callTool(request, undefined, options)
          : client.callTool(request, options)),
      ) as { readonly isError?: boolean; readonly content: readonly { readonly text?: string }[] };
      return {
        isError: result.isError === true,
        texts: result.content.map(({ text = "" }) => text),
      };
    },
    tools: async () => hear(await client.listTools()).tools.map(({ name }) => name),
    told: () => told,
    stderr,
    close: () => client.close(),
  };
}
