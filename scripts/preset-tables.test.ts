/** The tables of the pages of presets: up to date, with a row for each route. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PRESETS } from "../packages/sigil/src/gateway/presets/index.ts";
import { presetPage } from "./preset-tables.ts";

const pageOf = (name: string): string =>
  readFileSync(new URL(`../docs/guides/presets/${name}.md`, import.meta.url), "utf8");

test.each([...PRESETS.values()])("the page of $name has each of its routes", (preset) => {
  const page = pageOf(preset.name);
  expect(presetPage(page, preset)).toBe(page);
  for (const { method, path } of preset.routes)
    expect(page).toContain(method === "*" ? `any method ${path}` : `${method} ${path}`);
});

test("a route that was changed by hand is found", () => {
  const changed = pageOf("openai").replace("POST /v1/embeddings", "POST /v1/embedding");
  expect(presetPage(changed, PRESETS.get("openai")!)).toBe(pageOf("openai"));
});
