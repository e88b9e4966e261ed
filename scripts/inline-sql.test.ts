/** The module that the SQL of the Postgres store is inlined in. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { law, tables } from "../packages/l8nt/src/stores/postgres/sql.generated.ts";
import { moduleOf } from "./inline-sql.ts";

const sql = (name: string) =>
  readFileSync(
    new URL(`../packages/l8nt/src/stores/postgres/${name}.sql`, import.meta.url),
    "utf8",
  );

test.each([
  ["tables", tables],
  ["law", law],
])("the inlined text is that of %s.sql", (name, inlined) => {
  expect(inlined).toBe(`\n${sql(name)}`);
});

test("a text with backticks, backslashes and placeholders is the same once inlined", async () => {
  const text = ["SELECT '`$", "{x}` \\n \\\\' AS $law$;\n"].join("");
  const module = moduleOf({ text });
  expect(await import(`data:text/javascript,${encodeURIComponent(module)}`)).toMatchObject({
    text: `\n${text}`,
  });
});
