/** The MCP server over HTTP on 127.0.0.1, behind a bearer token because it can spend money. */
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  type McpServer,
  originValidationResponse,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { type Served, serve } from "l8nt/node";
import { UsageError } from "../exit.ts";

export interface HttpOptions {
  readonly port: number;
  readonly token: string;
}

/** Limit for clients before protocol version 2026-07-28, each of which has a session. */
const MAX_SESSIONS = 64;

/** Serves MCP at `/mcp`. @throws UsageError if the port cannot be opened */
export async function overHttp(
  make: () => McpServer,
  { port, token }: HttpOptions,
): Promise<Served> {
  const sessions = new Sessions(make);
  const modern = createMcpHandler(make, { legacy: "reject" });
  const wanted = digest(`Bearer ${token}`);
  const served = await listening(port, async (request) => {
    // First of all refuse DNS names rebound to this machine, and pages in a browser.
    const stranger =
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
      originValidationResponse(request, localhostAllowedOrigins());
    if (stranger !== undefined) return stranger;
    if (!timingSafeEqual(digest(request.headers.get("authorization") ?? ""), wanted))
      return unauthorized();
    if (new URL(request.url).pathname !== "/mcp")
      return new Response("Not found\n", { status: 404 });
    return (await isLegacyRequest(request)) ? sessions.handle(request) : modern.fetch(request);
  });
  return {
    url: `${served.url}/mcp`,
    async close() {
      await Promise.all([sessions.close(), modern.close()]);
      await served.close();
    },
  };
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const unauthorized = (): Response =>
  new Response("Send this server's token as Authorization: Bearer TOKEN.\n", {
    status: 401,
    headers: { "www-authenticate": "Bearer" },
  });

async function listening(
  port: number,
  handler: (request: Request) => Promise<Response>,
): Promise<Served> {
  try {
    return await serve(handler, { port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw new UsageError(`--http: port ${port} is in use.`);
    if (code === "EACCES")
      throw new UsageError(`--http: this user may not listen on port ${port}.`);
    throw error;
  }
}

/**
 * Sessions of clients of earlier protocol versions. Without one they could not cancel a call,
 * because the notification arrives in another request.
 */
class Sessions {
  readonly #make: () => McpServer;
  /** Least recently used first. */
  readonly #open = new Map<string, WebStandardStreamableHTTPServerTransport>();

  constructor(make: () => McpServer) {
    this.#make = make;
  }

  async handle(request: Request): Promise<Response> {
    const id = request.headers.get("mcp-session-id");
    if (id === null) return (await this.#fresh()).handleRequest(request);
    const transport = this.#open.get(id);
    if (transport === undefined) return sessionNotFound();
    this.#open.delete(id);
    this.#open.set(id, transport);
    return transport.handleRequest(request);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((transport) => transport.close()));
  }

  async #fresh(): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        this.#open.set(id, transport);
        const [oldest] = this.#open;
        if (this.#open.size > MAX_SESSIONS) void oldest![1].close();
      },
    });
    transport.onclose = () => {
      if (transport.sessionId !== undefined) this.#open.delete(transport.sessionId);
    };
    await this.#make().connect(transport);
    return transport;
  }
}

const sessionNotFound = (): Response =>
  Response.json(
    { jsonrpc: "2.0", error: { code: -32001, message: "Session not found" }, id: null },
    { status: 404 },
  );
