/**
 * The agent of a cell: it asks for one thing through one of the five ways, in this process or in
 * one that can be killed.
 */
import { Client as McpClient, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client, openWallet, SigilError } from "l8nt";
import { pay } from "l8nt/mcp";
import { openSqliteStore } from "l8nt/stores/sqlite";
import type { Kill, Mode } from "./cells.ts";
import { mined, type Pass } from "./mine.ts";

export interface AgentOrders {
  readonly mode: Mode;
  readonly credential: string;
  /** Origin of the service. */
  readonly shop: string;
  /** Of its own treasury. */
  readonly own?: {
    readonly wallet: string;
    readonly secret: string;
    readonly location: string;
    readonly database: string;
  };
  /** How to start the server on the pipe. */
  readonly pipe?: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly location: string;
  };
  /** Where its process kills itself. */
  readonly point?: Kill;
}

/** What an agent was told. */
export type Outcome =
  | { readonly kind: "answer"; readonly status: number; readonly body: string }
  | {
      readonly kind: "error";
      readonly name: string;
      readonly code: string | undefined;
      readonly spent: string | undefined;
      readonly message: string;
      /** Whether it is one of Sigil's own. */
      readonly ours: boolean;
    };

export interface Ask {
  readonly thing: string;
  /** The `Idempotency-Key` that the program gives. */
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Agent {
  ask(ask: Ask): Promise<Outcome>;
  /** Ends it, once what it began is over; its books can be opened then. */
  close(): Promise<void>;
}

export interface Heard {
  readonly alarm: (what: string) => void;
  /** Called at each kill point. */
  readonly pass: Pass;
}

export async function openAgent(orders: AgentOrders, heard: Heard): Promise<Agent> {
  const { mode } = orders;
  if (mode === "mcp-http") return mcpOverHttp(orders);
  if (mode === "mcp-pipe") return mcpOverPipe(orders, heard);
  const own = mode === "embedded" ? await ownTreasury(orders, heard) : undefined;
  const client = new Client({ credential: orders.credential, ...own?.options });
  return {
    ask: ({ thing, key, signal }) =>
      told(async () => {
        const response = await client.get(`${orders.shop}/${thing}`, {
          headers: keyed(key),
          ...(signal !== undefined && { signal }),
        });
        return { kind: "answer", status: response.status, body: await response.text() };
      }),
    close: async () => own?.close(client),
  };
}

const keyed = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { "idempotency-key": key };

async function ownTreasury({ own }: AgentOrders, { alarm, pass }: Heard) {
  const { wallet, secret, location, database } = own!;
  const opened = await openSqliteStore(database);
  return {
    options: {
      wallet: mined("wallet", { ...(await openWallet(wallet)) }, pass),
      treasury: { secret, location, store: mined("store", opened, pass), alarm },
    },
    async close(client: Client) {
      await (await client.treasury!.open()).stop();
      await opened.close();
    },
  };
}

/** An MCP client whose transport sends with the fetch of a client that pays through a treasury. */
function mcpOverHttp({ credential, shop }: AgentOrders): Agent {
  const client = new Client({ credential });
  /** Of the call that is under way: a program's time-out ends the request too. */
  let call: Ask | undefined;
  /** By key: the message of the first try, which a transport that tries again sends once more. */
  const messages = new Map<string, Message>();
  const send: typeof fetch = async (input, init) => {
    const { key, signal } = call ?? {};
    const headers = new Headers(init?.headers);
    const signals = [init?.signal, signal].filter((one) => one != null);
    const rest = signals.length === 0 ? {} : { signal: AbortSignal.any(signals) };
    const message = messageOf(init?.body);
    if (key === undefined || message?.method !== "tools/call")
      return client.fetch(input as URL, { ...init, ...rest });
    headers.set("idempotency-key", key);
    const first = messages.get(key) ?? message;
    messages.set(key, first);
    const body = JSON.stringify(first);
    const response = await client.fetch(input as URL, { ...init, ...rest, headers, body });
    if (first === message || response.status !== 200) return response;
    const answer = (await response.json()) as Message;
    return Response.json({ ...answer, id: message.id });
  };
  const connected = connection(
    () => new StreamableHTTPClientTransport(new URL(`${shop}/mcp`), { fetch: send }),
    () => {},
  );
  return {
    ask: (ask) =>
      told(async () => {
        const mcp = await connected.mcp();
        call = ask;
        return answerOf(await mcp.callTool({ name: ask.thing }));
      }),
    close: connected.close,
  };
}

interface Message {
  readonly method?: string;
  readonly id?: unknown;
}

function messageOf(body: unknown): Message | undefined {
  return typeof body === "string" ? (JSON.parse(body) as Message) : undefined;
}

/** An MCP client of a server that it starts, which pays from a wallet of its own. */
async function mcpOverPipe(orders: AgentOrders, heard: Heard): Promise<Agent> {
  const { pipe, credential } = orders;
  const { command, args, env, location } = pipe!;
  const own = await ownTreasury(orders, heard);
  let client: Client | undefined;
  const connected = connection(
    () => new StdioClientTransport({ command, args: [...args], env: { ...env }, stderr: "ignore" }),
    (mcp) => {
      client = pay(mcp as never, { location, credential, ...own.options });
    },
  );
  return {
    ask: ({ thing, signal }) =>
      told(async () => {
        const mcp = await connected.mcp();
        return answerOf(
          await mcp.callTool({ name: thing }, signal === undefined ? undefined : { signal }),
        );
      }),
    async close() {
      await connected.close();
      if (client !== undefined) await own.close(client);
    },
  };
}

/** One MCP client, which connects again where its server has gone. */
function connection(
  transport: () => StreamableHTTPClientTransport | StdioClientTransport,
  onMade: (mcp: McpClient) => void,
) {
  let mcp: McpClient | undefined;
  let isOpen = false;
  return {
    async mcp(): Promise<McpClient> {
      if (mcp === undefined) {
        mcp = new McpClient({ name: "agent", version: "1.0.0" });
        onMade(mcp);
      }
      if (!isOpen) {
        mcp.onclose = () => {
          isOpen = false;
        };
        await mcp.connect(transport());
        isOpen = true;
      }
      return mcp;
    },
    close: async () => mcp?.close(),
  };
}

function answerOf(result: unknown): Outcome {
  const { isError, content } = result as {
    isError?: boolean;
    content?: readonly { readonly text?: string }[];
  };
  const body = (content ?? []).map(({ text = "" }) => text).join("");
  return { kind: "answer", status: isError === true ? 500 : 200, body };
}

/** What the agent is told, as data: a process can say it to another. */
async function told(ask: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await ask();
  } catch (error) {
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      if (at instanceof SigilError) return errorOf(at, true);
    return errorOf(error as Error, false);
  }
}

function errorOf(error: Error & { code?: unknown; spent?: unknown }, ours: boolean): Outcome {
  const { name, message, code, spent } = error;
  const causes: string[] = [];
  for (let at = error.cause; at instanceof Error; at = at.cause) causes.push(at.message);
  return {
    kind: "error",
    name,
    code: code === undefined ? undefined : String(code),
    spent: spent === undefined ? undefined : String(spent),
    message: [message, ...causes].join(" < "),
    ours,
  };
}
