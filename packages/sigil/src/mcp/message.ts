/** One line of MCP over stdio, as far as a proxy must understand it. */

export type MessageId = string | number;

/** What a line asks or says; everything a proxy does not judge is only passed on. */
export interface Message {
  readonly id?: MessageId | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: unknown;
}

const MEMBERS = new Set(["jsonrpc", "id", "method", "params", "result", "error"]);

/** Undefined for what is no single JSON-RPC message. */
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
 * Why a server might read something else in this line than we do: a name that is there twice, of
 * which parsers take the first or the last, or one that differs in case, which some parsers take
 * for the same. It is passed on as it is, so it must be plain.
 */
export function ambiguity(line: string, message: Message): string | undefined {
  // Whoever ends lines there, as Python's text streams do, reads several messages in this one.
  if (/\r(?!$)/.test(line)) return "a carriage return is in the middle of a line";
  if (repeatsName(line)) return "a member is there twice";
  if (Object.keys(message).some((key) => !MEMBERS.has(key)))
    return "a member is unknown to JSON-RPC";
  if (
    Object.keys(message.params ?? {}).some((key) => key !== "name" && key.toLowerCase() === "name")
  )
    return "a parameter is name in other letters";
  return undefined;
}

/** Of text that is JSON. */
function repeatsName(json: string): boolean {
  // The names seen in each object that is open; undefined for a list.
  const open: (Set<string> | undefined)[] = [];
  let isName = false;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : undefined);
      isName = token === "{";
    } else if (token === "}" || token === "]") {
      open.pop();
      isName = false;
    } else if (token === ",") isName = open.at(-1) !== undefined;
    else if (isName) {
      const name = JSON.parse(token) as string;
      const names = open.at(-1)!;
      if (names.has(name)) return true;
      names.add(name);
      isName = false;
    }
  }
  return false;
}
