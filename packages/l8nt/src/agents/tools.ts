/**
 * The two tools that an adapter offers the model, told without any framework: fetch a URL and pay
 * for it, and see what is left.
 */
import { SigilError } from "../errors.ts";
import { formatMsat } from "../invoice/index.ts";
import { withoutCredentials } from "../l402/index.ts";
import type { NodeStanding, Standing } from "../ports/treasury.ts";
import type { SigilHandle } from "./handle.ts";

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
   * Gives a text for the model, also where it was denied: never a credential, and never an
   * exception of Sigil's own.
   */
  run(handle: SigilHandle, input: Input, signal?: AbortSignal): Promise<string>;
}

/** What a model reads of an answer, in characters. */
const MAX_TEXT = 20_000;
/**
 * Beyond that, so that what stands at its end is seen whole before it is cut: a credential has at
 * most 8,192 characters.
 */
const OVERLAP = 10_000;

export const fetchTool: ReadyTool<{ readonly url: string }> = {
  name: "fetch_url",
  description:
    "Fetches a URL with GET and gives its text. Pays for it by itself where it has a price, within the budget and the endpoints that this agent was given.",
  parameters: {
    type: "object",
    properties: { url: { type: "string", description: "An absolute http(s) URL." } },
    required: ["url"],
    additionalProperties: false,
  },
  run: (handle, { url }, signal) =>
    told(async () => {
      const response = await handle.fetch(url, signal === undefined ? {} : { signal });
      const text = withoutCredentials(await beginning(response));
      const cut =
        text.length > MAX_TEXT
          ? `${text.slice(0, MAX_TEXT)}\n(cut after ${MAX_TEXT} characters)`
          : text;
      return response.ok ? cut : `HTTP ${response.status}\n${cut}`;
    }, signal),
};

export const budgetTool: ReadyTool<Record<string, never>> = {
  name: "show_budget",
  description: "Shows what this agent may still spend, and by what it is limited.",
  parameters: { type: "object", properties: {}, required: [], additionalProperties: false },
  run: (handle, _input, signal) => told(async () => budgetText(await handle.standing()), signal),
};

/** One line for each limit; those of the agents above hold as well. */
export function budgetText(nodes: readonly NodeStanding[]): string {
  const lines = nodes.flatMap(({ agent, limits }) =>
    limits.map((limit) => `${agent ?? "everybody here"}: ${limitText(limit)}`),
  );
  return lines.length === 0 ? "No limit is counted here." : lines.join("\n");
}

function limitText({ condition, max, used }: Standing): string {
  const left = max > used ? max - used : 0n;
  return condition.includes("msat")
    ? `${formatMsat(left)} left of ${formatMsat(max)} (${condition})`
    : `${left} left of ${max} (${condition})`;
}

/**
 * A denial is something that a model can act on; an abort, and what is no error of ours, is the
 * framework's.
 */
async function told(act: () => Promise<string>, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await act();
  } catch (error) {
    if (signal?.aborted || !(error instanceof SigilError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

/** As much of a body as matters: a stream may have no end. */
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
