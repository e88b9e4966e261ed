/** The tables of the page of caveats: up to date, and with a row for each condition. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TABLE } from "../packages/l8nt/src/caveat/conditions/table.ts";
import { withTables } from "./condition-tables.ts";

const page = readFileSync(new URL("../spec/2-caveats.md", import.meta.url), "utf8");

test("the page says of the conditions what the code says", () => {
  expect(withTables(page)).toBe(page);
  const rows = page.split("<!-- conditions: generated -->")[1]!.match(/^\| `/gm);
  expect(rows!.length).toBeGreaterThanOrEqual(TABLE.length);
});

test("a row that was changed by hand is found", () => {
  expect(withTables(page.replace("now ≥ value", "now > value"))).toBe(page);
});

test("a page without the place for a table is refused", () => {
  expect(() => withTables("# nothing")).toThrow("the page lacks");
});
