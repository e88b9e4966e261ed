/** How the stand-ins for vendors answer: JSON, server-sent events, or lines of JSON. */
import type { ServerResponse } from "node:http";
import type { Seen } from "../../../packages/sigil/src/gateway/fixtures/town.ts";

/** The body of a request. */
export const bodyOf = <Body>({ body }: Seen): Body => JSON.parse(body) as Body;

export function json(answer: ServerResponse, value: object, status = 200): void {
  answer.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** Each part is written by itself, so that it comes by itself. */
async function parts(answer: ServerResponse, type: string, texts: readonly string[]) {
  answer.writeHead(200, { "content-type": type });
  for (const text of texts) {
    answer.write(text);
    await new Promise((resolve) => setImmediate(resolve));
  }
  answer.end();
}

export const lines = (answer: ServerResponse, values: readonly object[]): Promise<void> =>
  parts(
    answer,
    "application/x-ndjson",
    values.map((value) => `${JSON.stringify(value)}\n`),
  );

/** @param last an event that is no JSON: `[DONE]` */
export const events = (
  answer: ServerResponse,
  values: readonly object[],
  last?: string,
): Promise<void> =>
  parts(answer, "text/event-stream", [
    ...values.map((value) => `data: ${JSON.stringify(value)}\n\n`),
    ...(last === undefined ? [] : [`data: ${last}\n\n`]),
  ]);

/** Each event has its type as its name too, as Anthropic's and those of OpenAI's Responses. */
export const namedEvents = (
  answer: ServerResponse,
  values: readonly { readonly type: string }[],
): Promise<void> =>
  parts(
    answer,
    "text/event-stream",
    values.map((value) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`),
  );
