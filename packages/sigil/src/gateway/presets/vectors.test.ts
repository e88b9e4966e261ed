/** Real-shaped requests, answers and streams of each vendor, with what they come to. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Edit } from "../body/edit.ts";
import { readJson } from "../body/json-body.ts";
import { type Usage, usageOf } from "../usage.ts";
import { PRESETS } from "./index.ts";
import { matchRoute } from "./match.ts";
import type { Asked, Meter } from "./preset.ts";
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

function meterOf(preset: string, route: string): { meter: Meter; target: URL } {
  const [method = "", path = ""] = route.split(" ");
  const target = new URL(path, "https://gateway.example");
  const match = matchRoute(PRESETS.get(preset)!, method, target.pathname);
  if (typeof match?.route.meter !== "object") throw new Error(`${route} has no meter`);
  return { meter: match.route.meter, target };
}

function ask(preset: string, { route, request, allow }: Case): { meter: Meter; asked: Asked } {
  const { meter, target } = meterOf(preset, route);
  const body = readJson(new TextEncoder().encode(JSON.stringify(request)));
  return { meter, asked: meter.ask(body, target, { tools: allow ?? {}, fields: [] }) };
}

function refusalOf(preset: string, vector: Case): string {
  try {
    ask(preset, vector);
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
    const { meter, asked } = ask(preset, vector);
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
    files.flatMap(({ name, cases }) =>
      cases.map(({ route }) => {
        const [method = "", path = ""] = route.split(" ");
        const { pathname } = new URL(path, "https://gateway.example");
        const match = matchRoute(PRESETS.get(name)!, method, pathname);
        return match?.route.meter;
      }),
    ),
  );
  for (const { name, routes } of PRESETS.values())
    for (const { path, meter } of routes)
      if (typeof meter === "object") expect([name, path, covered.has(meter)]).toContain(true);
});
