/**
 * A span for each request, if the process has OpenTelemetry, with the attributes of its conventions
 * for generative AI. None holds a credential, a query, a prompt or an answer.
 */
import type { Span } from "@opentelemetry/api";
import { agentOf, named } from "../books/rows.ts";
import type { Observer, Row } from "../observer.ts";

/** `gen_ai.provider.name` of a preset, if the conventions know it. */
const PROVIDERS: Readonly<Record<string, string>> = { gemini: "gcp.gemini", mistral: "mistral_ai" };
/** `gen_ai.operation.name` of a capability; others are no operation of the conventions. */
const OPERATIONS: Readonly<Record<string, string>> = { chat: "chat", embeddings: "embeddings" };

type Attributes = Record<string, string | number>;

/** @param presetOf the name of a service's preset. Undefined without OpenTelemetry */
export async function requestTraces(
  presetOf: (service: string) => string | undefined,
): Promise<Observer | undefined> {
  // In a variable, so that the compiler and bundlers do not require the optional package.
  const name = "@opentelemetry/api";
  const api = await (import(name) as Promise<typeof import("@opentelemetry/api")>).catch(
    () => undefined,
  );
  if (api === undefined) return undefined;
  const { trace, SpanKind, SpanStatusCode } = api;
  // It asks the provider that is registered by the first span, now or later.
  const tracer = trace.getTracer("sigil");
  const told = (row: Row): void => {
    const attributes = attributesOf(row, presetOf);
    const what = attributes["gen_ai.operation.name"] ?? row.method;
    const span: Span = tracer.startSpan(
      `${what} ${attributes["gen_ai.request.model"] ?? row.route ?? ""}`.trim(),
      { kind: SpanKind.CLIENT, startTime: row.at, attributes },
    );
    const isFailed = row.code !== undefined || (row.status ?? 0) >= 400 || row.end === "broken";
    if (isFailed) span.setStatus({ code: SpanStatusCode.ERROR, message: row.code ?? row.end });
    span.end(row.at + (row.durationMs ?? 0));
  };
  return { settled: told, denied: told };
}

function attributesOf(
  row: Row,
  presetOf: (service: string) => string | undefined,
): Readonly<Attributes> {
  const { service, usage, status, capability = "" } = row;
  const preset = service === undefined ? undefined : presetOf(service);
  const attributes: Attributes = { "sigil.request.id": row.id, "http.request.method": row.method };
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== "") attributes[name] = value;
  };
  add("gen_ai.operation.name", OPERATIONS[capability]);
  add("gen_ai.provider.name", preset && (PROVIDERS[preset] ?? preset));
  add("gen_ai.request.model", named(row.model));
  add("gen_ai.response.model", named(usage?.model));
  add("gen_ai.agent.name", agentOf(row));
  add("gen_ai.agent.id", row.nodeId);
  if (usage !== undefined) {
    const { input, inputAudio, cacheRead, cacheWrite5m, cacheWrite1h, output, outputAudio } = usage;
    const written = cacheWrite5m + cacheWrite1h;
    // By the conventions it includes what was read from a cache or written to one.
    add("gen_ai.usage.input_tokens", input + inputAudio + cacheRead + written);
    add("gen_ai.usage.output_tokens", output + outputAudio);
    if (cacheRead > 0) add("gen_ai.usage.cache_read.input_tokens", cacheRead);
    if (written > 0) add("gen_ai.usage.cache_creation.input_tokens", written);
  }
  add("http.route", row.route);
  add("http.response.status_code", status);
  add("error.type", row.code ?? (status !== undefined && status >= 400 ? `${status}` : undefined));
  add("sigil.end", row.end);
  add("sigil.would_deny", row.wouldDeny);
  if (row.unit !== undefined && row.spent !== undefined)
    add(`sigil.charged_${row.unit}`, Number(row.spent));
  return attributes;
}
