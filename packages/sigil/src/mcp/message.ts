/** The parts of an MCP message on stdio that the proxy reads. */
import { repeatedName } from "l8nt/mcp";

export type MessageId = string | number;

/** A JSON-RPC request, notification or response. */
export interface Message {
  readonly id?: MessageId | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: unknown;
}

const MEMBERS = new Set(["jsonrpc", "id", "method", "params", "result", "error"]);

/** Reads one JSON-RPC message; undefined for anything else, such as a batch. */
export function readMessage(line: string): Message | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const { id, method, params } = json as Record<string, unknown>;
  const valid =
    (id === undefined || id === null || typeof id === "string" || typeof id === "number") &&
    (method === undefined || typeof method === "string") &&
    (params === undefined ||
      (typeof params === "object" && params !== null && !Array.isArray(params)));
  return valid ? (json as Message) : undefined;
}

/**
 * Why a server might read this line differently than the proxy; undefined if it cannot. Parsers
 * take the first or the last of repeated names, and some ignore case. The proxy forwards the bytes
 * as they are, so it refuses such lines.
 */
export function ambiguity(line: string, message: Message): string | undefined {
  // Python's text streams end a line there, and read several messages in this one.
  if (/\r(?!$)/.test(line)) return "the line contains a carriage return";
  if (repeatedName(line) !== undefined) return "the message contains a member twice";
  if (Object.keys(message).some((key) => !MEMBERS.has(key)))
    return "the message has a member that JSON-RPC does not define";
  if (
    Object.keys(message.params ?? {}).some((key) => key !== "name" && key.toLowerCase() === "name")
  )
    return "params has name in another case";
  return undefined;
}
