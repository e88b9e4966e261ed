/** `docs/reference/gateway-configuration.md`, from the schema of the configuration. */
import { schemaText } from "../../packages/sigil/src/gateway/check/schema.ts";
import { code, fence, page, table } from "./markdown.ts";

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
}

/** A row for each key that holds a value, by its path. */
function rowsOf(schema: Schema, path = ""): readonly (readonly string[])[] {
  const { properties, additionalProperties: each, items } = schema;
  if (properties !== undefined)
    return Object.entries(properties).flatMap(([key, one]) =>
      rowsOf(one, path === "" ? key : `${path}.${key}`),
    );
  if (each !== undefined && each !== false && each.properties !== undefined)
    return rowsOf(each, `${path}.NAME`);
  if (items?.properties !== undefined) return [row(schema, path), ...rowsOf(items, `${path}[]`)];
  return [row(schema, path)];
}

function row(schema: Schema, path: string): readonly string[] {
  const { type = "", items, enum: values, description = "" } = schema;
  const kind =
    values?.map(code).join(", ") ?? (items === undefined ? type : `list of ${items.type}`);
  const byDefault = schema.default === undefined ? "" : code(JSON.stringify(schema.default));
  return [code(path), kind.replace("string", "text"), byDefault, description];
}

export const gatewayConfiguration = (): string =>
  page(
    "Configuration of the gateway",
    "The keys of the file that `sigil gateway --config FILE` reads, which is YAML. [The guide](../guides/gateway-configuration.md) explains them. An unknown key, a key that stands twice, an anchor, an alias, a tag and a tab are refused, with the line and the key.",
    table(["key", "type", "default", "meaning"], rowsOf(JSON.parse(schemaText()) as Schema)),
    "## JSON Schema",
    "For editors, which check the file while it is written. `sigil gateway schema` prints it.",
    fence("json", schemaText()),
  );
