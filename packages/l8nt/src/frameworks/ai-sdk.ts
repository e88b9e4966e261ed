/**
 * The Vercel AI SDK, 6 and 7: tools that pay as the agent whose call it is, and agents as tools,
 * who are given less. docs/guides/agents/ai-sdk.md.
 */
import { currentHandle, demandHandle } from "../agents/current.ts";
import { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { type InputSchema, inputSchema } from "./input-schema.ts";

/** What both majors hand to a tool's `execute`, as far as it is looked at here. */
export interface CallOptions {
  readonly abortSignal?: AbortSignal | undefined;
  /** `ai` 7: the tool's own part of `toolsContext`. */
  readonly context?: unknown;
  /** `ai` 6. */
  readonly experimental_context?: unknown;
}

/** A tool as both majors take it. */
export interface SigilTool<Input> {
  readonly description: string;
  readonly inputSchema: InputSchema<Input>;
  readonly execute: (input: Input, options: CallOptions) => Promise<string>;
}

/**
 * A `ToolLoopAgent`, or whatever else answers a prompt, and what the model that calls it reads
 * about it.
 */
export interface AgentTool {
  readonly description: string;
  readonly agent: {
    readonly generate: (call: {
      prompt: string;
      abortSignal?: AbortSignal;
    }) => PromiseLike<{ readonly text: string }>;
  };
}

/**
 * The tools as they are, but each call runs inside of a handle, at every step of one that streams.
 *
 * @param handle whose tools these are; where left out, `{ sigil: handle }` in the run's context
 * (`toolsContext` of each tool in `ai` 7, `experimental_context` in 6), or whoever the run itself
 * runs as. An agent below that one, if it is its turn, goes first.
 * @example
 * const { text } = await generateText({ model, prompt, tools: withSigil({ search, ...sigilTools }, handle) });
 */
export function withSigil<Tools extends Readonly<Record<string, object>>>(
  tools: Tools,
  handle?: SigilHandle,
): Tools {
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => [
      name,
      within(tool, (options) => whose(options, handle)),
    ]),
  ) as Tools;
}

/**
 * An agent as a tool: whatever it does, it does by the handle that is one below its caller's, as
 * the table has it.
 *
 * @param name as the table of agents has it
 * @param work the agent, which is given a `task` and gives its text; or a tool of your own, whose
 * `execute` runs the agent
 */
export function subAgent(name: string, work: AgentTool): SigilTool<{ task: string }>;
export function subAgent<Tool extends { readonly inputSchema: unknown }>(
  name: string,
  work: Tool,
): Tool;
export function subAgent(name: string, work: AgentTool | object): object {
  // Never `handTo`: a call of somebody above by name is no hand-back, and must not give the
  // caller's callee more than the caller has.
  return within("agent" in work ? toolOf(work as AgentTool) : work, (options) =>
    whose(options)?.forAgent(name),
  );
}

const toolOf = ({ description, agent }: AgentTool): SigilTool<{ task: string }> => ({
  description,
  inputSchema: inputSchema({
    type: "object",
    properties: {
      task: { type: "string", description: "What to do, with all that is needed to do it." },
    },
    required: ["task"],
    additionalProperties: false,
  }),
  execute: async ({ task }, { abortSignal }) =>
    (await agent.generate({ prompt: task, ...(abortSignal !== undefined && { abortSignal }) }))
      .text,
});

const ready = <Input>({ description, parameters, run }: ReadyTool<Input>): SigilTool<Input> => ({
  description,
  inputSchema: inputSchema(parameters),
  execute: async (input, { abortSignal }) => run(demandHandle(), input, abortSignal),
});

/** The two tools that a model may be given: fetch a URL and pay for it, and see what is left. */
export const sigilTools = withSigil({
  fetch_url: ready(fetchTool),
  show_budget: ready(budgetTool),
});

type Execute = (this: unknown, input: unknown, options?: CallOptions) => unknown;

function within<Tool extends object>(
  tool: Tool,
  choose: (options: CallOptions | undefined) => SigilHandle | undefined,
): Tool {
  const { execute } = tool as { readonly execute?: Execute };
  // Called by the client or by the provider: nothing of it runs here.
  if (typeof execute !== "function") return tool;
  const inside: Execute = (input, options) => {
    const handle = choose(options);
    const call = () => execute.call(tool, input, options);
    if (handle === undefined) return call();
    const result = handle.run(call);
    return isAsyncIterable(result) ? steps(handle, result) : result;
  };
  return Object.assign(Object.create(Object.getPrototypeOf(tool)), tool, { execute: inside });
}

/**
 * The innermost of those that were named: a tool that was wrapped for the boss and lent to the
 * researcher pays as the researcher.
 */
function whose(options: CallOptions | undefined, given?: SigilHandle): SigilHandle | undefined {
  const around = currentHandle();
  const named = [given, sigilIn(options?.context), sigilIn(options?.experimental_context), around];
  const found = named.reduce((outer, next) =>
    outer === undefined || next?.isWithin(outer) ? next : outer,
  );
  if (found === undefined || around === undefined || found.isWithin(around)) return found;
  // Neither has handed work to the other: whoever calls has no part in what the tool's own agent
  // was given.
  return around.nobody("agent", "a tool of another agent's");
}

/** What was serialised on its way is no handle any more, and gives nothing. */
function sigilIn(context: unknown): SigilHandle | undefined {
  const { sigil } = (context ?? {}) as { readonly sigil?: unknown };
  return sigil instanceof SigilHandle ? sigil : undefined;
}

/** A generator's body runs when it is asked for more, in the context of whoever asks. */
function steps(
  handle: SigilHandle,
  results: AsyncIterable<unknown>,
): AsyncIterableIterator<unknown> {
  const iterator = handle.run(() => results[Symbol.asyncIterator]());
  const { return: end, throw: fail } = iterator;
  return {
    next: (...sent) => handle.run(() => iterator.next(...sent)),
    ...(end && { return: (value) => handle.run(() => end.call(iterator, value)) }),
    ...(fail && { throw: (error) => handle.run(() => fail.call(iterator, error)) }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof (value as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] ===
  "function";
