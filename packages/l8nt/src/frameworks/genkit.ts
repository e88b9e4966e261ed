/**
 * `l8nt/genkit`: Genkit. The handle is in the context of a run, and each tool runs as the agent
 * that calls it. docs/guides/agents/genkit.md.
 */
import { handleIn, type SigilContext } from "../agents/context.ts";
import { currentHandle } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";
import { turn } from "../agents/turn.ts";

/** For `context` of `ai.generate`, of a flow or of a prompt. Genkit writes its JSON into traces. */
export interface GenkitContext extends SigilContext {
  readonly signal?: AbortSignal;
}

/** The part of a tool function's second argument that this adapter reads. */
export interface GenkitOptions {
  // biome-ignore lint/suspicious/noExplicitAny: Genkit types its context as a record of any.
  readonly context: Record<string, any>;
  readonly abortSignal: AbortSignal;
}

type Act<Input, Options, Output> = (input: Input, options: Options) => Promise<Output>;

/**
 * The members that a run's context needs: `context: { ...yours, ...sigilContext(handle) }`.
 *
 * @param signal the `abortSignal` of the run, which Genkit does not pass to tools. It reaches every
 * tool that this adapter wraps
 */
export const sigilContext = (handle: SigilHandle, signal?: AbortSignal): GenkitContext => ({
  sigil: handle,
  ...(signal !== undefined && { signal }),
});

/**
 * Returns a tool's function that runs as the agent that calls the tool.
 *
 * @param handle the agent's, if it does not come with the context of the run
 * @example
 * const buy = withSigil(async ({ url }) => (await sigilFetch(url)).text());
 * const report = ai.defineTool({ name: "report", description, inputSchema }, buy);
 */
export const withSigil =
  <Input, Options extends GenkitOptions, Output>(
    act: Act<Input, Options, Output>,
    handle?: SigilHandle,
  ): Act<Input, Options, Output> =>
  async (input, options) => {
    const caller = callerOf(options.context, handle);
    const bound = withSignal(options);
    return caller === undefined ? act(input, bound) : caller.run(() => act(input, bound));
  };

/**
 * Returns a tool's function that is an agent: everything it generates runs as the entry `name` in
 * the table of the agent that calls the tool.
 *
 * @example
 * const work = async ({ task }) => (await ai.generate({ prompt: task, tools })).text;
 * const scout = ai.defineTool({ name: "scout", description }, subAgent("scout", work));
 */
export const subAgent =
  <Input, Options extends GenkitOptions, Output>(
    name: string,
    act: Act<Input, Options, Output>,
  ): Act<Input, Options, Output> =>
  async (input, options) => {
    // Never `handTo`: an agent that is a tool works for its caller, and must not have more than the
    // caller has, even if an agent above has that name.
    const child = callerOf(options.context)?.forAgent(name);
    if (child === undefined) return act(input, withSignal(options));
    const below = { ...withSignal(options), context: { ...options.context, sigil: child } };
    return child.run(() => act(input, below));
  };

/** Defines the two ready tools, `fetch_url` and `show_budget`, on a Genkit instance. */
export const sigilTools = <Tool>(ai: {
  defineTool(
    config: { name: string; description: string; inputJsonSchema: object },
    // biome-ignore lint/suspicious/noExplicitAny: Genkit types an input without a schema as any.
    act: (input: any, options: GenkitOptions) => Promise<string>,
  ): Tool;
}): [fetchUrl: Tool, showBudget: Tool] => {
  const define = <Input>({ name, description, parameters, run }: ReadyTool<Input>) =>
    ai.defineTool(
      { name, description, inputJsonSchema: parameters },
      withSigil(async (input: Input, { abortSignal }: GenkitOptions) =>
        run(currentHandle(), input, abortSignal),
      ),
    );
  return [define(fetchTool), define(budgetTool)];
};

/** Genkit passes a parent's context on to a sub-agent's run, so what runs now counts as well. */
const callerOf = (context: unknown, own?: SigilHandle): SigilHandle | undefined =>
  turn({ given: [own, handleIn(context)], around: currentHandle() });

function withSignal<Options extends GenkitOptions>(options: Options): Options {
  const { signal } = options.context;
  if (!(signal instanceof AbortSignal)) return options;
  return { ...options, abortSignal: AbortSignal.any([options.abortSignal, signal]) };
}
