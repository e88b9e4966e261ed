/**
 * `l8nt/mastra`: Mastra. The tools of an agent pay as that agent, and every delegation to a
 * sub-agent narrows. docs/guides/agents/mastra.md.
 */
import type { DelegationConfig } from "@mastra/core/agent";
import { RequestContext } from "@mastra/core/request-context";
import { createTool, type Tool, type ToolExecutionContext } from "@mastra/core/tools";
import { currentHandle } from "../agents/current.ts";
import { handleContext, type SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { turn } from "../agents/turn.ts";

const KEY = "sigil";

/**
 * A handle and the agent that it belongs to. Mastra copies a parent's context for its sub-agent, so
 * a handle in a context grants nothing to any other agent.
 */
class Held {
  readonly handle: SigilHandle;
  readonly agentId: string;
  constructor(handle: SigilHandle, agentId: string) {
    this.handle = handle;
    this.agentId = agentId;
  }
  /** Mastra writes its context into snapshots, traces and stores. */
  toJSON() {
    return { ...this.handle.toJSON(), holder: this.agentId };
  }
}

/**
 * A run that is resumed from a store has what `toJSON` returned in its context, which is no handle.
 */
function heldIn(context: Pick<RequestContext, "get"> | undefined): Held | undefined {
  const held: unknown = context?.get(KEY);
  return held instanceof Held ? held : undefined;
}

/**
 * The `requestContext` of a run in which an agent pays with a handle.
 *
 * @param agent the agent that the run begins with
 * @param own a context of your own, to which the handle is added
 * @example
 * await boss.generate(question, { requestContext: sigilContext(handle, boss) });
 */
export function sigilContext(
  handle: SigilHandle,
  agent: { readonly id: string },
  own: RequestContext = new RequestContext(),
): RequestContext {
  own.set(KEY, new Held(handle, agent.id));
  return own;
}

interface AgentConfig {
  readonly id: string;
  readonly tools?: unknown;
  readonly defaultOptions?: unknown;
}

/**
 * Returns an agent's configuration in which tools run as the agent, and every delegation gives the
 * sub-agent its own entry in the table. Everything else in it is unchanged.
 *
 * A part of a configuration is enough where Mastra takes one for a single run: `toolsets: { more:
 * withSigil({ id, tools }).tools }`.
 *
 * @param handle the agent's own, if it does not come with the context of each run
 * @example
 * const config = { id: "boss", name: "Boss", instructions, model, tools: { report }, agents };
 * const boss = new Agent(withSigil(config));
 */
export function withSigil<Config extends AgentConfig>(
  config: Config,
  handle?: SigilHandle,
): Config {
  const { id, tools = {}, defaultOptions = {} } = config;
  const delegating = (options: { delegation?: DelegationConfig }) => ({
    ...options,
    delegation: narrowing(options.delegation, { id, handle }),
  });
  return {
    ...config,
    tools: whenResolved(tools, (known: object) => running(known, { id, handle })),
    defaultOptions: whenResolved(defaultOptions, delegating),
  };
}

/** An agent, and the handle that was given to `withSigil` for it. */
interface Owner {
  readonly id: string;
  readonly handle: SigilHandle | undefined;
}

/**
 * The handle of an agent in a run; undefined if nothing was given. What only runs around the tool
 * may be another agent's and grants nothing by itself.
 */
function handleOf(
  { id, handle: own }: Owner,
  context: Pick<RequestContext, "get"> | undefined,
): SigilHandle | undefined {
  const held = heldIn(context);
  if (held !== undefined && held.agentId !== id)
    return held.handle.nobody(id, `what was handed to ${held.agentId}`);
  const given = [own, held?.handle];
  return given.some(Boolean) ? turn({ given, around: currentHandle() }) : undefined;
}

/**
 * A sub-agent gets what the table has for its `id`, below its parent. If that is denied, Mastra
 * does not run it and tells the parent's model why.
 */
function narrowing(own: DelegationConfig = {}, parent: Owner): DelegationConfig {
  return {
    ...own,
    // Mastra's default is to log an error that a hook throws, and to delegate anyway.
    hookErrorStrategy: "throw",
    async onDelegationStart(start) {
      const held = heldIn(start.requestContext);
      start.requestContext.delete(KEY);
      const answer = await own.onDelegationStart?.(start);
      const given = [parent.handle, held?.handle];
      const isAnothers = held !== undefined && held.agentId !== start.parentAgentId;
      if (answer?.proceed === false || isAnothers || !given.some(Boolean)) return answer;
      const from = turn({ given, around: currentHandle() })!;
      // Never `handTo`: a call of an agent above is one more call by the agent below.
      const child = from.forAgent(start.primitiveId);
      child.assertAllowed();
      sigilContext(child, { id: start.primitiveId }, start.requestContext);
      return answer;
    },
  };
}

interface Executable {
  execute?: unknown;
}

function running(tools: object, agent: Owner): object {
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => [name, runningAs(agent, tool as Executable)]),
  );
}

function runningAs(agent: Owner, tool: Executable): Executable {
  const { execute } = tool;
  if (typeof execute !== "function") return tool;
  return Object.assign(Object.create(Object.getPrototypeOf(tool)), tool, {
    execute(input: unknown, context?: ToolExecutionContext) {
      return handleContext.run(handleOf(agent, context?.requestContext), () =>
        execute.call(tool, input, context),
      );
    },
  });
}

/** Mastra accepts a value, or a function that returns it for a run. */
function whenResolved<Value>(given: unknown, change: (value: Value) => unknown): unknown {
  if (typeof given !== "function") return change(given as Value);
  return async (...run: unknown[]) => change((await given(...run)) as Value);
}

const ready = <Input>({ name, description, parameters, run }: ReadyTool<Input>) =>
  createTool({
    id: name,
    description,
    inputSchema: parameters as object,
    execute: (input, { abortSignal }) => run(currentHandle(), input as Input, abortSignal),
  });

/** The two ready tools, for an agent's `tools`: `fetch_url` and `show_budget`. */
export const sigilTools: Readonly<Record<string, Tool>> = {
  [fetchTool.name]: ready(fetchTool),
  [budgetTool.name]: ready(budgetTool),
};
