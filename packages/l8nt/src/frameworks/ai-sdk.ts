/**
 * `l8nt/ai-sdk`: the Vercel AI SDK, 6 and 7. Tools pay as the agent that calls them, and an agent
 * that is a tool gets its own entry. docs/guides/agents/ai-sdk.md.
 */
import { handleIn } from "../agents/context.ts";
import { currentHandle } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { turn } from "../agents/turn.ts";
import { type InputSchema, inputSchema } from "./input-schema.ts";

export { type SigilContext, sigilContext } from "../agents/context.ts";

/** The part of the second argument of `execute` that this adapter reads, in both majors. */
export interface CallOptions {
  readonly abortSignal?: AbortSignal | undefined;
  /** `ai` 7: the tool's entry of `toolsContext`. */
  readonly context?: unknown;
  /** `ai` 6. */
  readonly experimental_context?: unknown;
}

/** A tool that both majors accept. */
export interface SigilTool<Input> {
  readonly description: string;
  readonly inputSchema: InputSchema<Input>;
  readonly execute: (input: Input, options: CallOptions) => Promise<string>;
}

/** A `ToolLoopAgent`, or any object with such a `generate`, and its description for the model. */
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
 * Returns the same tools, each of which runs as a handle: its `execute`, and every step of an
 * `execute` that streams.
 *
 * @param handle to run as. If left out, the handle in the context of the run (`toolsContext` of
 * each tool in `ai` 7, `experimental_context` in `ai` 6), or that of the agent that runs. If the
 * agent that runs is below the handle, the tool runs as that agent.
 * @example
 * const tools = withSigil({ search, ...sigilTools }, handle);
 * const { text } = await generateText({ model, prompt, tools });
 */
export function withSigil<Tools extends Readonly<Record<string, object>>>(
  tools: Tools,
  handle?: SigilHandle,
): Tools {
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => [
      name,
      within(tool, (options) => callerOf(options, handle)),
    ]),
  ) as Tools;
}

/**
 * An agent as a tool: everything it does runs as the entry `name` in the table of the agent that
 * calls it.
 *
 * @param name the agent's entry in the table
 * @param work the agent, which is given a `task` and returns its text; or a tool of your own, whose
 * `execute` runs the agent
 */
export function subAgent(name: string, work: AgentTool): SigilTool<{ task: string }>;
export function subAgent<Tool extends { readonly inputSchema: unknown }>(
  name: string,
  work: Tool,
): Tool;
export function subAgent(name: string, work: AgentTool | object): object {
  // Never `handTo`: an agent that is called by name works for its caller, and must not have more
  // than the caller has, even if an agent above has that name.
  return within("agent" in work ? toolOf(work as AgentTool) : work, (options) =>
    callerOf(options)?.forAgent(name),
  );
}

const toolOf = ({ description, agent }: AgentTool): SigilTool<{ task: string }> => ({
  description,
  inputSchema: inputSchema({
    type: "object",
    properties: {
      task: { type: "string", description: "What to do, with everything needed to do it." },
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
  execute: async (input, { abortSignal }) => run(currentHandle(), input, abortSignal),
});

/** The two ready tools, for any tool set: `fetch_url` and `show_budget`. */
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
  // A tool without `execute` runs in the browser or at the provider.
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

/** The handle of the agent whose call it is. */
function callerOf(options: CallOptions | undefined, given?: SigilHandle): SigilHandle | undefined {
  const { context, experimental_context: context6 } = options ?? {};
  return turn({ given: [given, handleIn(context), handleIn(context6)], around: currentHandle() });
}

/** An iterator's body runs in the context of the code that calls `next`, so each step is bound. */
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
