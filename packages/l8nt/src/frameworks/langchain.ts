/**
 * `l8nt/langchain`: LangChain agents. The tools of an agent run as that agent, and a sub-agent has
 * only what the entry of its name gives. docs/guides/agents/langchain.md.
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
import { handleIn, type SigilContext } from "../agents/context.ts";
import { currentHandle } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { turn } from "../agents/turn.ts";
import { SigilError } from "../errors.ts";

export { type SigilContext, sigilContext } from "../agents/context.ts";

/** The members of a configuration for `createAgent` that this adapter reads. */
interface AgentConfig {
  readonly name?: string;
  readonly middleware?: readonly unknown[];
}

type SigilMiddleware = AgentMiddleware<undefined, undefined, unknown, readonly []>;

/**
 * Returns an agent's configuration in which every call of its tools and of its model runs as that
 * agent. Middleware of your own comes after Sigil's and runs as the agent, too.
 *
 * @param config for `createAgent`. Its `name` is the agent's entry in the table; leave it out for
 * the agent at the top, which has the handle of the run's context
 * @param handle the agent's own, if it does not come with the context of each run
 * @example
 * const scout = createAgent(withSigil({ name: "scout", model, tools: [lookUp] }));
 */
export function withSigil<Config extends object>(config: Config, handle?: SigilHandle): Config {
  const { name, middleware = [] }: AgentConfig = config;
  return { ...config, middleware: [sigilMiddleware(name, handle), ...middleware] };
}

function sigilMiddleware(name: string | undefined, own: SigilHandle | undefined): SigilMiddleware {
  return createMiddleware({
    name: "sigil",
    // A model that is paid for through `sigilFetch` would otherwise be paid by the agent's caller.
    wrapModelCall: (request, handler) => {
      const handle = handleOf(name, own, request.runtime);
      return handle === undefined ? handler(request) : handle.run(() => handler(request));
    },
    wrapToolCall: async (request, handler) => {
      const { runtime, toolCall, tool: called } = request;
      const handle = handleOf(name, own, runtime);
      try {
        if (handle === undefined) return await handler(request);
        const acting = {
          ...request,
          runtime: { ...runtime, context: contextOf(runtime, handle) },
          tool: called === undefined ? called : actingTool(called, handle),
        };
        return await handle.run(() => handler(acting));
      } catch (error) {
        if (isForFramework(error)) throw error;
        // Without any `wrapToolCall`, LangChain tells the model what a tool threw. With one, an
        // error would end the run.
        return new ToolMessage({
          content: error instanceof SigilError ? `${error.code}: ${error.message}` : String(error),
          tool_call_id: toolCall.id ?? "",
          name: toolCall.name,
          status: "error",
        });
      }
    },
  }) as SigilMiddleware;
}

/** The two ready tools, `fetch_url` and `show_budget`, for agents made with `withSigil`. */
export const sigilTools: readonly StructuredToolInterface[] = [ready(fetchTool), ready(budgetTool)];

/** The handle of the agent that this middleware belongs to. */
function handleOf(
  name: string | undefined,
  own: SigilHandle | undefined,
  { context }: { readonly context?: unknown },
): SigilHandle | undefined {
  const [shared, around] = [handleIn(context), currentHandle()];
  const handle = turn({ given: [own, shared], around, name });
  // LangGraph passes a caller's context on to an agent that a tool invokes. Without a name that
  // agent cannot be given an entry of its caller's table.
  if (handle !== undefined && handle === around)
    return around.nobody("nameless", "no name: the configuration of this sub-agent has none");
  // Agents that transfer to each other share one context, from which each takes its own entry.
  if (handle !== undefined && handle === shared && handle !== own && name !== undefined)
    return handle.agent === name ? handle : handle.forAgent(name);
  return handle;
}

const contextOf = (
  { context }: { readonly context?: unknown },
  sigil: SigilHandle,
): SigilContext => ({
  ...(context as object | undefined),
  sigil,
});

/** The same tool, in which `runtime.context.sigil` is the handle of the agent that calls it. */
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

/** Interrupts, commands and invalid arguments: LangGraph and its tool node handle them. */
const isForFramework = (error: unknown): boolean =>
  (error as { is_bubble_up?: unknown } | undefined)?.is_bubble_up === true ||
  ToolInvocationError.isInstance(error);

function ready<Input>({
  name,
  description,
  parameters,
  run,
}: ReadyTool<Input>): StructuredToolInterface {
  return tool((input, { signal }: ToolRuntime) => run(currentHandle(), input as Input, signal), {
    name,
    description,
    schema: { ...parameters, required: [...parameters.required] },
  });
}
