/**
 * LangChain agents: what an agent calls runs as that agent, and a sub-agent has only what its name
 * is given. docs/guides/agents/langchain.md.
 */
import { ToolMessage } from "@langchain/core/messages";
import type { ClientTool, ServerTool, StructuredToolInterface } from "@langchain/core/tools";
import {
  type AgentMiddleware,
  createMiddleware,
  ToolInvocationError,
  type ToolRuntime,
  tool,
} from "langchain";
import { currentHandle } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { SigilError } from "../errors.ts";

/** What the run's `context` must hold: `agent.invoke(messages, { context: { sigil } })`. */
export interface SigilContext {
  readonly sigil?: SigilHandle;
}

/**
 * Runs every call of an agent's tools and of its model inside of the agent's own handle. It belongs
 * first in `middleware`, so that what stands behind it runs there too.
 *
 * @param name the agent's entry in the table; left out for the one at the top, which is whoever's
 * handle the context holds
 * @example
 * const scout = createAgent({ model, tools: [lookUp], middleware: [sigilMiddleware("scout")] });
 */
export function sigilMiddleware(
  name?: string,
): AgentMiddleware<undefined, undefined, unknown, readonly []> {
  return createMiddleware({
    name: "sigil",
    // A sub-agent's model would be its caller's otherwise, where it is asked by way of
    // `sigilFetch`.
    wrapModelCall: (request, handler) => {
      const handle = whose(name, request.runtime);
      return handle === undefined ? handler(request) : handle.run(() => handler(request));
    },
    wrapToolCall: async (request, handler) => {
      const { runtime, toolCall, tool: called } = request;
      const handle = whose(name, runtime);
      try {
        if (handle === undefined) return await handler(request);
        const acting = {
          ...request,
          runtime: { ...runtime, context: contextOf(runtime, handle) },
          tool: called === undefined ? called : actingTool(called, handle),
        };
        return await handle.run(() => handler(acting));
      } catch (error) {
        if (isFrameworks(error)) throw error;
        // An agent without any wrapToolCall tells its model what a tool threw; with one, the throw
        // would end the run.
        return new ToolMessage({
          content: error instanceof SigilError ? `${error.code}: ${error.message}` : String(error),
          tool_call_id: toolCall.id ?? "",
          name: toolCall.name,
          status: "error",
        });
      }
    },
  }) as AgentMiddleware<undefined, undefined, unknown, readonly []>;
}

/** The two ready tools, for agents with `sigilMiddleware`. */
export const sigilTools: readonly StructuredToolInterface[] = [ready(fetchTool), ready(budgetTool)];

/**
 * LangGraph lets an agent that a tool invokes inherit the context of its caller: what is the
 * caller's, or above it, was not narrowed for this agent, which then has what the caller's table
 * gives its name. A name above the caller's is none of its own: whoever may spend little would
 * spend more by asking back.
 */
function whose(
  name: string | undefined,
  { context }: { readonly context?: unknown },
): SigilHandle | undefined {
  const given = (context as SigilContext | undefined)?.sigil;
  const caller = currentHandle();
  if (caller !== undefined && (given === undefined || caller.isWithin(given)))
    return name === undefined
      ? caller.nobody("nameless", "a sigilMiddleware without the sub-agent's name")
      : caller.forAgent(name);
  if (caller !== undefined && !given!.isWithin(caller))
    return caller.nobody(name ?? "nameless", "a context with the handle of somebody else's agent");
  return name === undefined || given?.agent === name ? given : given?.forAgent(name);
}

const contextOf = (
  { context }: { readonly context?: unknown },
  sigil: SigilHandle,
): SigilContext => ({
  ...(context as object | undefined),
  sigil,
});

/**
 * The tool as it is, only that `runtime.context.sigil` in it is its own agent's, not that of
 * whoever began the run.
 */
function actingTool<Called extends ClientTool | ServerTool>(
  called: Called,
  handle: SigilHandle,
): Called {
  if (typeof called.invoke !== "function") return called;
  const invoke = called.invoke.bind(called) as (input: unknown, config: ToolRuntime) => unknown;
  return Object.create(called, {
    invoke: {
      value: (input: unknown, config: ToolRuntime) =>
        invoke(input, {
          ...config,
          context: contextOf(config, handle),
          config: { ...config.config, context: contextOf(config, handle) },
        } as ToolRuntime),
    },
  }) as Called;
}

/**
 * Interrupts and commands on their way up, and arguments that do not fit: LangGraph and the tool
 * node know what to do.
 */
const isFrameworks = (error: unknown): boolean =>
  (error as { is_bubble_up?: unknown } | undefined)?.is_bubble_up === true ||
  ToolInvocationError.isInstance(error);

function ready<Input>({
  name,
  description,
  parameters,
  run,
}: ReadyTool<Input>): StructuredToolInterface {
  return tool(
    (input, { signal }: ToolRuntime) => {
      const handle = currentHandle();
      if (handle === undefined)
        throw new TypeError(`${name} needs sigilMiddleware in its agent's middleware`);
      return run(handle, input as Input, signal);
    },
    { name, description, schema: { ...parameters, required: [...parameters.required] } },
  );
}
