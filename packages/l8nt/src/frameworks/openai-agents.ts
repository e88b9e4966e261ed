/**
 * `l8nt/openai-agents`: the OpenAI Agents SDK. Each tool runs as the agent that calls it.
 * docs/guides/agents/openai-agents.md.
 */
import { type Agent, tool } from "@openai/agents";
import { asyncContext } from "../agents/async-context.ts";
import { handleIn } from "../agents/context.ts";
import { currentHandle } from "../agents/current.ts";
import { handleContext, type SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { transferred } from "../agents/transfer.ts";
import { turn } from "../agents/turn.ts";
import { agentUnknown } from "../caveat/index.ts";
import { DeniedError } from "../errors.ts";

export { type SigilContext, sigilContext } from "../agents/context.ts";

// biome-ignore lint/suspicious/noExplicitAny: any context and any output, as in the SDK's own types
type AnyAgent = Agent<any, any>;
type AnyTool = AnyAgent["tools"][number];
type AnyRun = Parameters<AnyAgent["getAllTools"]>[0];
type AnyHandoff = Awaited<ReturnType<AnyAgent["getEnabledHandoffs"]>>[number];
type FunctionTool = Extract<AnyTool, { readonly type: "function" }>;

/**
 * What `withSigil` knows of an agent. An agent serves many runs, so nothing here belongs to a run.
 */
interface Prepared {
  /** Whether a run may begin with it. Other agents are only reached by transfers. */
  startsRuns: boolean;
  /** Its own handle, if it was given to `withSigil`. */
  handle: SigilHandle | undefined;
}

/** A call of a tool, or the top of the program. Runs inside of a call are below its agent. */
interface Call {
  /** Of the agent that calls; undefined at the top. */
  readonly handle: SigilHandle | undefined;
  /** The handles that agents have in each run that began here. */
  readonly handles: WeakMap<AnyRun, Map<AnyAgent, SigilHandle>>;
  /** Whether the call resumes a run that was stored, at the agent that the run had come to. */
  readonly resumed: boolean;
}

const agents = new WeakMap<AnyAgent, Prepared>();
const calls = asyncContext<Call>();
const top: Call = { handle: undefined, handles: new WeakMap(), resumed: false };

/**
 * Prepares an agent, and every agent that it can transfer to, so that each tool runs as the agent
 * that calls it. Call it once the agent's `handoffs` are complete, and for an agent that is another
 * agent's tool as well.
 *
 * @param handle the agent's own, if it does not come with the context of each run
 * @returns the same agent
 * @throws TypeError for a sandbox agent: the SDK runs a copy of it
 * @example
 * const scout = new Agent({ name: "scout", tools: [...sigilTools] });
 * const boss = withSigil(new Agent({ name: "boss", handoffs: [scout] }));
 * await run(boss, question, { context: sigilContext(handle) });
 */
export function withSigil<Any extends AnyAgent>(agent: Any, handle?: SigilHandle): Any {
  const isNew = !agents.has(agent);
  const prepared = prepare(agent);
  prepared.handle = handle ?? prepared.handle;
  if (isNew) prepared.startsRuns = true;
  if (!prepared.startsRuns) return agent;
  const met = new Set<AnyAgent>([agent]);
  for (const { handoffs } of met)
    for (const to of handoffs) {
      const next: AnyAgent = "agent" in to ? to.agent : to;
      if (met.has(next)) continue;
      met.add(next);
      // A stored run may be resumed at this agent. It must not pass for a run that begins, which
      // has the handle at the top.
      prepare(next).startsRuns = false;
    }
  return agent;
}

function prepare(agent: AnyAgent): Prepared {
  const known = agents.get(agent);
  if (known !== undefined) return known;
  if ("capabilities" in agent)
    throw new TypeError(
      `${agent.name} is a sandbox agent. The SDK runs a copy of it, which withSigil cannot prepare.`,
    );
  const prepared: Prepared = { startsRuns: false, handle: undefined };
  agents.set(agent, prepared);
  const [allTools, enabledHandoffs] = [
    agent.getAllTools.bind(agent),
    agent.getEnabledHandoffs.bind(agent),
  ];
  const wrapped = new WeakMap<AnyTool, AnyTool>();
  // The SDK asks at each turn, so tools of MCP servers and tools that are added later are wrapped
  // too.
  agent.getAllTools = async (...asked) => {
    const tools = await allTools(...asked);
    for (const one of tools) if (!wrapped.has(one)) wrapped.set(one, asCallOf(agent, one));
    return tools.map((one) => wrapped.get(one)!);
  };
  agent.getEnabledHandoffs = async (run) =>
    (await enabledHandoffs(run)).map((handoff) => asTransferBy(agent, handoff));
  return prepared;
}

/**
 * A copy: the SDK recognizes an `asTool` by its object, so the one in `agent.tools` stays the same.
 */
function asCallOf(agent: AnyAgent, one: AnyTool): AnyTool {
  if (one.type !== "function") return one;
  // An agent that is a tool gets a handle of its own. If it was not prepared it gets none, and not
  // its caller's.
  const isAgent = "on" in one;
  const invoke: FunctionTool["invoke"] = async (run, input, details) => {
    const handle = handleOf(agent, run);
    const resumed = details?.resumeState !== undefined;
    return calls.run({ handle, handles: new WeakMap(), resumed }, () =>
      handleContext.run(isAgent ? undefined : handle, () => one.invoke(run, input, details)),
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
      const giver = handleOf(agent, run);
      const next = await handoff.onInvokeHandoff(run, input);
      prepare(next);
      const handles = handlesIn(run);
      handles.set(next, transferred({ giver, before: handles.get(next), name: next.name }));
      return next;
    },
  });
}

function handlesIn(run: AnyRun): Map<AnyAgent, SigilHandle> {
  const all = (calls.get() ?? top).handles;
  const known = all.get(run) ?? new Map<AnyAgent, SigilHandle>();
  all.set(run, known);
  return known;
}

/**
 * An agent without a handle in the run is where the run begins, or where a stored run is resumed.
 */
function handleOf(agent: AnyAgent, run: AnyRun): SigilHandle {
  const handles = handlesIn(run);
  const handle = handles.get(agent) ?? atStart(agent, run);
  handles.set(agent, handle);
  return handle;
}

function atStart(agent: AnyAgent, run: AnyRun): SigilHandle {
  const { handle: caller, resumed } = calls.get() ?? top;
  const { startsRuns, handle: own } = prepare(agent);
  const given = [own, handleIn(run.context)];
  const handle = turn({
    given,
    around: caller ?? currentHandle(),
    name: caller === undefined ? undefined : agent.name,
  });
  if (handle === undefined) throw unknown(agent, "no SigilHandle in the context of this run");
  if (startsRuns) return handle;
  // A stored run does not say which agents transferred to this one, so only a handle of its own
  // name can be trusted to be the one that it had.
  if (resumed && !given.includes(handle))
    throw unknown(agent, "a stored run that another agent began");
  if (handle.agent !== agent.name)
    throw unknown(agent, `the handle of ${handle.agent ?? "the top"}`);
  return handle;
}

const unknown = (agent: AnyAgent, have: string): DeniedError =>
  new DeniedError([
    agentUnknown(have, `context: { sigil } with the handle that ${agent.name} is to have`),
  ]);

const ready = <Input>({ name, description, parameters, run }: ReadyTool<Input>): FunctionTool =>
  tool({
    name,
    description,
    parameters: { ...parameters, required: [...parameters.required] },
    execute: (input, _run, details) => run(currentHandle(), input as Input, details?.signal),
  });

/** The two ready tools, for an agent's `tools`: `fetch_url` and `show_budget`. */
export const sigilTools: readonly FunctionTool[] = [ready(fetchTool), ready(budgetTool)];
