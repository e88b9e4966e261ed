/**
 * Decides about each message of a proxied MCP session: forward it unchanged, answer it, or remove
 * tools from a list.
 */
import { printable } from "../secrecy.ts";
import type { Audit, AuditEntry } from "./audit.ts";
import type { CallCounter } from "./call-limits.ts";
import { ambiguity, type Message, type MessageId, readMessage } from "./message.ts";
import type { Revocation } from "./revocation.ts";
import type { ToolList } from "./tool-list.ts";

export interface GateOptions {
  readonly tools: ToolList;
  /** Consulted before each call, if given. */
  readonly revocation?: Revocation | undefined;
  readonly counter: CallCounter;
  readonly audit: Audit;
  /** Returns the time in Unix seconds. @default the system's clock */
  readonly clock?: () => number;
}

/** What becomes of one message. */
export interface Passage {
  /** Line to forward to the receiver. */
  readonly onward?: Buffer | string;
  /** Line to send back to the host. */
  readonly answer?: string;
  /** Line for stderr. */
  readonly note?: string;
}

interface Pending {
  readonly kind: "list" | "call";
  readonly tool: string;
  readonly argumentBytes: number;
  /** `performance.now()` when the request was forwarded. */
  readonly since: number;
}

/** `_meta` key by which a request declares its protocol version, and so the form of its result. */
const MODERN = "io.modelcontextprotocol/protocolVersion";

export class Gate {
  readonly #options: GateOptions;
  readonly #clock: () => number;
  /**
   * By the id as text: some servers answer "1" for 1, and some hosts accept that as the same
   * request.
   */
  readonly #pending = new Map<string, Pending>();

  constructor(options: GateOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => Date.now() / 1000);
  }

  /** Judges a line from the host to the server. */
  async outward(line: Buffer): Promise<Passage> {
    const text = exactText(line);
    if (text?.trim() === "") return {};
    const message = text === undefined ? undefined : readMessage(text);
    if (text === undefined || message === undefined)
      return {
        answer: failure(null, -32700, "a line must be one JSON-RPC message in UTF-8"),
      };
    const { id = null, method } = message;
    const why = ambiguity(text, message);
    if (why !== undefined) return this.#unclear(message, why);
    if (method === "notifications/cancelled") this.#cancelled(message);
    if (method !== "tools/call" && method !== "tools/list") return { onward: line };
    // The gate could not answer a call without an id, but a server might still run it.
    if (id === null) return this.#refusedCall(message, "a call needs an id");
    if (this.#pending.has(`${id}`)) return { answer: failure(id, -32600, "this id is in use") };
    if (method === "tools/call") return this.#call(line, message, id);
    this.#pending.set(`${id}`, { ...NO_CALL, since: performance.now() });
    return { onward: line };
  }

  /** Judges a line from the server to the host. */
  inward(line: Buffer): Passage {
    const text = line.toString("utf8");
    if (text.trim() === "") return {};
    const message = readMessage(text);
    if (message === undefined)
      return { note: "left out a line of the server that is not a JSON-RPC message" };
    const { id, method } = message;
    if (method !== undefined || id === undefined || id === null) return { onward: line };
    const pending = this.#pending.get(`${id}`);
    if (pending === undefined) return { onward: line };
    this.#pending.delete(`${id}`);
    if (pending.kind === "list") return { onward: this.#listed(message) ?? line };
    this.#answered(pending, message, line.length);
    return { onward: line };
  }

  /** Records the calls that will get no answer any more. */
  end(): void {
    for (const pending of this.#pending.values())
      if (pending.kind === "call") this.#audited(pending, "unanswered");
    this.#pending.clear();
  }

  async #call(line: Buffer, message: Message, id: MessageId): Promise<Passage> {
    const { tools, revocation, counter, audit } = this.#options;
    const { name } = message.params ?? {};
    if (typeof name !== "string")
      return { answer: failure(id, -32602, "params.name must be the name of a tool") };
    const pending = { ...callOf(name, message), since: performance.now() };
    // Before the first await: the next message may use the same id.
    this.#pending.set(`${id}`, pending);
    const now = this.#clock();
    const why = audit.isBroken
      ? "the file of --audit cannot be written"
      : (tools.refusal(name, now) ??
        (await revocation?.refusal()) ??
        (await counter.count(name, now)));
    if (why === undefined) return { onward: line };
    this.#pending.delete(`${id}`);
    return this.#refusedCall(message, why);
  }

  #refusedCall(message: Message, why: string): Passage {
    const { id = null, method, params } = message;
    const tool = typeof params?.name === "string" ? params.name : "";
    const { argumentBytes } = callOf(tool, message);
    if (method === "tools/call")
      this.#options.audit.write({ tool, decision: "refused", reason: why, argumentBytes });
    return id === null
      ? {}
      : { answer: refusedResult(id, params, `Refused by sigil mcp proxy: ${why}.`) };
  }

  #unclear(message: Message, why: string): Passage {
    if (message.method === "tools/call") return this.#refusedCall(message, why);
    const { id = null, method } = message;
    // A response to the server gets no answer.
    return method === undefined || id === null
      ? { note: `left out a message of the host: ${why}` }
      : { answer: failure(id, -32600, why) };
  }

  #cancelled({ params }: Message): void {
    const id = `${params?.requestId}`;
    const pending = this.#pending.get(id);
    // No answer is expected to a cancelled call. A list is still filtered if it arrives.
    if (pending?.kind !== "call") return;
    this.#pending.delete(id);
    this.#audited(pending, "cancelled");
  }

  #listed(message: Message): string | undefined {
    const { result } = message as { readonly result?: { readonly tools?: unknown } };
    if (!Array.isArray(result?.tools)) return undefined;
    const now = this.#clock();
    const tools = result.tools.filter((tool: unknown) => {
      const { name } = Object(tool) as { readonly name?: unknown };
      return typeof name === "string" && this.#options.tools.refusal(name, now) === undefined;
    });
    return JSON.stringify({ ...message, result: { ...result, tools } });
  }

  #answered(pending: Pending, { result, error }: Message, bytes: number): void {
    const { isError } = Object(result) as { readonly isError?: unknown };
    const outcome = error !== undefined ? "error" : isError === true ? "tool-error" : "result";
    this.#audited(pending, outcome, bytes);
  }

  #audited(
    { tool, argumentBytes, since }: Pending,
    outcome: NonNullable<AuditEntry["outcome"]>,
    resultBytes?: number,
  ): void {
    this.#options.audit.write({
      tool,
      decision: "allowed",
      outcome,
      durationMs: Math.round(performance.now() - since),
      argumentBytes,
      ...(resultBytes !== undefined && { resultBytes }),
    });
  }
}

/**
 * Decodes UTF-8 strictly; undefined for other bytes. A server that skips such bytes would read
 * another name than the gate.
 */
function exactText(line: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    return undefined;
  }
}

const NO_CALL = { kind: "list", tool: "", argumentBytes: 0 } as const;

const callOf = (tool: string, { params }: Message) => ({
  kind: "call" as const,
  tool,
  argumentBytes: Buffer.byteLength(JSON.stringify(params?.arguments ?? {})),
});

const failure = (id: MessageId | null, code: number, why: string): string =>
  JSON.stringify({
    jsonrpc: "2.0",
    id,
    error: { code, message: `Refused by sigil mcp proxy: ${why}.` },
  });

function refusedResult(id: MessageId, params: Message["params"], text: string): string {
  const { [MODERN]: version } = Object(params?._meta) as Readonly<Record<string, unknown>>;
  const content = [{ type: "text", text: printable(text) }];
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    result: { ...(version !== undefined && { resultType: "complete" }), content, isError: true },
  });
}
