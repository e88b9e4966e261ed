/** Runs the tutorials as they stand: their files, their commands, and what they say is printed. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { follow } from "./reader.ts";

const folder = resolve(import.meta.dirname, "../../docs/tutorials");
const pages = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "index.md");
// `npm run test:python` runs these: they need an environment with packages of Python.
const ofPython = pages.filter((name) => name.startsWith("python-"));

test.each(pages.filter((name) => !ofPython.includes(name)))("%s goes as it says", async (name) => {
  await follow(readFileSync(join(folder, name), "utf8"));
});

test("there is a tutorial for each page that the index names", () => {
  const index = readFileSync(join(folder, "index.md"), "utf8");
  const named = [...index.matchAll(/\]\(([^)]+\.md)\)/g)].map(([, name]) => name);
  expect(pages.toSorted()).toEqual(named.toSorted());
});
