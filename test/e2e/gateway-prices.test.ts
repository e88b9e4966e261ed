/** `sigil gateway prices`: what other prices would change, and the file that is made of them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PriceTable } from "../../packages/sigil/src/gateway/prices/table.ts";
import { sigil } from "./support/sigil.ts";

const PACKAGE = resolve(import.meta.dirname, "../../node_modules/@pydantic/genai-prices");

function stage() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-prices-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const data = join(folder, "data.json");
  const model = (id: string, input_mtok: number) => ({
    id,
    match: { equals: id },
    prices: { input_mtok, output_mtok: 2 },
  });
  writeFileSync(
    data,
    JSON.stringify([{ id: "openai", models: [model("a", 1.5), model("new", 4)] }]),
  );
  const file = join(folder, "mine.yaml");
  const old = "date: 2026-09-01\nvendors: { openai: { a: { input: 1, output: 2 }, b: free } }\n";
  return { folder, data, file, old };
}

test("prices diff of the installed package that the program's prices are of shows no change", async () => {
  const { code, stdout } = await sigil([
    ...["gateway", "prices", "diff", "--from", PACKAGE, "--date", "2026-09-23"],
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Prices of @pydantic\/genai-prices [\d.]+, published 2026-09-23:/);
  expect(stdout).toContain("No price changes.");
});

test("prices diff shows each change, in lines that fit, and writes nothing", async () => {
  const { data, file, old } = stage();
  writeFileSync(file, old);
  const flags = ["--from", data, "--date", "2026-11-01", "--prices", file];
  const { stdout } = await sigil(["gateway", "prices", "diff", ...flags], {}, { isTerminal: true });
  expect(stdout).toContain("~ openai a input: 1 -> 1.5\n");
  expect(stdout).toContain("- openai b: no longer listed, so denied\n");
  expect(stdout).toContain("+ openai new: { input: 4, output: 2 }\n");
  for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(readFileSync(file, "utf8")).toBe(old);
  const json = await sigil(["gateway", "prices", "diff", ...flags, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({
    source: "data.json",
    date: "2026-11-01",
    changes: expect.arrayContaining(["~ openai a input: 1 -> 1.5"]),
    leftOut: [],
  });
});

test("prices update writes a file that prices the new model", async () => {
  const { data, file } = stage();
  const flags = ["--from", data, "--date", "2026-11-01", "--prices", file];
  const { code, stdout } = await sigil(["gateway", "prices", "update", ...flags]);
  expect([code, stdout]).toEqual([0, expect.stringContaining("Written.")]);
  const table = PriceTable.read(readFileSync(file, "utf8"));
  expect(table.find("openai", "new")?.line).toBe("openai new of 2026-11-01");
  expect(table.find("openai", "gpt-4.1")).toBeUndefined();
});

test.each([
  ["no verb", [], "Missing verb."],
  ["another verb", ["updat"], "Did you mean update?"],
  ["no source", ["diff"], "Missing --from: a folder that has @pydantic/genai-prices"],
  ["no file to write", ["update", "--from", "x", "--date", "2026-11-01"], "Missing --prices FILE"],
  ["no date", ["diff", "--from", "."], "Missing --date"],
  ["no such date", ["diff", "--from", ".", "--date", "2026-13-01"], "Missing --date"],
  ["no such source", ["diff", "--from", "./none", "--date", "2026-11-01"], "There is no folder"],
  ["another folder", ["diff", "--from", ".", "--date", "2026-11-01"], "is not the package"],
] as const)("prices is refused with what to do: %s", async (_what, args, text) => {
  const { folder } = stage();
  const { code, stderr } = await sigil(["gateway", "prices", ...args]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
  expect(existsSync(join(folder, "mine.yaml"))).toBe(false);
});

test.each([
  [["gateway", "price"], "Did you mean prices?"],
  [["gateway", "--preset", "openai", "--from", "x"], "--from is for sigil gateway prices."],
])("a gateway does not start with what is for prices: %j", async (args, text) => {
  const { code, stderr } = await sigil(args, { OPENAI_API_KEY: "sk-x" });
  expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
});
