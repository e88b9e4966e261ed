/**
 * One HTTP/1.1 exchange over a socket, which sends the bytes that a client library would refuse or
 * normalize.
 */
import { connect, type Socket } from "node:net";

export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  /**
   * Sent in order, with duplicates. `Connection: close` is added, and `Host` unless it is given.
   */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array;
  /** The client's address, in 127.0.0.0/8. */
  readonly localAddress?: string;
}

export interface RawResponse {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** The values of every line of a field. */
  lines(name: string): readonly string[];
}

export async function exchange(url: string, request: RawRequest = {}): Promise<RawResponse> {
  const socket = open(url, request);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return read(Buffer.concat(parts).toString("latin1"));
}

/** Sends a request, and returns the socket without waiting for the answer. */
export function open(url: string, request: RawRequest = {}): Socket {
  const { method = "GET", target = "/", fields = [], body = "", localAddress } = request;
  const { hostname, port, host } = new URL(url);
  const hasHost = fields.some(([name]) => name.toLowerCase() === "host");
  const head = [
    ...(hasHost ? [] : [["host", host]]),
    ["connection", "close"],
    ...fields,
    ...(body.length === 0 ? [] : [["content-length", String(Buffer.byteLength(body))]]),
  ].map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
    ...(localAddress !== undefined && { localAddress }),
  });
  // In Latin-1 each character is one byte, including forbidden ones.
  socket.write(Buffer.from(`${method} ${target} HTTP/1.1\r\n${head.join("")}\r\n`, "latin1"));
  socket.write(body);
  return socket;
}

function read(text: string): RawResponse {
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, Math.max(end, 0)).split("\r\n");
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const values = (name: string) => fields.filter(([key]) => key === name).map(([, value]) => value);
  const content = text.slice(end + 4);
  return {
    status: Number(statusLine.split(" ")[1]),
    fields,
    body: values("transfer-encoding").includes("chunked") ? dechunk(content) : content,
    lines: values,
  };
}

function dechunk(text: string): string {
  let whole = "";
  for (let at = 0; ; ) {
    const line = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!(size > 0)) return whole;
    whole += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}
