/** One interface to both majors of the MCP SDK, so that the same tests run on both. */
import {
  Client as Client2,
  StreamableHTTPClientTransport as HttpTransport2,
  InMemoryTransport as InMemory2,
} from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioTransport2 } from "@modelcontextprotocol/client/stdio";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioTransport1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpTransport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport as InMemory1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as McpServer1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport as ServerTransport1 } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, McpServer as McpServer2 } from "@modelcontextprotocol/server";
import type { ToolServer } from "l8nt/mcp";
import { onTestFinished } from "vitest";

/** The keys of `_meta`, as spec/8-mcp.md §1 writes them. */
export const CREDENTIAL = "dev.l8nt/credential";
export const CHALLENGE = "dev.l8nt/challenge";
export const PROBLEM = "dev.l8nt/problem";

export interface ToolAnswer {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly isError?: boolean;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

export interface CallOf {
  readonly name: string;
  readonly arguments?: Record<string, unknown>;
  readonly _meta?: Record<string, unknown>;
}

/** What of an MCP client a test uses. */
export interface Caller {
  callTool(params: CallOf, ...rest: readonly unknown[]): Promise<ToolAnswer>;
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  close(): Promise<void>;
}

export interface Reconnecting {
  readonly caller: Caller;
  connect(): Promise<void>;
  /** The server closes the connection. */
  hangUp(): Promise<void>;
}

export type Equip = (server: ToolServer<unknown>) => void;

export interface Major {
  readonly name: string;
  /** What follows the parameters of a call. */
  options(options: {
    readonly signal?: AbortSignal;
    readonly timeout?: number;
  }): readonly unknown[];
  /** How the request handler of a low-level server names `tools/call`. */
  readonly toolsCall: unknown;
  /** A server that was never connected. */
  server(): ToolServer<unknown>;
  /** A client of a server in this process. */
  connected(server: ToolServer<unknown>): Promise<Caller>;
  /** The same, of a new server. */
  inMemory(equip: Equip): Promise<Caller>;
  /** The same, which connects again to another server of the kind after its connection ended. */
  reconnecting(equip: Equip): Promise<Reconnecting>;
  /** A client of a child process, which runs `file`. */
  stdio(file: string, env: Record<string, string>): Promise<Caller>;
  unconnected(): Caller;
  readonly HttpTransport: unknown;
  http(url: string, fetcher?: typeof fetch): Promise<Caller>;
  /** A stateless server over streamable HTTP, as a Web-standard handler. */
  handler(equip: Equip): (request: Request) => Promise<Response>;
}

const INFO = { name: "test", version: "1.0.0" };
const FLAGS = ["--conditions=l8nt-source"];

export const majors: readonly Major[] = [
  {
    name: "@modelcontextprotocol/sdk 1",
    options: (options) => [undefined, options],
    toolsCall: CallToolRequestSchema,
    server: () => new McpServer1(INFO),
    unconnected: () => new Client1(INFO) as unknown as Caller,
    HttpTransport: HttpTransport1,
    connected: (server) => paired1(server as unknown as McpServer1),
    inMemory: async (equip) => {
      const server = new McpServer1(INFO);
      equip(server);
      return paired1(server);
    },
    reconnecting: async (equip) => {
      const client = new Client1(INFO);
      let server: McpServer1;
      const connect = async () => {
        server = new McpServer1(INFO);
        equip(server);
        const [near, far] = InMemory1.createLinkedPair();
        await server.connect(far);
        await client.connect(near);
      };
      await connect();
      onTestFinished(() => client.close());
      return { caller: client as unknown as Caller, connect, hangUp: () => server.close() };
    },
    stdio: (file, env) =>
      connected1(new StdioTransport1({ command: process.execPath, args: [...FLAGS, file], env })),
    http: (url, fetcher) =>
      connected1(
        new HttpTransport1(
          new URL(url),
          fetcher === undefined ? {} : { fetch: fetcher },
        ) as unknown as InMemory1,
      ),
    handler: (equip) => async (request) => {
      const server = new McpServer1(INFO);
      equip(server);
      const transport = new ServerTransport1();
      await server.connect(transport as unknown as InMemory1);
      return transport.handleRequest(request);
    },
  },
  {
    name: "@modelcontextprotocol/{client,server} 2",
    options: (options) => [options],
    toolsCall: "tools/call",
    server: () => new McpServer2(INFO),
    unconnected: () => new Client2(INFO) as unknown as Caller,
    HttpTransport: HttpTransport2,
    connected: (server) => paired2(server as unknown as McpServer2),
    inMemory: async (equip) => {
      const server = new McpServer2(INFO);
      equip(server);
      return paired2(server);
    },
    reconnecting: async (equip) => {
      const client = new Client2(INFO);
      let server: McpServer2;
      const connect = async () => {
        server = new McpServer2(INFO);
        equip(server);
        const [near, far] = InMemory2.createLinkedPair();
        await server.connect(far);
        await client.connect(near);
      };
      await connect();
      onTestFinished(() => client.close());
      return { caller: client as unknown as Caller, connect, hangUp: () => server.close() };
    },
    stdio: (file, env) =>
      connected2(new StdioTransport2({ command: process.execPath, args: [...FLAGS, file], env })),
    http: (url, fetcher) =>
      connected2(new HttpTransport2(new URL(url), fetcher === undefined ? {} : { fetch: fetcher })),
    handler: (equip) => {
      const handler = createMcpHandler(() => {
        const server = new McpServer2(INFO);
        equip(server);
        return server;
      });
      return (request) => handler.fetch(request);
    },
  },
];

async function paired1(server: McpServer1): Promise<Caller> {
  const [near, far] = InMemory1.createLinkedPair();
  await server.connect(far);
  return connected1(near);
}

async function connected1(transport: Parameters<Client1["connect"]>[0]): Promise<Caller> {
  const client = new Client1(INFO);
  await client.connect(transport);
  onTestFinished(() => client.close());
  return client as unknown as Caller;
}

async function paired2(server: McpServer2): Promise<Caller> {
  const [near, far] = InMemory2.createLinkedPair();
  await server.connect(far);
  return connected2(near);
}

async function connected2(transport: Parameters<Client2["connect"]>[0]): Promise<Caller> {
  const client = new Client2(INFO);
  await client.connect(transport);
  onTestFinished(() => client.close());
  return client as unknown as Caller;
}
