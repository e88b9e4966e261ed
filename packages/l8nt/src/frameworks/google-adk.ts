/**
 * `l8nt/google-adk`: Google ADK. Each agent of a run has a place below the runner's handle, across
 * transfers and agents that are tools. docs/guides/agents/google-adk.md.
 */
import { z } from "zod";
import { asyncContext } from "../agents/async-context.ts";
import { currentHandle } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { turn } from "../agents/turn.ts";

/** The part of ADK's `Runner` that this adapter uses. */
export interface AdkRunner<Params, Event> {
  /** The agent at the top. */
  readonly agent: object;
  runAsync(params: Params): AsyncGenerator<Event, void, undefined>;
}

/** The part of an ADK agent that this adapter reads. */
interface Agent {
  readonly name: string;
  readonly parentAgent?: Agent;
}

interface Invocation {
  readonly invocationId: string;
}

type Run = (this: Agent, invocation: Invocation) => AsyncGenerator<unknown, void, undefined>;

/** An agent that runs, its handle, and the place of the agent that handed it the work. */
interface Place {
  readonly handle: SigilHandle;
  readonly agent: object;
  readonly invocation: string | undefined;
  readonly from: Place | undefined;
}

const places = asyncContext<Place>();
const AGENT = Symbol.for("google.adk.baseAgent");
/** Agents without a model. They hand work on as the agent that handed it to them. */
const FLOWS = ["sequential", "parallel", "loop"].map((kind) =>
  Symbol.for(`google.adk.${kind}Agent`),
);
const PLACED = Symbol.for("sigil.placed");

/**
 * Returns the runner's `runAsync`, in which the agent at the top has a handle, and each agent below
 * has the entry of its name.
 *
 * @param handle of the agent at the top. If left out, or if an agent below it runs, the agent that
 * runs
 * @throws TypeError for a runner whose root is not an agent
 * @example
 * const runs = withSigil(runner, handle);
 * for await (const event of runs.runAsync({ userId, sessionId, newMessage })) show(event);
 */
export function withSigil<Params, Event>(
  runner: AdkRunner<Params, Event>,
  handle?: SigilHandle,
): Pick<AdkRunner<Params, Event>, "runAsync"> {
  const { agent } = runner;
  if (!(AGENT in agent))
    throw new TypeError(
      "withSigil needs a runner whose root is an agent. The agents of a workflow have no place below a handle.",
    );
  placeAgents(agent);
  return {
    runAsync(params) {
      const own = turn({ given: handle, around: currentHandle() });
      if (own === undefined) return runner.runAsync(params);
      const top: Place = { handle: own, agent, invocation: undefined, from: undefined };
      return within(top, () => runner.runAsync(params));
    },
  };
}

/** The two ready tools, `fetch_url` and `show_budget`. @param FunctionTool ADK's own class */
export const sigilTools = <Tool>(
  FunctionTool: new (options: {
    name: string;
    description: string;
    parameters: z.ZodObject;
    execute: (
      input: Record<string, unknown>,
      context?: { readonly abortSignal?: AbortSignal },
    ) => Promise<string>;
  }) => Tool,
): [fetchUrl: Tool, showBudget: Tool] => {
  const define = <Input>({ name, description, run }: ReadyTool<Input>, parameters: z.ZodObject) =>
    new FunctionTool({
      name,
      description,
      parameters,
      execute: (input, context) => run(currentHandle(), input as Input, context?.abortSignal),
    });
  return [define(fetchTool, z.object({ url: z.string() })), define(budgetTool, z.object({}))];
};

/**
 * ADK has callbacks before and after an agent, but none around it, and an agent that is a tool runs
 * without the plugins of the first runner. So this replaces the run methods of ADK's base class,
 * once for all agents. Without `withSigil` they do what they did.
 */
function placeAgents(agent: object): void {
  let base = agent;
  for (let at = agent; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    if (Object.hasOwn(at, "runAsync")) base = at;
  if (Object.hasOwn(base, PLACED)) return;
  Object.defineProperty(base, PLACED, { value: true });
  for (const name of ["runAsync", "runLive"]) {
    const run = Reflect.get(base, name) as Run;
    const placed: Run = function (invocation) {
      const from = places.get();
      if (from === undefined) return run.call(this, invocation);
      return within(placeOf(this, invocation, from), () => run.call(this, invocation));
    };
    Object.defineProperty(base, name, { value: placed, writable: true, configurable: true });
  }
}

function placeOf(agent: Agent, { invocationId }: Invocation, from: Place): Place {
  const here = { agent, invocation: invocationId };
  if (from.invocation === undefined) return { ...here, handle: atStart(agent, from), from };
  // A transfer may go back to an agent that the work came from, which then has its own place again.
  // An agent that is a tool has an invocation of its own, and is below its caller.
  for (let at: Place | undefined = from; at !== undefined; at = at.from)
    if (at.agent === agent && at.invocation === invocationId) return at;
  const flow = FLOWS.some((kind) => kind in agent);
  return { ...here, handle: flow ? from.handle : from.handle.forAgent(agent.name), from };
}

/** A session goes on with the agent that spoke last. Its place is then the one in the tree. */
function atStart(agent: Agent, top: Place): SigilHandle {
  if (agent === top.agent) return top.handle;
  const above = agent.parentAgent === undefined ? top.handle : atStart(agent.parentAgent, top);
  return FLOWS.some((kind) => kind in agent) ? above : above.forAgent(agent.name);
}

/** A generator's body runs in the context of the code that calls `next`, so each step is bound. */
async function* within<Event>(
  place: Place,
  start: () => AsyncGenerator<Event, void, undefined>,
): AsyncGenerator<Event, void, undefined> {
  const step = <Result>(act: () => Result): Result =>
    place.handle.run(() => places.run(place, act));
  const events = step(start);
  try {
    for (;;) {
      const next = await step(() => events.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await step(() => events.return());
  }
}
