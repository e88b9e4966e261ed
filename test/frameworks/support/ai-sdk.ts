/**
 * Both majors of the Vercel AI SDK behind one interface: agents with the SDK's own mock models,
 * which follow a script of turns.
 */
import { inspect } from "node:util";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import * as ai7 from "ai";
import { convertArrayToReadableStream, MockLanguageModelV4 } from "ai/test";
import * as ai6 from "ai6";
import { MockLanguageModelV3 } from "ai6/test";
import type { SigilHandle } from "l8nt/agents";

/** What the model answers in one step: calls of tools, or the final text. */
export type Turn = string | readonly { readonly toolName: string; readonly input: object }[];

/** An agent as both majors have it. */
export interface Agent {
  generate(call: Call): PromiseLike<{ text: string; steps: unknown; response: unknown }>;
  stream(
    call: Call,
  ): PromiseLike<{ fullStream: AsyncIterable<{ type: string }>; steps: PromiseLike<unknown> }>;
}

interface Call {
  prompt: string;
  abortSignal?: AbortSignal;
}

export interface AgentOptions {
  readonly turns: readonly Turn[];
  // biome-ignore lint/suspicious/noExplicitAny: the tool sets of two majors, which share no type
  readonly tools: Record<string, any>;
  /** Goes into the run's own context as `sigil`. */
  readonly sigil?: SigilHandle;
}

export interface Major {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly sdk: any;
  model(turns: readonly Turn[] | ((options: unknown) => Turn), seen?: unknown[]): never;
  /** @param seen receives everything that the run shows: prompts, events, spans */
  agent(options: AgentOptions, seen?: unknown[]): Agent;
}

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

let calls = 0;

/** The same answers in both majors' mock models. */
function answers(turns: readonly Turn[] | ((options: unknown) => Turn), seen: unknown[]) {
  let step = 0;
  const next = (options: unknown) => {
    seen.push(JSON.parse(JSON.stringify(options)));
    const turn = typeof turns === "function" ? turns(options) : (turns[step++] ?? "done");
    const finishReason = {
      unified: typeof turn === "string" ? "stop" : "tool-calls",
      raw: undefined,
    } as const;
    return { turn, finishReason };
  };
  const toolCalls = (turn: Exclude<Turn, string>) =>
    turn.map(({ toolName, input }) => ({
      type: "tool-call" as const,
      toolCallId: `call-${++calls}`,
      toolName,
      input: JSON.stringify(input),
    }));
  return {
    doGenerate: async (options: unknown) => {
      const { turn, finishReason } = next(options);
      const content =
        typeof turn === "string" ? [{ type: "text" as const, text: turn }] : toolCalls(turn);
      return { content, finishReason, usage, warnings: [] };
    },
    doStream: async (options: unknown) => {
      const { turn, finishReason } = next(options);
      const said =
        typeof turn === "string"
          ? [
              { type: "text-start" as const, id: "1" },
              { type: "text-delta" as const, id: "1", delta: turn },
              { type: "text-end" as const, id: "1" },
            ]
          : toolCalls(turn);
      return {
        stream: convertArrayToReadableStream([
          { type: "stream-start" as const, warnings: [] },
          ...said,
          { type: "finish" as const, finishReason, usage },
        ]),
      };
    },
  };
}

/** What a log would show, and what a trace would hold. */
const noted = (seen: unknown[], what: unknown) =>
  void seen.push(what, inspect(what, { depth: 12 }));

export const seven: Major = {
  name: "ai 7",
  sdk: ai7,
  model: (turns, seen = []) => new MockLanguageModelV4(answers(turns, seen)) as never,
  agent({ turns, tools, sigil }, seen = []) {
    const everyEvent = new Proxy({} as ai7.Telemetry, {
      get: (_, key) =>
        typeof key === "string" && key.startsWith("on")
          ? (event: unknown) => noted(seen, event)
          : undefined,
    });
    return new ai7.ToolLoopAgent({
      model: seven.model(turns, seen),
      tools: tools as ai7.ToolSet,
      ...(sigil !== undefined && {
        toolsContext: Object.fromEntries(Object.keys(tools).map((name) => [name, { sigil }])),
        runtimeContext: { sigil },
      }),
      telemetry: {
        integrations: [everyEvent],
        includeRuntimeContext: { sigil: true },
        includeToolsContext: Object.fromEntries(
          Object.keys(tools).map((name) => [name, { sigil: true }]),
        ),
      },
      onStepEnd: (step: unknown) => noted(seen, step),
    } as never) as unknown as Agent;
  },
};

export const six: Major = {
  name: "ai 6",
  sdk: ai6,
  model: (turns, seen = []) => new MockLanguageModelV3(answers(turns, seen)) as never,
  agent({ turns, tools, sigil }, seen = []) {
    const spans = new InMemorySpanExporter();
    const tracer = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(spans)],
    }).getTracer("ai 6");
    return new ai6.ToolLoopAgent({
      model: six.model(turns, seen),
      tools: tools as ai6.ToolSet,
      ...(sigil !== undefined && { experimental_context: { sigil } }),
      experimental_telemetry: { isEnabled: true, tracer },
      onStepFinish: (step: unknown) => noted(seen, step),
      onFinish: (end: unknown) => {
        noted(seen, end);
        noted(
          seen,
          spans
            .getFinishedSpans()
            .map(({ name, attributes, events }) => ({ name, attributes, events })),
        );
      },
    }) as unknown as Agent;
  },
};
