/**
 * `l8nt/claude-agent-sdk`: the Claude Agent SDK. Tools of an in-process MCP server run as the agent
 * that calls them. docs/guides/agents/claude-agent-sdk.md.
 */
import { z } from "zod";
import { currentHandle } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { turn } from "../agents/turn.ts";
import { Lineage } from "./claude-lineage.ts";

/** The part of what the SDK's `tool(...)` returns that this adapter uses. */
export interface ClaudeTool {
  readonly handler: (args: never, extra: unknown) => Promise<unknown>;
}

/** The part of a hook's input that this adapter reads. */
export interface ClaudeHookInput {
  /** Absent for the main thread, even if that has an `agent_type`. */
  readonly agent_id?: string;
  readonly agent_type?: string;
  readonly tool_name?: string;
  readonly tool_use_id?: string;
  readonly tool_input?: unknown;
}

interface HookAnswer {
  hookSpecificOutput?: {
    hookEventName: "PreToolUse";
    permissionDecision: "deny";
    permissionDecisionReason: string;
  };
}

export type ClaudeHook = (
  input: ClaudeHookInput,
  id: string | undefined,
  options: { signal: AbortSignal },
) => Promise<HookAnswer>;

interface Extra {
  readonly signal?: AbortSignal;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/** The member of `_meta` in which the program sends the id of the model's call. */
const CALL_ID = "claudecode/toolUseId";
/** Both names of the tool that starts an agent. */
const SPAWNS = ["Agent", "Task"];

/** One session: its options for `query`, and the handle of each call that its hooks announced. */
class ClaudeContext {
  readonly hooks;
  /** This process's environment without `SIGIL_*`, which an agent with a shell could read. */
  readonly env: Record<string, string>;
  readonly #handle: SigilHandle;
  readonly #lineage: Lineage;
  readonly #calls = new Map<string, SigilHandle>();

  constructor(handle: SigilHandle) {
    this.#handle = handle;
    this.#lineage = new Lineage(handle);
    const spawns = SPAWNS.join("|");
    this.hooks = {
      PreToolUse: [{ matcher: `${spawns}|mcp__.*`, hooks: [this.#before] }],
      SubagentStart: [{ hooks: [this.#started] }],
      PostToolUseFailure: [{ matcher: spawns, hooks: [this.#ended] }],
      PostToolBatch: [{ hooks: [this.#allEnded] }],
    };
    this.env = Object.fromEntries(
      Object.entries((globalThis.process?.env ?? {}) as Record<string, string>).filter(
        ([name]) => !name.startsWith("SIGIL_"),
      ),
    );
  }

  /** The agent that makes a call, by the call's id: several agents call at once. */
  callerOf(extra: unknown): SigilHandle {
    const id = (extra as Extra | undefined)?._meta?.[CALL_ID] as string;
    const caller = this.#calls.get(id);
    this.#calls.delete(id);
    const given = caller ?? this.#handle.nobody("agent", "a call that no hook announced");
    return turn({ given, around: currentHandle() })!;
  }

  readonly #before: ClaudeHook = async (input, _id, { signal }) => {
    const { agent_id, tool_name = "", tool_use_id } = input;
    if (tool_use_id === undefined) return {};
    if (SPAWNS.includes(tool_name)) {
      const type = spawnedType(input);
      const may = await this.#lineage.mayStart(tool_use_id, { type, by: agent_id }, signal);
      return may ? {} : refused(`Another agent is about to start ${type}. Try again.`);
    }
    const caller = this.#lineage.handleOf(agent_id);
    const isAmbiguous = this.#calls.has(tool_use_id) && this.#calls.get(tool_use_id) !== caller;
    this.#calls.set(
      tool_use_id,
      isAmbiguous ? this.#handle.nobody("agent", "one id for the calls of two agents") : caller,
    );
    return {};
  };

  readonly #started: ClaudeHook = async ({ agent_id, agent_type = "" }) => {
    if (agent_id !== undefined) this.#lineage.started(agent_id, agent_type);
    return {};
  };

  readonly #ended: ClaudeHook = async ({ tool_use_id }) => {
    if (tool_use_id !== undefined) this.#lineage.ended(tool_use_id);
    return {};
  };

  readonly #allEnded: ClaudeHook = async ({ agent_id }) => {
    this.#lineage.allEnded(agent_id);
    return {};
  };
}

export type { ClaudeContext as SigilContext };

/**
 * One session's context: its `hooks` and `env` go into the options of `query`, and `withSigil` runs
 * the tools of the same session by it. The main thread has the handle, each subagent the entry of
 * its type.
 *
 * @example
 * const sigil = sigilContext(handle);
 * const tools = withSigil([lookUp, ...sigilTools], sigil);
 * const paid = createSdkMcpServer({ name: "paid", tools });
 * query({ prompt, options: { agents, ...sigil, mcpServers: { paid } } });
 */
export const sigilContext = (handle: SigilHandle): ClaudeContext => new ClaudeContext(handle);

/**
 * Returns the same tools, each of which runs as the agent that calls it.
 *
 * @param context of the session, because the SDK tells a tool nothing but the id of its call
 */
export const withSigil = <Tool extends ClaudeTool>(
  tools: readonly Tool[],
  context: ClaudeContext,
): Tool[] =>
  tools.map((tool) => ({
    ...tool,
    handler: (args: never, extra: unknown) =>
      context.callerOf(extra).run(() => tool.handler(args, extra)),
  }));

const ready = <Input, Shape>({ name, description, run }: ReadyTool<Input>, inputSchema: Shape) => ({
  name,
  description,
  inputSchema,
  handler: async (args: Record<string, unknown>, extra: unknown) => {
    const text = await run(currentHandle(), args as Input, (extra as Extra).signal);
    return { content: [{ type: "text" as const, text }] };
  },
});

/** The two ready tools, `fetch_url` and `show_budget`, for `withSigil`. */
export const sigilTools = [ready(fetchTool, { url: z.string() }), ready(budgetTool, {})] as const;

/** The program's own default if the model names no type. */
const spawnedType = ({ tool_input }: ClaudeHookInput): string =>
  (tool_input as { subagent_type?: string } | undefined)?.subagent_type ?? "general-purpose";

const refused = (permissionDecisionReason: string): HookAnswer => ({
  hookSpecificOutput: {
    hookEventName: "PreToolUse",
    permissionDecision: "deny",
    permissionDecisionReason,
  },
});
