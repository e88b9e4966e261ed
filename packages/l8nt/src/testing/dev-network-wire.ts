/**
 * The dev network's HTTP: reads JSON requests on loopback, writes JSON answers, and can spoil an
 * answer on purpose.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { FaultKind } from "./dev-network-faults.ts";

export interface WireRequest {
  readonly method: string;
  /** The parts of the path, as they came: no name here needs decoding. */
  readonly path: readonly string[];
  readonly key: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface WireAnswer {
  readonly status: number;
  readonly body: unknown;
  /** How to spoil the answer, if at all. */
  readonly fault?: FaultKind | undefined;
  /** Runs once the answer is on its way. */
  readonly afterwards?: () => void;
}

/** An answer that is thrown. */
export class WireRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MAX_BODY_BYTES = 65_536;

export function wireServer(handle: (request: WireRequest) => Promise<WireAnswer>): Server {
  return createServer((request, response) => {
    read(request)
      .then(handle)
      .catch(refusalAnswer)
      .then((answer) => write(response, answer));
  });
}

function refusalAnswer(error: unknown): WireAnswer {
  // A TypeError is what the network's own methods throw at a caller's mistake; over HTTP that is a
  // 400.
  const status =
    error instanceof WireRefusal ? error.status : error instanceof TypeError ? 400 : 500;
  return {
    status,
    body: { error: error instanceof Error ? error.message : "the dev network is at fault" },
  };
}

async function read(request: IncomingMessage): Promise<WireRequest> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  // Only now: an answer in the middle of a request would reset the connection instead.
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
  // One connection, one request: whoever connects after `down()` is refused, never caught half-way
  // by a kept-alive socket.
  response.writeHead(fault === "server-error" ? 500 : status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    connection: "close",
  });
  response.end(text, afterwards);
}
