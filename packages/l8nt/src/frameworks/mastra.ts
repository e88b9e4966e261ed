/**
 * `l8nt/mastra`: a Mastra agent's tools pay as that agent, and every delegation to a sub-agent
 * narrows. docs/guides/agents/mastra.md.
 */
import type { DelegationConfig } from "@mastra/core/agent";
import { RequestContext } from "@mastra/core/request-context";
import { createTool, type ToolExecutionContext } from "@mastra/core/tools";
import { demandHandle } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import { runWith } from "../agents/running.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";

const KEY = "sigil";

/**
 * Mastra copies a parent's context for its sub-agent, so a handle in it says whose it is, and opens
 * nothing for another one.
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
 * A context that a run was resumed with from a store holds what `toJSON` gave: that is no handle.
 */
function heldIn(context: Pick<RequestContext, "get"> | undefined): Held | undefined {
  const held: unknown = context?.get(KEY);
  return held instanceof Held ? held : undefined;
}

/**
 * The `requestContext` of a run in which this agent pays by this handle.
 *
 * @param own what else the run's context is to hold; it is changed, and given back
 */
export function sigilContext(
  handle: SigilHandle,
  agent: { readonly id: string },
  own: RequestContext = new RequestContext(),
): RequestContext {
  own.set(KEY, new Held(handle, agent.id));
  return own;
}

/**
 * The hand-off: a sub-agent gets what the table has for its `id`, below its parent. One that is not
 * in the table, or would get more than its parent has, is not run at all; Mastra tells the parent's
 * model why.
 *
 * @param own the other hooks of the same run; its `onDelegationStart` is asked first
 */
export function sigilDelegation(own: DelegationConfig = {}): DelegationConfig {
  return {
    ...own,
    // Mastra's default is to log what a hook throws, and to delegate all the same.
    hookErrorStrategy: "throw",
    async onDelegationStart(start) {
      const held = heldIn(start.requestContext);
      start.requestContext.delete(KEY);
      const answer = await own.onDelegationStart?.(start);
      if (held === undefined || answer?.proceed === false) return answer;
      if (held.agentId !== start.parentAgentId) return answer;
      // Never `handTo`: a call that comes back to an agent above is one more call, made by the one
      // below.
      const child = held.handle.forAgent(start.primitiveId);
      // The one look at it that says whether there is any.
      child.credential;
      sigilContext(child, { id: start.primitiveId }, start.requestContext);
      return answer;
    },
  };
}

interface Executable {
  execute?: unknown;
}

/**
 * Tools, as they are, that run inside the handle of this agent: for `toolsets`, which Mastra takes
 * for one run.
 */
export function sigilTools<Tools extends object>(agentId: string, tools: Tools): Tools {
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => [name, wrapped(agentId, tool as Executable)]),
  ) as Tools;
}

function wrapped(agentId: string, tool: Executable): Executable {
  const { execute } = tool;
  if (typeof execute !== "function") return tool;
  return Object.assign(Object.create(Object.getPrototypeOf(tool)), tool, {
    execute(input: unknown, context?: ToolExecutionContext) {
      return runWith(handleOf(agentId, context?.requestContext), () =>
        execute.call(tool, input, context),
      );
    },
  });
}

/**
 * Undefined where nothing is held: what runs around a tool may be another agent's, and is not this
 * one's to spend.
 */
function handleOf(agentId: string, context: RequestContext | undefined): SigilHandle | undefined {
  const held = heldIn(context);
  if (held === undefined || held.agentId === agentId) return held?.handle;
  return held.handle.nobody(agentId, `what was handed to ${held.agentId}`);
}

interface Wrappable {
  readonly id: string;
  readonly tools?: unknown;
  readonly defaultOptions?: unknown;
}

/**
 * An agent's configuration whose tools and delegations are Sigil's to look after; all else in it is
 * as it was.
 *
 * @example
 * const boss = new Agent(withSigil({ id: "boss", name: "Boss", instructions, model, tools: { report }, agents: { scout } }));
 * await boss.generate(question, { requestContext: sigilContext(handle, boss) });
 */
export function withSigil<Config extends Wrappable>(config: Config): Config {
  const { id, tools = {}, defaultOptions = {} } = config;
  const delegating = (options: { delegation?: DelegationConfig }) => ({
    ...options,
    delegation: sigilDelegation(options.delegation),
  });
  return {
    ...config,
    tools: whenResolved(tools, (known: object) => sigilTools(id, known)),
    defaultOptions: whenResolved(defaultOptions, delegating),
  };
}

/** Mastra takes a value, or a function that gives it for a run, now or later. */
function whenResolved<Value>(given: unknown, change: (value: Value) => unknown): unknown {
  if (typeof given !== "function") return change(given as Value);
  return async (...run: unknown[]) => change((await given(...run)) as Value);
}

const ready = <Input>({ name, description, parameters, run }: ReadyTool<Input>) =>
  createTool({
    id: name,
    description,
    inputSchema: parameters as object,
    execute: (input, { abortSignal }) => run(demandHandle(), input as Input, abortSignal),
  });

/** For an agent's `tools`: fetch a URL and pay for it; show what is left of the budget. */
export const readyTools = {
  [fetchTool.name]: ready(fetchTool),
  [budgetTool.name]: ready(budgetTool),
};
