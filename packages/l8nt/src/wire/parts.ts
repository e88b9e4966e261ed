/** Writes long answers in parts, each in a turn of the event loop of its own. [case 118] */
import { nextTurn } from "../internal/timers.ts";
import type { Codec } from "./codec.ts";
import { ANSWER_FIELDS, writeAnswer } from "./message.ts";

/** How many entries of a list are written in one turn. */
const ENTRIES = 25;

/** The answer of a message, with status 200: of one that has a long list, the body is a stream. */
export function writeInParts<Answer>(
  message: { readonly answer?: Codec<Answer> },
  value: Answer,
): Response {
  const { answer } = message;
  if (answer?.fields === undefined || !hasLongList(answer, value))
    return writeAnswer(message, value);
  const parts = partsOf(answer, value);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        await nextTurn();
        const { done, value: text } = parts.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(text));
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: ANSWER_FIELDS });
}

const hasLongList = ({ fields = {} }: Codec<unknown>, value: unknown): boolean =>
  Object.entries(fields).some(
    ([name, { items }]) => items !== undefined && (Object(value)[name]?.length ?? 0) > ENTRIES,
  );

/** The JSON text of an object, cut between the entries of its lists. */
function* partsOf({ fields = {} }: Codec<unknown>, value: unknown): Generator<string, void> {
  let text = "{";
  let isFirst = true;
  for (const [name, codec] of Object.entries(fields)) {
    const member = Object(value)[name];
    if (member === undefined) continue;
    text += `${isFirst ? "" : ","}${JSON.stringify(name)}:`;
    isFirst = false;
    const { items } = codec;
    if (items === undefined) {
      text += JSON.stringify(codec.write(member));
      continue;
    }
    text += "[";
    for (let at = 0; at < member.length; at += ENTRIES) {
      const entries = member.slice(at, at + ENTRIES) as readonly unknown[];
      const written = entries.map((entry) => JSON.stringify(items.write(entry))).join(",");
      yield `${text}${at > 0 ? "," : ""}${written}`;
      text = "";
    }
    text += "]";
  }
  yield `${text}}`;
}
