/** The messages of the HTTP APIs as a Python module of TypedDicts, from their OpenAPI documents. */
import { decimal } from "../../packages/l8nt/src/wire/amount.ts";
import { count, hash, nodeId } from "../../packages/l8nt/src/wire/codec.ts";
import { serviceDiscovery } from "../../packages/l8nt/src/wire/discovery.ts";
import { treePlace } from "../../packages/l8nt/src/wire/nodes.ts";
import { openApi } from "../../packages/l8nt/src/wire/openapi.ts";
import { errorCode, instant } from "../../packages/l8nt/src/wire/problem-schema.ts";
import { revocation } from "../../packages/l8nt/src/wire/revocation.ts";
import { AGENT_MESSAGES } from "../../packages/l8nt/src/wire/treasury.ts";

export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly (string | number)[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: { readonly 200: { readonly content?: Content } };
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** The message of an operation, and the names of what goes in and comes out. */
interface Names {
  readonly message: string;
  readonly query?: string;
  readonly body?: string;
  readonly answer?: string;
}

const OPERATIONS: Readonly<Record<string, Names>> = {
  getWellKnownL402: { message: "DISCOVERY", answer: "Discovery" },
  getV1OpenapiJson: { message: "" },
  postV1Purchases: { message: "PURCHASE", body: "PurchaseRequest", answer: "PurchaseAnswer" },
  postV1Answered: { message: "ANSWERED", body: "AnsweredRequest", answer: "AnsweredAnswer" },
  postWellKnownL402Revocations: {
    message: "REVOCATION",
    body: "RevocationRequest",
    answer: "RevocationAnswer",
  },
  getV1Credential: { message: "STANDING", answer: "StandingAnswer" },
  getV1Tree: { message: "TREE", query: "TreeQuery", answer: "TreePage" },
  getV1Receipts: { message: "RECEIPTS", query: "ReceiptQuery", answer: "ReceiptPage" },
};

/** Names of texts and numbers that a rule limits. */
const RULED: Readonly<Record<string, Schema>> = {
  Code: errorCode.schema,
  Count: count().schema,
  Decimal: decimal.schema,
  Hash: hash.schema,
  Instant: instant.schema,
  NodeId: nodeId.schema,
  TreePlace: treePlace.schema,
};

/** Names of the objects in them, by the field that holds one or a list of them. */
const FIELDS: Readonly<Record<string, string>> = {
  amount: "Amount",
  fee: "Amount",
  free: "FreeQuota",
  grants: "Grants",
  limits: "Standing",
  node: "ProblemNode",
  nodes: "NodeStanding",
  payment: "PaymentSummary",
  receipts: "ReceiptRow",
  refusals: "ProblemRefusal",
  refused: "RefusedCredential",
  routes: "PaidRoute",
  spent: "Amount",
};

const SIMPLE: Readonly<Record<string, string>> = {
  boolean: "bool",
  integer: "int",
  null: "None",
  number: "float",
  string: "str",
};

const rulesOf = ({ pattern, minimum, maximum }: Schema): string =>
  JSON.stringify([pattern, minimum, maximum]);

/** What Python checks of a named text or number. */
function ruledType({ type = "", pattern, minimum, maximum }: Schema): string {
  const rule =
    pattern === undefined
      ? `within(${minimum}, ${maximum})`
      : `matches(r"${pattern.replace(/^\^|\$$/g, "")}")`;
  return `Annotated[${SIMPLE[type]}, ${rule}]`;
}

/** TypedDicts and messages, each after those that it uses. */
class Types {
  readonly #texts = new Map<string, string>();
  readonly #ruled = new Set<string>();
  readonly messages: string[] = [];

  /**
   * The Python type of a schema. What is sent has no rules: its reader checks it.
   *
   * @throws Error for an object, or a rule, without a name
   */
  of(schema: Schema, field: string, isSent: boolean): string {
    const { type = "", items, prefixItems, properties } = schema;
    const choices = schema.oneOf ?? schema.anyOf;
    const own = (one: Schema) => this.of(one, field, isSent);
    if (schema.enum !== undefined)
      return `Literal[${schema.enum.map((one) => JSON.stringify(one)).join(", ")}]`;
    if (choices !== undefined) return choices.map(own).join(" | ");
    if (prefixItems !== undefined) return `tuple[${prefixItems.map(own).join(", ")}]`;
    if (items !== undefined) return `Sequence[${own(items)}]`;
    if (properties !== undefined) return this.named(FIELDS[field], schema, field, isSent);
    if (type === "object") return "Mapping[str, object]";
    const simple = SIMPLE[type];
    if (simple === undefined) throw new Error(`field "${field}" has a schema that no type is for`);
    return isSent ? simple : (this.#ruledName(schema, field) ?? simple);
  }

  #ruledName(schema: Schema, field: string): string | undefined {
    const rules = rulesOf(schema);
    if (rules === rulesOf({})) return undefined;
    const [name] = Object.entries(RULED).find(([, known]) => rulesOf(known) === rules) ?? [];
    if (name === undefined) throw new Error(`the rule of "${field}" ${NEEDS_A_NAME}`);
    this.#ruled.add(name);
    return name;
  }

  /** Declares an object under a name, once. @throws Error for two objects of one name */
  named(
    name: string | undefined,
    schema: Schema,
    what: string,
    isSent: boolean,
    about?: string,
  ): string {
    if (!name) throw new Error(`"${what}" ${NEEDS_A_NAME}`);
    const { properties = {}, required = [] } = schema;
    const lines = Object.entries(properties).map(([field, own]) => {
      const type = this.of(own, field, isSent);
      return `    ${field}: ${required.includes(field) ? type : `NotRequired[${type}]`}\n`;
    });
    const doc = about === undefined ? "" : `    """${about}."""\n\n`;
    const text = `class ${name}(TypedDict):\n${doc}${lines.join("")}`;
    const known = this.#texts.get(name);
    if (known !== undefined && known !== text)
      throw new Error(`"${what}" has the name ${name}, and so has another object`);
    this.#texts.set(name, text);
    return name;
  }

  add({ paths, components }: Document): void {
    for (const [name, schema] of Object.entries(components.schemas))
      this.named(name, schema, name, false, "Problem details of a refusal (RFC 9457)");
    for (const [path, methods] of Object.entries(paths))
      for (const [method, operation] of Object.entries(methods))
        this.#operation(path, method.toUpperCase(), operation);
  }

  #operation(path: string, method: string, operation: Operation): void {
    const { operationId, requestBody, responses } = operation;
    const names = OPERATIONS[operationId];
    const about = `\`\`${method} ${path}\`\``;
    const part = (what: "query" | "body" | "answer", schema: Schema | undefined) =>
      schema?.properties === undefined
        ? "None"
        : this.named(
            names?.[what],
            schema,
            `${what} of ${operationId}`,
            what !== "answer",
            `The ${what} of ${about}`,
          );
    const query = part("query", queryOf(operation));
    const body = part("body", jsonOf(requestBody?.content));
    const answer = part("answer", jsonOf(responses[200].content));
    if (names?.message)
      this.messages.push(
        wrapped(
          `${names.message}: Final[Message[${query}, ${body}, ${answer}]] = Message(`,
          `"${method}", "${path}", ${answer}`,
        ),
      );
  }

  get texts(): readonly string[] {
    return [...this.#texts.values()];
  }

  get ruled(): readonly string[] {
    return [...this.#ruled].sort().map((name) => `${name} = ${ruledType(RULED[name]!)}`);
  }
}

const MAX_COLUMNS = 100;

/** A call as ruff formats it. */
const wrapped = (before: string, given: string): string =>
  before.length + given.length + 1 > MAX_COLUMNS
    ? `${before}\n    ${given}\n)`
    : `${before}${given})`;

const NEEDS_A_NAME = "needs a name in scripts/python/types.ts";

const jsonOf = (content: Content | undefined): Schema | undefined =>
  content?.["application/json"]?.schema;

function queryOf({ parameters = [] }: Operation): Schema | undefined {
  const asked = parameters.filter((one) => one.in === "query");
  if (asked.length === 0) return undefined;
  return {
    properties: Object.fromEntries(asked.map(({ name, schema }) => [name, schema])),
    required: asked.filter(({ required }) => required).map(({ name }) => name),
  };
}

/** The text of a module with the messages of these documents. */
export function pythonTypesOf(documents: readonly Document[]): string {
  const types = new Types();
  for (const document of documents) types.add(document);
  const { ruled, messages } = types;
  const parts = [types.texts.join("\n\n"), messages.join("\n")].filter((text) => text !== "");
  const text = parts.join("\n\n");
  const all = [...ruled, text].join("\n");
  const uses = (name: string) => new RegExp(`\\b${name}[[(]`).test(all);
  const from = (module: string, names: readonly string[]) =>
    names.some(uses) ? [`from ${module} import ${names.filter(uses).join(", ")}`] : [];
  const imports = [
    ...from("collections.abc", ["Mapping", "Sequence"]),
    ...from("typing", ["Annotated", "Final", "Literal"]),
  ].join("\n");
  const extensions = ["NotRequired"].filter(uses);
  const own = from(".reading", ["Message", "matches", "within"]);
  return `"""The messages of a treasury and of a service, as they are in JSON. Amounts are decimal texts.

Generated from packages/l8nt/src/wire by \`npm run reference\`. Do not edit.
"""

${imports}

from typing_extensions import ${[...extensions, "TypedDict"].join(", ")}
${own.length > 0 ? `\n${own.join("\n")}\n` : ""}${ruled.length > 0 ? `\n${ruled.join("\n")}\n` : ""}

${text}${text.endsWith("\n") ? "" : "\n"}`;
}

/** The OpenAPI documents of a treasury, as agents use it, and of a service. */
export const openApiDocuments = (): readonly Document[] => [
  openApi(
    "",
    AGENT_MESSAGES.filter(({ path }) => !path.startsWith("/.well-known/")),
  ) as Document,
  openApi("", [serviceDiscovery, revocation]) as Document,
];

/** The text of `clients/python/src/l8nt/wire/_types.py`. */
export const pythonTypes = (): string => pythonTypesOf(openApiDocuments());
