/**
 * `l8nt/openai-agents`: each tool of the OpenAI Agents SDK runs as the agent whose call it is.
 * docs/guides/agents/openai-agents.md.
 */
import { type Agent, tool } from "@openai/agents";
import { currentHandle } from "../agents/current.ts";
import { SigilHandle } from "../agents/handle.ts";
import { following, runWith } from "../agents/running.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { DeniedError } from "../errors.ts";

/** What the context of a run has to hold; the rest of it is yours. */
export interface SigilContext {
  readonly sigil: SigilHandle;
}

// biome-ignore lint/suspicious/noExplicitAny: of any context and any output, as the SDK's own types say it
type AnyAgent = Agent<any, any>;
type AnyTool = AnyAgent["tools"][number];
type AnyRun = Parameters<AnyAgent["getAllTools"]>[0];
type AnyHandoff = Awaited<ReturnType<AnyAgent["getEnabledHandoffs"]>>[number];
type FunctionTool = Extract<AnyTool, { readonly type: "function" }>;

/**
 * The agents of each run, and what each was given. An agent serves many runs at once: nothing of a
 * run is kept with the agent.
 */
type Runs = WeakMap<AnyRun, Map<AnyAgent, SigilHandle>>;

/** One call of a tool. The runs inside it are below the agent that called. */
interface Call {
  readonly handle: SigilHandle;
  readonly runs: Runs;
  /** Its run was stored in the middle, and goes on with whatever agent it had come to. */
  readonly resumed: boolean;
}

const calls = following<Call>();
const outermost: Runs = new WeakMap();
const prepared = new WeakSet<AnyAgent>();
/** Whom a run may begin with, and who has the run's own handle then. */
const firsts = new WeakSet<AnyAgent>();

/**
 * Has the tools of an agent, and of all that it can transfer to, run as the agent whose call it is:
 * `sigilFetch` in them pays by what that agent was given. Call it once the `handoffs` are complete,
 * and for an agent that is another one's tool too.
 *
 * @returns the same agent
 * @throws TypeError for a sandbox agent: the SDK runs a copy of it, which is out of reach
 * @example
 * const scout = withSigil(new Agent({ name: "scout", tools: [...sigilTools] }));
 * const boss = withSigil(new Agent({ name: "boss", handoffs: [scout] }));
 * await run(boss, question, { context: { sigil: new SigilHandle({ agents: { scout: { budget: "100 sat" } } }) } });
 */
export function withSigil<Any extends AnyAgent>(agent: Any): Any {
  if (prepared.has(agent) && !firsts.has(agent)) return agent;
  firsts.add(agent);
  prepare(agent);
  const met = new Set<AnyAgent>([agent]);
  for (const { handoffs } of met)
    for (const to of handoffs) {
      const next: AnyAgent = "agent" in to ? to.agent : to;
      if (met.has(next)) continue;
      met.add(next);
      prepare(next);
      // A stored run may go on with it; it must not be taken for one that begins, at the top, with
      // all that the top has.
      firsts.delete(next);
    }
  return agent;
}

function prepare(agent: AnyAgent): void {
  if (prepared.has(agent)) return;
  if ("capabilities" in agent)
    throw new TypeError(
      `${agent.name} is a sandbox agent: the SDK runs a copy of it, which is out of reach`,
    );
  prepared.add(agent);
  const [allTools, enabledHandoffs] = [
    agent.getAllTools.bind(agent),
    agent.getEnabledHandoffs.bind(agent),
  ];
  const wrapped = new WeakMap<AnyTool, AnyTool>();
  // Asked at each turn: what an MCP server offers, and what is added later, goes the same way.
  agent.getAllTools = async (...turn) => {
    const tools = await allTools(...turn);
    for (const one of tools) if (!wrapped.has(one)) wrapped.set(one, asCallOf(agent, one));
    return tools.map((one) => wrapped.get(one)!);
  };
  agent.getEnabledHandoffs = async (run) =>
    (await enabledHandoffs(run)).map((handoff) => asTransferBy(agent, handoff));
}

/** The SDK knows what `asTool` made by the object, so it stays the same in `agent.tools`. */
function asCallOf(agent: AnyAgent, one: AnyTool): AnyTool {
  if (one.type !== "function") return one;
  // The agent inside has a handle of its own. If nobody prepared it, it has none, rather than its
  // caller's.
  const isAgent = "on" in one;
  const invoke: FunctionTool["invoke"] = async (run, input, details) => {
    const handle = handleOf(agent, run);
    const resumed = details?.resumeState !== undefined;
    return calls.run({ handle, runs: new WeakMap(), resumed }, () =>
      runWith(isAgent ? undefined : handle, () => one.invoke(run, input, details)),
    );
  };
  const same = Object.getOwnPropertyDescriptors(one);
  return Object.defineProperties(
    {},
    { ...same, invoke: { ...same.invoke, value: invoke } },
  ) as FunctionTool;
}

function asTransferBy(agent: AnyAgent, handoff: AnyHandoff): AnyHandoff {
  return handoff.clone({
    onInvokeHandoff: async (run, input) => {
      const from = handleOf(agent, run);
      const next = await handoff.onInvokeHandoff(run, input);
      prepare(next);
      const before = seats(run).get(next);
      const cameFrom = before !== undefined && from.isWithin(before);
      seats(run).set(next, cameFrom ? before : from.handTo(next.name));
      return next;
    },
  });
}

function seats(run: AnyRun): Map<AnyAgent, SigilHandle> {
  const all = calls.get()?.runs ?? outermost;
  const known = all.get(run) ?? new Map<AnyAgent, SigilHandle>();
  all.set(run, known);
  return known;
}

/**
 * An agent that nobody in this run has transferred to is where the run begins, or goes on after it
 * was stored.
 */
function handleOf(agent: AnyAgent, run: AnyRun): SigilHandle {
  const handle =
    seats(run).get(agent) ??
    atTheStart(agent, (run.context as Partial<SigilContext> | undefined)?.sigil);
  seats(run).set(agent, handle);
  return handle;
}

function atTheStart(agent: AnyAgent, given: unknown): SigilHandle {
  const call = calls.get();
  const own = given instanceof SigilHandle ? given : undefined;
  // Contexts are passed on: what the caller has, or had its own from, was not meant for a run
  // inside of its tool.
  if (call !== undefined && (own === undefined || call.handle.isWithin(own))) {
    if (call.resumed && !firsts.has(agent))
      throw unknown(agent, "a stored run that another one had begun");
    return call.handle.forAgent(agent.name);
  }
  if (own === undefined) throw unknown(agent, "no SigilHandle in the context of this run");
  // Neither has handed work to the other: whoever calls has no part in what that agent was given.
  if (call !== undefined && !own.isWithin(call.handle))
    throw unknown(agent, "a context from another agent's run");
  if (!firsts.has(agent) && own.agent !== agent.name)
    throw unknown(agent, `the handle of ${own.agent ?? "the top"}`);
  return own;
}

const unknown = (agent: AnyAgent, have: string): DeniedError =>
  new DeniedError([
    {
      code: "ERR_AGENT_UNKNOWN",
      condition: "agent",
      have,
      need: `context: { sigil } with the handle that ${agent.name} is to have`,
    },
  ]);

const ready = <Input>({ name, description, parameters, run }: ReadyTool<Input>): FunctionTool =>
  tool({
    name,
    description,
    parameters: { ...parameters, required: [...parameters.required] },
    execute: async (input, _run, details) => {
      const handle = currentHandle();
      if (handle === undefined)
        throw new TypeError(`${name} belongs to an agent that withSigil has not seen`);
      return run(handle, input as Input, details?.signal);
    },
  });

/** For the model: fetch a URL and pay for it, and see what is left to spend. */
export const sigilTools: readonly FunctionTool[] = [ready(fetchTool), ready(budgetTool)];
