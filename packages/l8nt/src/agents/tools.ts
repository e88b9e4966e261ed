/**
 * The two tools that every adapter offers to the model, independent of a framework: fetch a URL and
 * pay for it, and show what is left of the budget. docs/guides/agents.md.
 */
import { formatCounted } from "../caveat/index.ts";
import { SigilError } from "../errors.ts";
import { withoutCredentials } from "../l402/index.ts";
import type { NodeStanding, Standing } from "../ports/treasury.ts";
import { noHandle, type SigilHandle } from "./handle.ts";

export interface ReadyTool<Input> {
  readonly name: string;
  /** For the model. */
  readonly description: string;
  /** JSON Schema of its input. */
  readonly parameters: {
    readonly type: "object";
    readonly properties: Readonly<Record<string, object>>;
    readonly required: readonly string[];
    readonly additionalProperties: false;
  };
  /**
   * Returns a text for the model. A denial is such a text, too; the text never holds a credential.
   *
   * @param handle of the agent that calls; without one the call is denied
   */
  run(handle: SigilHandle | undefined, input: Input, signal?: AbortSignal): Promise<string>;
}

/** How much of a response the model reads, in characters. */
const MAX_TEXT = 20_000;
/**
 * Read beyond `MAX_TEXT`, so that a credential at the cut is recognized whole and removed. It has
 * at most 8,192 characters.
 */
const OVERLAP = 10_000;

export const fetchTool: ReadyTool<{ readonly url: string }> = {
  name: "fetch_url",
  description:
    "Fetches a URL with GET and returns its text. Pays automatically if the URL has a price, within the budget and the endpoints that this agent was given.",
  parameters: {
    type: "object",
    properties: { url: { type: "string", description: "An absolute http(s) URL." } },
    required: ["url"],
    additionalProperties: false,
  },
  run: (handle, { url }, signal) =>
    explained(handle, signal, async (agent) => {
      const response = await agent.fetch(url, signal === undefined ? {} : { signal });
      const text = withoutCredentials(await beginning(response));
      const cut =
        text.length > MAX_TEXT
          ? `${text.slice(0, MAX_TEXT)}\n(cut after ${MAX_TEXT} characters)`
          : text;
      return response.ok ? cut : `HTTP ${response.status}\n${cut}`;
    }),
};

export const budgetTool: ReadyTool<Record<string, never>> = {
  name: "show_budget",
  description: "Shows what this agent may still spend, and which limits it has.",
  parameters: { type: "object", properties: {}, required: [], additionalProperties: false },
  run: (handle, _input, signal) =>
    explained(handle, signal, async (agent) => budgetText(await agent.standing())),
};

/** One line for each limit of the agent and of the agents above it, all of which hold. */
export function budgetText(nodes: readonly NodeStanding[]): string {
  const lines = nodes.flatMap(({ agent, limits }) =>
    limits.map((limit) => `${agent ?? "everybody here"}: ${limitText(limit)}`),
  );
  return lines.length === 0 ? "No limit is counted here." : lines.join("\n");
}

function limitText({ condition, max, used }: Standing): string {
  const left = max > used ? max - used : 0n;
  return `${formatCounted(condition, left)} left of ${formatCounted(condition, max)} (${condition})`;
}

/**
 * A denial becomes a text, because a model can act on it. An abort, and any error that is not
 * Sigil's, is thrown to the framework.
 */
async function explained(
  handle: SigilHandle | undefined,
  signal: AbortSignal | undefined,
  act: (agent: SigilHandle) => Promise<string>,
): Promise<string> {
  try {
    if (handle === undefined) throw noHandle();
    return await act(handle);
  } catch (error) {
    if (signal?.aborted || !(error instanceof SigilError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

/** The first characters of a body. A stream may have no end, so the rest is cancelled. */
async function beginning(response: Response): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (reader !== undefined && text.length < MAX_TEXT + OVERLAP) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
  }
  await reader?.cancel().catch(() => {});
  return text;
}
