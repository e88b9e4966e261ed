/**
 * The dev network's HTTP server: reads JSON requests, writes JSON answers, and damages an answer
 * for a fault.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { FaultKind } from "./dev-network-faults.ts";

export interface WireRequest {
  readonly method: string;
  /** The segments of the path, not decoded: no name of the API needs it. */
  readonly path: readonly string[];
  readonly key: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface WireAnswer {
  readonly status: number;
  readonly body: unknown;
  /** The fault that damages the answer. */
  readonly fault?: FaultKind | undefined;
  /** Runs once the answer was written. */
  readonly afterwards?: () => void;
}

/** An error answer, as an exception. */
export class WireRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MAX_BODY_BYTES = 65_536;
/**
 * Longer than a client pauses between two payments. With Node's 5 seconds, a client that is busy
 * for a second could send a payment on a connection that ends at that moment.
 */
const KEEP_ALIVE_MS = 120_000;

export function wireServer(handle: (request: WireRequest) => Promise<WireAnswer>): Server {
  return createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    read(request)
      .then(handle)
      .catch(refusalAnswer)
      .then((answer) => write(response, answer));
  });
}

function refusalAnswer(error: unknown): WireAnswer {
  // The network's methods throw a TypeError for a mistake of the caller, which is 400 over HTTP.
  const status =
    error instanceof WireRefusal ? error.status : error instanceof TypeError ? 400 : 500;
  return {
    status,
    body: { error: error instanceof Error ? error.message : "internal error of the dev network" },
  };
}

async function read(request: IncomingMessage): Promise<WireRequest> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  // Refused after the last byte: an answer in the middle of a request would reset the connection.
  if (length > MAX_BODY_BYTES) throw new WireRefusal(413, "the request is too large");
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const bearer = /^Bearer ([0-9a-f]{1,128})$/.exec(request.headers.authorization ?? "");
  return {
    method: request.method ?? "",
    path: pathname.slice(1).split("/"),
    key: bearer?.[1],
    body: length === 0 ? {} : object(Buffer.concat(chunks).toString("utf8")),
  };
}

function object(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new WireRefusal(400, "the request is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new WireRefusal(400, "the request is not a JSON object");
  return value as Record<string, unknown>;
}

function write(response: ServerResponse, { status, body, fault, afterwards }: WireAnswer): void {
  if (fault === "reply-lost") {
    response.destroy();
    return;
  }
  const json = JSON.stringify(body, (_, value) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  const text = fault === "half-json" ? json.slice(0, json.length / 2) : json;
  response.writeHead(fault === "server-error" ? 500 : status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    // What runs afterwards may cut connections: the client must not send its next request on one.
    ...(afterwards !== undefined && { connection: "close" }),
  });
  response.end(text, afterwards);
}
