/**
 * The Claude Agent SDK: tools of an in-process MCP server run as the agent whose call it is.
 * docs/guides/agents/claude-agent-sdk.md.
 */
import { z } from "zod";
import type { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { Lineage } from "./claude-lineage.ts";

/** What the SDK's `tool(...)` makes, so far as it matters here. */
export interface ClaudeTool {
  readonly handler: (args: never, extra: unknown) => Promise<unknown>;
}

/** What a hook is told, so far as it matters here. */
export interface ClaudeHookInput {
  /** Absent for the main thread, also where that has an `agent_type`. */
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

/** Where the program says which call of the model's it is that a tool answers. */
const CALL_ID = "claudecode/toolUseId";
/** The tool that starts an agent, by both its names. */
const SPAWNS = ["Agent", "Task"];

/**
 * What one `query` needs: `wrap` the tools of your in-process MCP servers, and give `hooks` and
 * `env` to its options.
 *
 * @example
 * const { wrap, ready, hooks, env } = claudeAgents(handle);
 * const paid = createSdkMcpServer({ name: "paid", tools: [...wrap([lookUp]), ...ready] });
 * query({ prompt, options: { agents, hooks, env, mcpServers: { paid } } });
 */
export function claudeAgents(handle: SigilHandle) {
  const lineage = new Lineage(handle);
  const calls = new Map<string, SigilHandle>();

  const before: ClaudeHook = async (input, _id, { signal }) => {
    const { agent_id, tool_name = "", tool_use_id } = input;
    if (tool_use_id === undefined) return {};
    if (SPAWNS.includes(tool_name)) {
      const type = spawnedType(input);
      const may = await lineage.mayStart(tool_use_id, { type, by: agent_id }, signal);
      return may ? {} : refused(`another agent is about to start ${type}: try again`);
    }
    const caller = lineage.handleOf(agent_id);
    const twice = calls.has(tool_use_id) && calls.get(tool_use_id) !== caller;
    calls.set(
      tool_use_id,
      twice ? handle.nobody("agent", "one id for the calls of two agents") : caller,
    );
    return {};
  };

  const started: ClaudeHook = async ({ agent_id, agent_type = "" }) => {
    if (agent_id !== undefined) lineage.started(agent_id, agent_type);
    return {};
  };

  const ended: ClaudeHook = async ({ tool_use_id }) => {
    if (tool_use_id !== undefined) lineage.ended(tool_use_id);
    return {};
  };

  const allEnded: ClaudeHook = async ({ agent_id }) => {
    lineage.allEnded(agent_id);
    return {};
  };

  /** Whose call it is, by its id: several agents call at once, and a tool is told of none. */
  function callerOf(extra: unknown): SigilHandle {
    const id = (extra as Extra | undefined)?._meta?.[CALL_ID] as string;
    const caller = calls.get(id);
    calls.delete(id);
    return caller ?? handle.nobody("agent", "a call that no hook told of");
  }

  const wrap = <Tool extends ClaudeTool>(tools: readonly Tool[]): Tool[] =>
    tools.map((tool) => ({
      ...tool,
      handler: (args: never, extra: unknown) =>
        callerOf(extra).run(() => tool.handler(args, extra)),
    }));

  const readyTool = <Input, Shape>(
    { name, description, run }: ReadyTool<Input>,
    inputSchema: Shape,
  ) => ({
    name,
    description,
    inputSchema,
    handler: async (args: Input, extra: unknown) => {
      const text = await run(callerOf(extra), args, (extra as Extra).signal);
      return { content: [{ type: "text" as const, text }] };
    },
  });

  const spawns = SPAWNS.join("|");
  return {
    /** The user's own tools, which then run as whoever called them. */
    wrap,
    /** The two ready tools, for the same server. */
    ready: [readyTool(fetchTool, { url: z.string() }), readyTool(budgetTool, {})] as const,
    hooks: {
      PreToolUse: [{ matcher: `${spawns}|mcp__.*`, hooks: [before] }],
      SubagentStart: [{ hooks: [started] }],
      PostToolUseFailure: [{ matcher: spawns, hooks: [ended] }],
      PostToolBatch: [{ hooks: [allEnded] }],
    },
    /**
     * This process's environment without anything of Sigil's: an agent with a shell could read it.
     */
    env: Object.fromEntries(
      Object.entries(globalThis.process?.env ?? {}).filter(([name]) => !name.startsWith("SIGIL_")),
    ),
  };
}

/** The program's own choice where the model names no type. */
const spawnedType = ({ tool_input }: ClaudeHookInput): string =>
  (tool_input as { subagent_type?: string } | undefined)?.subagent_type ?? "general-purpose";

const refused = (permissionDecisionReason: string): HookAnswer => ({
  hookSpecificOutput: {
    hookEventName: "PreToolUse",
    permissionDecision: "deny",
    permissionDecisionReason,
  },
});
