/** Counts are those of the tokenizer, or above them, and hostile text takes bounded work. */
import fc from "fast-check";
import { encode as encodeCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { encode as encodeO200k } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, test } from "vitest";
import { byteLength } from "../presets/text.ts";
import { MAX_WORD, MAX_WORK, TokenCounter } from "./counter.ts";

const ENCODERS = { o200k_base: encodeO200k, cl100k_base: encodeCl100k };
const NONE = { disallowedSpecial: new Set<string>() };
const alarms: unknown[] = [];
const counter = new TokenCounter((what, cause) => alarms.push(what, cause));
afterAll(() => counter.close());

describe.each(["o200k_base", "cl100k_base"] as const)("in %s", (encoding) => {
  const count = (...texts: string[]) => counter.count({ encoding, texts });

  test("the count of a text is the tokenizer's", async () => {
    const text = fc.oneof(
      fc.lorem({ maxCount: 30 }),
      fc.string({ unit: "binary", maxLength: 80 }),
      fc.string({ unit: "grapheme", maxLength: 80 }),
      fc.string({
        unit: fc.constantFrom(" ", "\n", "\r", "\t", "a", "B", "é", "漢", "🙂", "'", "1"),
      }),
      fc.constantFrom("<|endoftext|>", "a<|im_start|>b", "it's DON'T we'll", "\ud800", ""),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 4 }), async (texts) => {
        const expected = texts.map((one) => ENCODERS[encoding](one, NONE).length);
        expect(await count(...texts)).toBe(expected.reduce((sum, one) => sum + one, 0));
      }),
    );
  });

  test("a word of so many bytes is counted, and a longer one has a token for each", async () => {
    expect(await count("a".repeat(MAX_WORD))).toBe(ENCODERS[encoding]("a".repeat(MAX_WORD)).length);
    expect(await count("a".repeat(MAX_WORD + 1))).toBe(MAX_WORD + 1);
    expect(await count("é".repeat(MAX_WORD))).toBe(2 * MAX_WORD);
  });

  test("many long words are counted up to a limit of work, and their bytes beyond", async () => {
    const word = ` ${"ab".repeat(MAX_WORD / 2 - 1)}`;
    const each = ENCODERS[encoding](word).length;
    const within = Math.floor(MAX_WORK / byteLength(word) ** 2);
    expect(await count(word.repeat(within))).toBe(within * each);
    expect(await count(word.repeat(2 * within))).toBe(within * (each + byteLength(word)));
  });

  test.each([
    ["one letter", "a".repeat(1 << 20)],
    ["capitals and small letters", "Aa".repeat(1 << 19)],
    ["spaces", " ".repeat(1 << 20)],
    ["spaces without a line break", `${" ".repeat(5000)}x`.repeat(200)],
    ["line breaks", "\r\n".repeat(1 << 19)],
    ["marks", "\u0301".repeat(1 << 20)],
    ["apostrophes", "'".repeat(1 << 20)],
    ["a script without spaces", "漢".repeat(1 << 20)],
  ])("%s of a megabyte are counted, at no more than their bytes", async (_name, text) => {
    const tokens = await count(text);
    expect(tokens).toBeGreaterThan(0);
    expect(tokens).toBeLessThanOrEqual(byteLength(text));
  });
});

test("what is longer than a megabyte is not counted, together neither", async () => {
  const half = "a ".repeat(1 << 18);
  expect(await counter.count({ encoding: "o200k_base", texts: [half, half] })).toBeDefined();
  expect(await counter.count({ encoding: "o200k_base", texts: [half, half, "a"] })).toBeUndefined();
});

test("if too much waits, what comes is not counted, and what waits is answered in order", async () => {
  const long = " ".repeat(1 << 20);
  const texts = ["hello", long, "a b c", long, long, "one two", long, "never"];
  const counts = texts.map((text) => counter.count({ encoding: "o200k_base", texts: [text] }));
  const answers = await Promise.all(counts);
  expect([answers[0], answers[2], answers[5]]).toEqual([1, 3, 2]);
  expect(answers[6]).toBeUndefined();
  expect(answers[7]).toBe(1);
  expect(await counter.count({ encoding: "o200k_base", texts: ["never"] })).toBe(1);
  expect(alarms).toEqual([]);
});

test("a counter that is closed answers what waits, and starts again when it is asked", async () => {
  const other = new TokenCounter(() => undefined);
  const waiting = other.count({ encoding: "o200k_base", texts: ["hello"] });
  await other.close();
  expect(await waiting).toBeUndefined();
  expect(await other.count({ encoding: "o200k_base", texts: ["hello"] })).toBe(1);
  await other.close();
});
