/** Collects what a Node response sends, for the same request when it is repeated. */
import type { ServerResponse } from "node:http";
import { concat } from "../internal/bytes.ts";
import { type Answer, answerOf, MAX_ANSWER_BYTES } from "../service/repeats.ts";

type Method = (...given: unknown[]) => unknown;
type Pair = readonly [name: string, value: string];

/**
 * Hands the whole answer to `keep`; undefined if it is large, or breaks off. It is whole once
 * the handler has ended it, also if the client is gone by then: it will ask again.
 */
export function capture(
  outgoing: ServerResponse,
  keep: (answer: Answer | undefined) => void,
): void {
  let fields: readonly Pair[] = [];
  let status = 0;
  let parts: Uint8Array[] | undefined = [];
  let size = 0;
  // Over HTTP/2, `end` passes its part on to `write`.
  let isEnding = false;
  const finish = (content: Uint8Array<ArrayBuffer> | undefined): void => {
    if (parts === undefined) return;
    parts = undefined;
    keep(content && answerOf(status, fields, content));
  };
  const collect = (chunk: unknown, encoding: unknown): void => {
    if (parts === undefined || chunk === null || chunk === undefined) return;
    const text = typeof encoding === "string" ? (encoding as BufferEncoding) : undefined;
    const part = chunk as string | Uint8Array;
    size += typeof part === "string" ? Buffer.byteLength(part, text) : part.length;
    // A copy: the handler may use its buffer again.
    if (size > MAX_ANSWER_BYTES) finish(undefined);
    else parts.push(typeof part === "string" ? Buffer.from(part, text) : new Uint8Array(part));
  };
  const wrap = (name: "writeHead" | "write" | "end", before: Method, after?: Method): void => {
    const method = outgoing[name] as Method;
    (outgoing as unknown as Record<string, Method>)[name] = (...given) => {
      before(...given);
      const result = method.apply(outgoing, given);
      after?.();
      return result;
    };
  };
  wrap("writeHead", (code, ...rest) => {
    status = code as number;
    fields = mergedFields(outgoing, rest.at(-1));
  });
  wrap("write", (chunk, encoding) => {
    if (!isEnding) collect(chunk, encoding);
  });
  wrap(
    "end",
    (chunk, encoding) => {
      if (typeof chunk !== "function") collect(chunk, encoding);
      isEnding = true;
    },
    // The first call of `end` may write the head.
    () => finish(parts && concat(...parts)),
  );
  outgoing.once("close", () => finish(undefined));
}

/** The fields that were set, and those that `writeHead` is given: an object, or a list. */
function mergedFields(outgoing: ServerResponse, given: unknown): readonly Pair[] {
  const fields = new Map<string, readonly Pair[]>();
  const set = (name: string, value: unknown): void => {
    const lower = name.toLowerCase();
    fields.set(
      lower,
      [value].flat().map((line) => [lower, String(line)]),
    );
  };
  for (const [name, value] of Object.entries(outgoing.getHeaders()))
    if (value !== undefined) set(name, value);
  if (Array.isArray(given)) {
    const flat: unknown[] = given.flat();
    for (let at = 0; at + 1 < flat.length; at += 2) set(String(flat[at]), flat[at + 1]);
  } else if (typeof given === "object" && given !== null)
    for (const [name, value] of Object.entries(given)) if (value !== undefined) set(name, value);
  return [...fields.values()].flat();
}
