/** Real-shaped requests, answers and streams of each vendor, with what they come to. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Edit } from "../body/edit.ts";
import { type Usage, usageOf } from "../usage.ts";
import { ask, meterOf } from "./fixtures/ask.ts";
import { PRESETS } from "./index.ts";
import type { Asked } from "./preset.ts";
import { RequestRefused } from "./refused.ts";

interface Case {
  readonly name: string;
  readonly route: string;
  readonly allow?: Readonly<Record<string, number>>;
  readonly request: unknown;
  readonly refused?: string;
  readonly isStream?: boolean;
  readonly bound?: Readonly<Record<string, unknown>>;
  readonly cap?: unknown;
  readonly edits?: readonly Edit[];
  readonly answer?: unknown;
  readonly events?: readonly unknown[];
  readonly dropped?: readonly number[];
  readonly usage?: Partial<Usage> | null;
}

const folder = new URL("./vectors/", import.meta.url);
const files = readdirSync(folder).map((file) => {
  const { source, cases } = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
  return { name: file.replace(".json", ""), source: source as string, cases: cases as Case[] };
});

const askVector = (preset: string, { route, request, allow = {} }: Case): Asked =>
  ask(preset, pathOf(route), request, { tools: allow, fields: [] });
const pathOf = (route: string): string => route.replace(/^POST /, "");

function refusalOf(preset: string, vector: Case): string {
  try {
    askVector(preset, vector);
  } catch (error) {
    if (error instanceof RequestRefused) return error.code;
    throw error;
  }
  return "nothing";
}

/** "window" is what only the context window bounds, and null is nothing. */
const expected = (value: unknown): unknown =>
  value === "window" ? Number.POSITIVE_INFINITY : (value ?? undefined);

describe.each(files)("$name", ({ name: preset, source, cases }) => {
  test("its vectors say where they are from", () => {
    expect(source).toMatch(/\d+\.\d+\.\d+ \(npm\)/);
  });

  test.each(cases.filter(({ refused }) => refused !== undefined))("refuses $name", (vector) => {
    expect(refusalOf(preset, vector)).toBe(vector.refused);
  });

  test.each(cases.filter(({ refused }) => refused === undefined))("$name", (vector) => {
    const asked = askVector(preset, vector);
    const meter = meterOf(preset, pathOf(vector.route));
    for (const [name, value] of Object.entries(vector.bound ?? {}))
      expect({ [name]: asked.bound[name as keyof typeof asked.bound] }).toEqual({
        [name]: expected(value),
      });
    if (vector.edits !== undefined) expect(asked.edits).toEqual(vector.edits);
    if (vector.cap !== undefined) expect(asked.cap).toEqual(vector.cap);
    if (vector.isStream !== undefined) expect(asked.isStream).toBe(vector.isStream);
    const usage = vector.usage ? usageOf(vector.usage) : undefined;
    if (vector.answer !== undefined)
      expect(meter.reader(asked).whole(vector.answer)).toEqual(usage);
    if (vector.events !== undefined) {
      expect(asked.isStream).toBe(true);
      const reader = meter.reader(asked);
      const dropped = vector.events.flatMap((event, index) => {
        const data = typeof event === "string" ? event : JSON.stringify(event);
        return reader.event(data) === "drop" ? [index] : [];
      });
      expect(dropped).toEqual(vector.dropped ?? []);
      expect(reader.usage).toEqual(usage);
    }
  });
});

test("every metered route has a vector", () => {
  const covered = new Set(
    files.flatMap(({ name, cases }) => cases.map(({ route }) => meterOf(name, pathOf(route)))),
  );
  for (const { name, routes } of PRESETS.values())
    for (const { path, meter } of routes)
      if (typeof meter === "object") expect([name, path, covered.has(meter)]).toContain(true);
});
