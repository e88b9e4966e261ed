/**
 * Google ADK: each agent of a run is somebody in the handle's family, over transfers and agents as
 * tools. docs/guides/agents/google-adk.md.
 */
import { z } from "zod";
import { currentHandle } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import { following } from "../agents/running.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";

/** ADK's `Runner`, so far as it matters here. */
export interface AdkRunner<Params, Event> {
  /** The agent at the top. */
  readonly agent: object;
  runAsync(params: Params): AsyncGenerator<Event, void, undefined>;
}

/** What an agent is here: one of a tree, which is run in an invocation. */
interface Agent {
  readonly name: string;
  readonly parentAgent?: Agent;
}

interface Invocation {
  readonly invocationId: string;
}

type Run = (this: Agent, invocation: Invocation) => AsyncGenerator<unknown, void, undefined>;

/** An agent at work: as whom, and who handed it the work. */
interface Place {
  readonly handle: SigilHandle;
  readonly agent: object;
  readonly invocation: string | undefined;
  readonly from: Place | undefined;
}

const places = following<Place>();
const AGENT = Symbol.for("google.adk.baseAgent");
/**
 * They have no model and ask for nothing: what they run is handed work by whoever handed it to
 * them.
 */
const FLOWS = ["sequential", "parallel", "loop"].map((kind) =>
  Symbol.for(`google.adk.${kind}Agent`),
);
const PLACED = Symbol.for("l8nt.placed");

/**
 * `runner.runAsync(params)`, in which the agent at the top is the handle and each one below it the
 * entry of its name.
 *
 * @throws TypeError for a runner whose root is no agent
 * @example
 * for await (const event of runAs(handle, runner, { userId, sessionId, newMessage })) show(event);
 */
export function runAs<Params, Event>(
  handle: SigilHandle,
  runner: AdkRunner<Params, Event>,
  params: Params,
): AsyncGenerator<Event, void, undefined> {
  if (!(AGENT in runner.agent))
    throw new TypeError(
      "runAs takes a runner whose root is an agent: what a workflow runs has no place below a handle",
    );
  placeAgents(runner.agent);
  const top: Place = { handle, agent: runner.agent, invocation: undefined, from: undefined };
  return within(top, () => runner.runAsync(params));
}

/** The two ready tools. @param FunctionTool ADK's own class */
export const readyTools = <Tool>(
  FunctionTool: new (options: {
    name: string;
    description: string;
    parameters: z.ZodObject;
    execute: (input: never, context?: { readonly abortSignal?: AbortSignal }) => Promise<string>;
  }) => Tool,
): [fetchUrl: Tool, showBudget: Tool] => {
  const define = <Input>({ name, description, run }: ReadyTool<Input>, parameters: z.ZodObject) =>
    new FunctionTool({
      name,
      description,
      parameters,
      execute: async (input: Input, context) => {
        const caller = currentHandle();
        return caller === undefined
          ? "ERR_AGENT_UNKNOWN: this run was not begun by runAs"
          : run(caller, input, context?.abortSignal);
      },
    });
  return [define(fetchTool, z.object({ url: z.string() })), define(budgetTool, z.object({}))];
};

/**
 * ADK calls back before and after an agent, but lets nobody stand around it; and an agent as a tool
 * has a runner without the plugins of the first. So every agent's run is entered through here: once
 * for ADK's base class, which all agents share.
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
  // A transfer goes back to whom the work came from. An agent as a tool has an invocation of its
  // own, and is below whoever called it.
  for (let at: Place | undefined = from; at !== undefined; at = at.from)
    if (at.agent === agent && at.invocation === invocationId) return at;
  const flow = FLOWS.some((kind) => kind in agent);
  return { ...here, handle: flow ? from.handle : from.handle.forAgent(agent.name), from };
}

/** A session goes on with the agent that spoke last: its place is then that in the tree. */
function atStart(agent: Agent, top: Place): SigilHandle {
  if (agent === top.agent) return top.handle;
  const above = agent.parentAgent === undefined ? top.handle : atStart(agent.parentAgent, top);
  return FLOWS.some((kind) => kind in agent) ? above : above.forAgent(agent.name);
}

/**
 * A generator is run by whoever asks it for the next value: each step is taken in the same place.
 */
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
