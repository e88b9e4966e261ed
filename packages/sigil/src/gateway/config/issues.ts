/** What is wrong with a configuration, as sentences that name the key and never show a value. */
import { nearest } from "l8nt/caveats";
import type { z } from "zod";
import { shownKey } from "./yaml.ts";

/** One thing that is wrong. Its message goes on behind the name of the key. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list: [one, another], or a line with a dash for each",
  object: "a map of keys: { key: value }, or a line for each",
  record: "a map of keys: { key: value }, or a line for each",
};

/** Texts for what a schema has no text of its own for. */
export function messageOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is missing";
      if (issue.input === null) return "is empty. Give it a value, or leave it out";
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return issue.input === undefined
        ? `is missing: one of ${issue.values.map(String).join(", ")}`
        : `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`;
    case "too_small":
      return issue.origin === "array"
        ? "needs at least one item"
        : `must be ${issue.minimum} or more`;
    case "too_big":
      return `must be ${issue.maximum} or less`;
    default:
      return undefined;
  }
}

/** @param keysAt the keys that the schema has at a path, for a proposal */
export function issuesOf(
  error: z.ZodError,
  keysAt: (path: readonly PropertyKey[]) => readonly string[],
): readonly Issue[] {
  return error.issues.flatMap((issue): readonly Issue[] => {
    const { code, path, message } = issue;
    if (code === "invalid_key") return [{ path, message: issue.issues[0]?.message ?? message }];
    if (code !== "unrecognized_keys") return [{ path, message }];
    const known = keysAt(path);
    return issue.keys.map((key) => {
      const near = shownKey(key) === key ? nearest(key, known) : undefined;
      const advice =
        near === undefined ? `Known here: ${known.join(", ")}` : `Did you mean ${near}?`;
      return { path: [...path, key], message: `is not a key of the configuration. ${advice}` };
    });
  });
}

/** A path as people write it: `services.openai.routes[2].price`. */
export const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      return `${index === 0 ? "" : "."}${shownKey(String(part))}`;
    })
    .join("");

/** One sentence, with its full stop. */
export const sentence = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`);
