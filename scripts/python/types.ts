/** The messages of the HTTP APIs as a Python module of TypedDicts, from their OpenAPI documents. */
import { serviceDiscovery } from "../../packages/l8nt/src/wire/discovery.ts";
import { openApi } from "../../packages/l8nt/src/wire/openapi.ts";
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
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly requestBody?: { readonly content: Content };
  readonly responses: { readonly 200: { readonly content?: Content } };
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** Names of what goes in and comes out, by the operation. */
const OPERATIONS: Readonly<Record<string, readonly [body: string, answer: string]>> = {
  getWellKnownL402: ["", "Discovery"],
  getV1OpenapiJson: ["", ""],
  postV1Purchases: ["PurchaseRequest", "PurchaseAnswer"],
  postV1Answered: ["AnsweredRequest", "AnsweredAnswer"],
  postWellKnownL402Revocations: ["RevocationRequest", "RevocationAnswer"],
  getV1Credential: ["", "StandingAnswer"],
  getV1Tree: ["", "TreePage"],
  getV1Receipts: ["", "ReceiptPage"],
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

/** TypedDicts by name, each after those that it uses. */
class Types {
  readonly #texts = new Map<string, string>();

  /** The Python type of a schema. @throws Error for an object without a name */
  of(schema: Schema, field: string): string {
    const { type = "", items, prefixItems, properties } = schema;
    const choices = schema.oneOf ?? schema.anyOf;
    if (schema.enum !== undefined)
      return `Literal[${schema.enum.map((one) => JSON.stringify(one)).join(", ")}]`;
    if (choices !== undefined) return choices.map((one) => this.of(one, field)).join(" | ");
    if (prefixItems !== undefined)
      return `tuple[${prefixItems.map((one) => this.of(one, field)).join(", ")}]`;
    if (items !== undefined) return `Sequence[${this.of(items, field)}]`;
    if (properties !== undefined) return this.named(FIELDS[field], schema, field);
    if (type === "object") return "Mapping[str, object]";
    const simple = SIMPLE[type];
    if (simple === undefined) throw new Error(`field "${field}" has a schema that no type is for`);
    return simple;
  }

  /** Declares an object under a name, once. @throws Error for two objects of one name */
  named(name: string | undefined, schema: Schema, what: string, about?: string): string {
    if (!name) throw new Error(`"${what}" needs a name in scripts/python/types.ts`);
    const { properties = {}, required = [] } = schema;
    const lines = Object.entries(properties).map(([field, own]) => {
      const type = this.of(own, field);
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
      this.named(name, schema, name, "Problem details of a refusal (RFC 9457)");
    for (const [path, methods] of Object.entries(paths))
      for (const [method, operation] of Object.entries(methods)) {
        const { operationId, requestBody, responses } = operation;
        const names = OPERATIONS[operationId];
        const about = `\`\`${method.toUpperCase()} ${path}\`\``;
        for (const [at, part, content] of [
          [0, "body", requestBody?.content],
          [1, "answer", responses[200].content],
        ] as const) {
          const schema = content?.["application/json"]?.schema;
          if (schema?.properties === undefined) continue;
          this.named(names?.[at], schema, `${part} of ${operationId}`, `The ${part} of ${about}`);
        }
      }
  }

  get texts(): readonly string[] {
    return [...this.#texts.values()];
  }
}

/** The text of a module with the messages of these documents. */
export function pythonTypesOf(documents: readonly Document[]): string {
  const types = new Types();
  for (const document of documents) types.add(document);
  const text = types.texts.join("\n\n");
  const uses = (name: string) => new RegExp(`\\b${name}\\[`).test(text);
  const abc = ["Mapping", "Sequence"].filter(uses);
  const extensions = ["NotRequired"].filter(uses);
  const imports = [
    ...(abc.length > 0 ? [`from collections.abc import ${abc.join(", ")}`] : []),
    ...(uses("Literal") ? ["from typing import Literal"] : []),
  ].join("\n");
  return `"""The messages of a treasury and of a service, as they are in JSON. Amounts are decimal texts.

Generated from packages/l8nt/src/wire by \`npm run reference\`. Do not edit.
"""

from __future__ import annotations

${imports}

from typing_extensions import ${[...extensions, "TypedDict"].join(", ")}


${text}`;
}

/** The text of \`clients/python/src/l8nt/wire/_types.py\`. */
export const pythonTypes = (): string =>
  pythonTypesOf([
    openApi(
      "",
      AGENT_MESSAGES.filter(({ path }) => !path.startsWith("/.well-known/")),
    ) as Document,
    openApi("", [serviceDiscovery, revocation]) as Document,
  ]);
