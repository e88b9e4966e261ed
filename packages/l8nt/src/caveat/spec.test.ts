/**
 * The examples of spec/2-caveats.md §3, run against the code.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { matchesEndpoint, readEndpoints } from "./endpoint.ts";
import { readOrigin, targetAt } from "./target.ts";

const page = readFileSync(new URL("../../../../spec/2-caveats.md", import.meta.url), "utf8");
const section = page.split(/^## /m).find((part) => part.startsWith("3. "))!;
const rows = [...section.matchAll(/^\| `(.+?)` \| (.+) \|$/gm)].map(
  ([, first = "", rest = ""]) => ({
    entry: first.replaceAll("\\|", "|"),
    rest,
  }),
);

const answers = rows.flatMap(({ entry, rest }) => {
  const { 1: request, 2: answer } = /^`(.+?)` \| (covered|not covered|refused)$/.exec(rest) ?? [];
  return request === undefined || answer === undefined ? [] : [{ entry, request, answer }];
});

function answerOf(entry: string, request: string): string {
  const { 1: method, 2: base, 3: path } = /^(\S+) (\w+:\/\/[^/]+)(.*)$/.exec(request)!;
  const target = targetAt(method!, readOrigin(base!)!, path!);
  if (target === undefined) return "refused";
  return readEndpoints(entry)!.some((pattern) => matchesEndpoint(pattern, target))
    ? "covered"
    : "not covered";
}

describe("the requests of the page", () => {
  test.each(answers)("$entry, $request: $answer", ({ entry, request, answer }) => {
    expect(answerOf(entry, request)).toBe(answer);
  });

  test("every answer has examples", () => {
    for (const answer of ["covered", "not covered", "refused"])
      expect(answers.filter((row) => row.answer === answer).length).toBeGreaterThan(5);
  });
});

describe("the texts that are not entries", () => {
  const texts = rows.slice(answers.length);

  test.each(texts)("$entry: $rest", ({ entry }) => {
    expect(readEndpoints(entry)).toBeUndefined();
  });

  test("the page has some, and every row was read", () => {
    expect(texts.length).toBeGreaterThan(5);
    const between = section.slice(section.indexOf("| entry |"));
    expect(between.match(/^\| `/gm)).toHaveLength(answers.length + texts.length);
  });
});
