/**
 * What a proxy does with each message: passes it on as it is, answers it itself, or takes tools out
 * of a list.
 */
import { printable } from "../secrecy.ts";
import type { Audit, AuditEntry } from "./audit.ts";
import type { CallCounter } from "./call-limits.ts";
import { ambiguity, type Message, type MessageId, readMessage } from "./message.ts";
import type { Revocation } from "./revocation.ts";
import type { ToolList } from "./tool-list.ts";

export interface GateOptions {
  readonly tools: ToolList;
  /** Asked before each call, where there is one to ask. */
  readonly revocation?: Revocation | undefined;
  readonly counter: CallCounter;
  readonly audit: Audit;
  /** Unix seconds. */
  readonly clock?: () => number;
}

export interface Passage {
  /** To go where it was going. */
  readonly onward?: Buffer | string;
  /** To go back. */
  readonly answer?: string;
  /** For whoever looks after the proxy. */
  readonly note?: string;
}

interface Pending {
  readonly kind: "list" | "call";
  readonly tool: string;
  readonly argumentBytes: number;
  /** Milliseconds. */
  readonly since: number;
}

/** A request that declares a version says how its answer must look. */
const MODERN = "io.modelcontextprotocol/protocolVersion";

export class Gate {
  readonly #options: GateOptions;
  readonly #clock: () => number;
  /**
   * By the id as text: a server that answers "1" for 1 means the same request, and some hosts
   * believe it.
   */
  readonly #pending = new Map<string, Pending>();

  constructor(options: GateOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => Date.now() / 1000);
  }

  /** From the host to the server. */
  async outward(line: Buffer): Promise<Passage> {
    const text = exactText(line);
    if (text?.trim() === "") return {};
    const message = text === undefined ? undefined : readMessage(text);
    if (text === undefined || message === undefined)
      return { answer: failure(null, -32700, "one JSON-RPC message a line, in UTF-8") };
    const { id = null, method } = message;
    const why = ambiguity(text, message);
    if (why !== undefined) return this.#unclear(message, why);
    if (method === "notifications/cancelled") this.#cancelled(message);
    if (method !== "tools/call" && method !== "tools/list") return { onward: line };
    // Without an id there is no answer, and a server might do it all the same.
    if (id === null) return this.#refusedCall(message, "a call without an id is not passed on");
    if (this.#pending.has(`${id}`)) return { answer: failure(id, -32600, "this id is in use") };
    if (method === "tools/call") return this.#call(line, message, id);
    this.#pending.set(`${id}`, { ...NO_CALL, since: performance.now() });
    return { onward: line };
  }

  /** From the server to the host. */
  inward(line: Buffer): Passage {
    const text = line.toString("utf8");
    if (text.trim() === "") return {};
    const message = readMessage(text);
    if (message === undefined)
      return { note: "the server wrote a line that is no message; it was left out" };
    const { id, method } = message;
    if (method !== undefined || id === undefined || id === null) return { onward: line };
    const pending = this.#pending.get(`${id}`);
    if (pending === undefined) return { onward: line };
    this.#pending.delete(`${id}`);
    if (pending.kind === "list") return { onward: this.#listed(message) ?? line };
    this.#answered(pending, message, line.length);
    return { onward: line };
  }

  /** The calls that nobody will answer any more. */
  end(): void {
    for (const pending of this.#pending.values())
      if (pending.kind === "call") this.#audited(pending, "unanswered");
    this.#pending.clear();
  }

  async #call(line: Buffer, message: Message, id: MessageId): Promise<Passage> {
    const { tools, revocation, counter, audit } = this.#options;
    const { name } = message.params ?? {};
    if (typeof name !== "string") return { answer: failure(id, -32602, "a call names its tool") };
    const pending = { ...callOf(name, message), since: performance.now() };
    // Before anything is waited for: the next message may use the id as well.
    this.#pending.set(`${id}`, pending);
    const now = this.#clock();
    const why = audit.isBroken
      ? "the audit cannot be written, so nothing is let through"
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
    // An answer to the server is not answered.
    return method === undefined || id === null
      ? { note: `the host sent a message that is not passed on: ${why}` }
      : { answer: failure(id, -32600, why) };
  }

  #cancelled({ params }: Message): void {
    const id = `${params?.requestId}`;
    const pending = this.#pending.get(id);
    // No answer is to be expected. A list that comes all the same is still looked at.
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
 * Undefined for what is not UTF-8: a server that leaves such bytes out would read another name than
 * we do.
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
