/**
 * Makes spans if the process has OpenTelemetry. No attribute holds a credential, a query or an
 * invoice.
 */

type Attributes = Readonly<Record<string, string | number>>;

/** Runs work inside a span. */
export type Traced = <Result>(
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
) => Promise<Result>;

const untraced: Traced = (_name, _attributes, work) => work();

/** Returns a function that makes spans, or one that only runs the work without OpenTelemetry. */
export async function tracer(): Promise<Traced> {
  // In a variable, so that the compiler and bundlers do not require the optional package.
  const name = "@opentelemetry/api";
  const api = await (import(name) as Promise<typeof import("@opentelemetry/api")>).catch(
    () => undefined,
  );
  if (api === undefined) return untraced;
  const { trace, SpanStatusCode } = api;
  // It asks the provider that is registered by the first span, now or later.
  const sigil = trace.getTracer("sigil");
  return (span, attributes, work) =>
    sigil.startActiveSpan(span, { attributes }, async (active) => {
      try {
        return await work();
      } catch (error) {
        const code = String((error as { code?: unknown }).code ?? "ERR_BUG");
        active.setStatus({ code: SpanStatusCode.ERROR, message: code });
        throw error;
      } finally {
        active.end();
      }
    });
}
