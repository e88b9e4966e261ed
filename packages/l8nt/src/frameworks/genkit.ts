/**
 * Genkit: the handle is in the context of a run, and each tool runs as the agent whose call it is.
 * docs/guides/agents/genkit.md.
 */
import { currentHandle } from "../agents/current.ts";
import { SigilHandle } from "../agents/handle.ts";
import { budgetTool, fetchTool, type ReadyTool } from "../agents/tools.ts";

/**
 * For `context` of `ai.generate`, of a flow or a prompt. Genkit passes it on to all that runs
 * below, and writes its JSON into traces.
 */
export interface SigilContext {
  readonly sigil: SigilHandle;
  /** Genkit tells no tool of `ai.generate`'s `abortSignal`: given here, it reaches them all. */
  readonly signal?: AbortSignal;
}

/** What a tool's function is given beside its input, so far as it matters here. */
export interface GenkitOptions {
  // biome-ignore lint/suspicious/noExplicitAny: Genkit's own context is a table of any.
  readonly context: Record<string, any>;
  readonly abortSignal: AbortSignal;
}

type Act<Input, Options, Output> = (input: Input, options: Options) => Promise<Output>;

/** `context: sigilContext(handle)`, beside whatever else is in it. */
export const sigilContext = (handle: SigilHandle, signal?: AbortSignal): SigilContext => ({
  sigil: handle,
  ...(signal !== undefined && { signal }),
});

/**
 * A tool's function, which then runs as whoever called the tool: `sigilFetch` in it pays as that
 * agent.
 *
 * @example
 * const report = ai.defineTool({ name: "report", ... }, asCaller(async ({ url }) => (await sigilFetch(url)).text()));
 */
export const asCaller =
  <Input, Options extends GenkitOptions, Output>(
    act: Act<Input, Options, Output>,
  ): Act<Input, Options, Output> =>
  async (input, options) => {
    const caller = callerOf(options.context);
    const told = withSignal(options);
    return caller === undefined ? act(input, told) : caller.run(() => act(input, told));
  };

/**
 * A tool's function that is an agent of its own: all that it generates is by the entry `name` below
 * whoever called it.
 *
 * @example
 * const scout = ai.defineTool({ name: "scout", ... }, asAgent("scout", async ({ task }) => (await ai.generate({ prompt: task, tools })).text));
 */
export const asAgent =
  <Input, Options extends GenkitOptions, Output>(
    name: string,
    act: Act<Input, Options, Output>,
  ): Act<Input, Options, Output> =>
  async (input, options) => {
    // Never `handTo`: an agent as a tool is below its caller, also where it has the name of one
    // above.
    const child = callerOf(options.context)?.forAgent(name);
    if (child === undefined) return act(input, withSignal(options));
    const below = { ...withSignal(options), context: { ...options.context, sigil: child } };
    return child.run(() => act(input, below));
  };

/** The two ready tools, defined. */
export const readyTools = <Tool>(ai: {
  defineTool(
    config: { name: string; description: string; inputJsonSchema: object },
    act: (input: never, options: GenkitOptions) => Promise<string>,
  ): Tool;
}): [fetchUrl: Tool, showBudget: Tool] => {
  const define = <Input>({ name, description, parameters, run }: ReadyTool<Input>) =>
    ai.defineTool(
      { name, description, inputJsonSchema: parameters },
      asCaller(async (input: Input, { abortSignal }: GenkitOptions) => {
        const caller = currentHandle();
        return caller === undefined
          ? "ERR_AGENT_UNKNOWN: there is no handle in the context of this run"
          : run(caller, input, abortSignal);
      }),
    );
  return [define(fetchTool), define(budgetTool)];
};

/**
 * A sub-agent's run that was given no context of its own inherits its parent's. What runs around it
 * knows better then: of the two, the one below holds.
 */
function callerOf({ sigil: given }: { readonly sigil?: unknown }): SigilHandle | undefined {
  const around = currentHandle();
  if (!(given instanceof SigilHandle)) return around;
  if (around === undefined || given.isWithin(around)) return given;
  return around.isWithin(given)
    ? around
    : around.nobody("agent", "a context from another agent's run");
}

function withSignal<Options extends GenkitOptions>(options: Options): Options {
  const { signal } = options.context;
  if (!(signal instanceof AbortSignal)) return options;
  return { ...options, abortSignal: AbortSignal.any([options.abortSignal, signal]) };
}
