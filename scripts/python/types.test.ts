/** The Python modules that are made from the code. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { ERRORS } from "../../packages/l8nt/src/error-codes.ts";
import { VOLATILE } from "../../packages/l8nt/src/http/fingerprint.ts";
import { DEFAULT_LIMITS } from "../../packages/l8nt/src/index.ts";
import { count, hash } from "../../packages/l8nt/src/wire/codec.ts";
import { SHOWN, TITLES } from "../../packages/l8nt/src/wire/problem.ts";
import { pythonModules } from "../reference.ts";
import { type Document, pythonTypesOf, type Schema } from "./types.ts";

const root = resolve(import.meta.dirname, "../..");

/** A document whose one operation answers with this. */
const answering = (schema: Schema, operationId = "getV1Credential"): Document => ({
  paths: {
    "/v1/credential": {
      get: {
        operationId,
        summary: "",
        responses: { 200: { content: { "application/json": { schema } } } },
      },
    },
  },
  components: { schemas: {} },
});
const object = (
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
) => ({
  type: "object",
  properties,
  required,
});

test.each(Object.entries(pythonModules()))("%s is current", (path, text) => {
  expect(readFileSync(join(root, path), "utf8"), "npm run reference").toBe(text);
});

test("the module of codes has each code with its class and its status", () => {
  const text = pythonModules()["clients/python/src/l8nt/_codes.py"];
  for (const [name, codes] of Object.entries(ERRORS))
    for (const [code, status] of Object.entries(codes)) {
      expect(text).toContain(`    "${code}": "${name}",\n`);
      expect(text).toContain(`    "${code}": ${status},\n`);
    }
});

test.each<[string, Schema]>([
  ["str", { type: "string" }],
  ["int", { type: "integer" }],
  ["float", { type: "number" }],
  ["bool", { type: "boolean" }],
  ["str | None", { oneOf: [{ type: "string" }, { type: "null" }] }],
  ['Literal["a", "b"]', { enum: ["a", "b"] }],
  ["Sequence[str]", { type: "array", items: { type: "string" } }],
  ["tuple[str, int]", { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }] }],
  ["Mapping[str, object]", { type: "object" }],
])("a field is of type %s", (type, schema) => {
  const text = pythonTypesOf([answering(object({ needed: schema, other: schema }, ["needed"]))]);
  expect(text).toContain(`\n    needed: ${type}\n    other: NotRequired[${type}]\n`);
});

test.each<[string, Schema, string]>([
  ["Count", count().schema, "Count = Annotated[int, within(0, 9007199254740991)]"],
  ["Hash", hash.schema, 'Hash = Annotated[str, matches(r"[0-9a-f]{64}")]'],
])("a field of an answer is checked as %s, and of a body is not", (type, schema, declared) => {
  const text = pythonTypesOf([answering(object({ field: schema }, ["field"]))]);
  expect(text).toContain(`\n    field: ${type}\n`);
  expect(text).toContain(`\n${declared}\n`);
  const content = { "application/json": { schema: object({ field: schema }, ["field"]) } };
  const sent = pythonTypesOf([
    {
      paths: {
        "/v1/answered": {
          post: {
            operationId: "postV1Answered",
            summary: "",
            requestBody: { content },
            responses: { 200: {} },
          },
        },
      },
      components: { schemas: {} },
    },
  ]);
  expect(sent).toContain(`\n    field: ${schema.type === "string" ? "str" : "int"}\n`);
  expect(sent).not.toContain("Annotated");
});

test("a rule without a name is refused", () => {
  const strange = { type: "string", pattern: "^[0-9]$" };
  expect(() => pythonTypesOf([answering(object({ strange }))])).toThrow(
    'the rule of "strange" needs a name',
  );
});

test("each message has its method, its path and the types of what goes in and comes out", () => {
  const text = pythonModules()["clients/python/src/l8nt/wire/_types.py"];
  expect(text).toContain(
    'TREE: Final[Message[TreeQuery, None, TreePage]] = Message("GET", "/v1/tree", TreePage)\n',
  );
  expect(text).toContain(
    'ANSWERED: Final[Message[None, AnsweredRequest, AnsweredAnswer]] = Message(\n    "POST", "/v1/answered", AnsweredAnswer\n)\n',
  );
});

test("an object without a name is refused, and so are two of one name", () => {
  expect(() => pythonTypesOf([answering(object({ strange: object({}) }))])).toThrow(
    '"strange" needs a name',
  );
  expect(() => pythonTypesOf([answering(object({}), "getV1New")])).toThrow(
    '"answer of getV1New" needs a name',
  );
  const two = object({ amount: object({ a: { type: "string" } }), fee: object({}) });
  expect(() => pythonTypesOf([answering(two)])).toThrow('"fee" has the name Amount, and so has');
});

test("the module of tables has TypeScript's limits, and its fields that differ each time", () => {
  const text = pythonModules()["clients/python/src/l8nt/_tables.py"]!;
  for (const value of Object.values(DEFAULT_LIMITS).flat())
    expect(text).toContain(JSON.stringify(value));
  const parts = [...text.matchAll(/^ {4}r"(.*)"$/gm)].map(([, part]) => part);
  expect(parts.join("")).toBe(VOLATILE.source.replace(/\$$/, "\\Z"));
});

test("the module of codes has each title of a status, and the codes that a forger is shown", () => {
  const text = pythonModules()["clients/python/src/l8nt/_codes.py"]!;
  for (const [status, title] of Object.entries(TITLES))
    expect(text).toContain(`    ${status}: "${title}",\n`);
  const shown = text.slice(text.indexOf("SHOWN"));
  expect([...shown.matchAll(/"(ERR_\w+)"/g)].map(([, code]) => code)).toEqual([...SHOWN]);
});
