/** A long answer is written in parts, and says what it would say at once. [case 118] */
import { expect, test } from "vitest";
import { codecOf, count, list, object, optional, text } from "./codec.ts";
import { writeAnswer } from "./message.ts";
import { writeInParts } from "./parts.ts";

interface Answer {
  readonly first?: string;
  readonly rows: readonly { readonly id: number; readonly name: string }[];
  readonly others?: readonly string[];
  readonly next?: string;
}

const answer = codecOf<Answer>()(
  object({
    first: optional(text),
    rows: list(object({ id: count(), name: text })),
    others: optional(list(text)),
    next: optional(text),
  }),
);
const rows = (many: number) =>
  Array.from({ length: many }, (_, id) => ({ id, name: `"é\u2028${id}` }));

test.each<Answer>([
  { rows: [] },
  { rows: rows(25) },
  { rows: rows(26) },
  { rows: rows(1000), next: "n" },
  { first: "f", rows: rows(51) },
  { first: "f", rows: [], others: Array.from({ length: 60 }, String), next: "n" },
  { rows: rows(50), others: [] },
])("an answer of %# is the same JSON, with the same fields", async (value) => {
  const [parts, whole] = [writeInParts({ answer }, value), writeAnswer({ answer }, value)];
  expect([...parts.headers]).toEqual([...whole.headers]);
  expect(await parts.text()).toBe(await whole.text());
});

test("no part has more than 25 entries, and each one has a turn of the event loop of its own", async () => {
  const { body } = writeInParts({ answer }, { rows: rows(1000), next: "n" });
  let turn = 0;
  let isOver = false;
  const turns = (async () => {
    for (; !isOver; turn++) await new Promise((next) => setImmediate(next));
  })();
  const seen: number[] = [];
  const decoder = new TextDecoder();
  for await (const part of body!) {
    seen.push(turn);
    expect(decoder.decode(part).split('"id"').length - 1).toBeLessThanOrEqual(25);
  }
  isOver = true;
  await turns;
  expect(seen.length).toBe(41);
  expect(new Set(seen).size).toBe(seen.length);
});

test("a reader that goes away ends the writing", async () => {
  let written = 0;
  const counting = {
    ...text,
    write(value: string) {
      written++;
      return value;
    },
  };
  const { body } = writeInParts(
    { answer: object({ rows: list(counting) }) },
    { rows: Array.from({ length: 1000 }, String) },
  );
  const reader = body!.getReader();
  await reader.read();
  await reader.cancel();
  expect(written).toBe(25);
});
