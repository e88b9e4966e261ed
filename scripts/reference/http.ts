/** `docs/reference/http.md`, from the messages of the treasury's API and of a service. */
import { serviceDiscovery } from "../../packages/l8nt/src/wire/discovery.ts";
import type { AnyMessage } from "../../packages/l8nt/src/wire/message.ts";
import { openApi } from "../../packages/l8nt/src/wire/openapi.ts";
import { ownerMetrics } from "../../packages/l8nt/src/wire/owner.ts";
import { revocation } from "../../packages/l8nt/src/wire/revocation.ts";
import { AGENT_MESSAGES, OWNER_MESSAGES } from "../../packages/l8nt/src/wire/treasury.ts";
import { code, fence, page, table } from "./markdown.ts";

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly summary: string;
  readonly security?: readonly Json[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Json;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: { readonly 200: { readonly content?: Content } };
}
type Content = Readonly<Record<string, { readonly schema: Json }>>;

/** The members of a schema that documentation shows, one line each; nested ones are indented. */
function outline(schema: Json, indent = ""): readonly string[] {
  const {
    properties,
    required = [],
    items,
    anyOf,
  } = schema as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
    readonly items?: Json;
    readonly anyOf?: readonly Json[];
  };
  if (anyOf !== undefined) return anyOf.flatMap((one) => outline(one, indent));
  if (items !== undefined) return outline(items, indent);
  return Object.entries(properties ?? {}).flatMap(([name, own]) => [
    `${indent}${name}${required.includes(name) ? "" : "?"}: ${typeOf(own)}`,
    ...outline(own, `${indent}  `),
  ]);
}

function typeOf(schema: Json): string {
  const {
    type,
    enum: values,
    const: value,
    items,
    pattern,
    anyOf,
  } = schema as {
    readonly type?: string | readonly string[];
    readonly enum?: readonly unknown[];
    readonly const?: unknown;
    readonly items?: Json;
    readonly pattern?: string;
    readonly anyOf?: readonly Json[];
  };
  if (values !== undefined) return values.map((one) => JSON.stringify(one)).join(" | ");
  if (value !== undefined) return JSON.stringify(value);
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(" | ");
  if (items !== undefined) return `list of ${typeOf(items)}`;
  if (pattern !== undefined) return `string, ${pattern}`;
  return typeof type === "string" ? type : (type?.join(" | ") ?? "any");
}

function section(method: string, path: string, operation: Operation): readonly string[] {
  const { summary, security, parameters = [], requestBody, responses } = operation;
  const who = Object.keys(security?.[0] ?? {})[0];
  const parts = [
    `### ${code(`${method.toUpperCase()} ${path}`)}`,
    `${summary}. Credential: ${who === undefined ? "none" : who === "owner" ? "the owner's" : "an agent's"}.`,
  ];
  if (parameters.length > 0)
    parts.push(
      table(
        ["parameter", "in", "type"],
        parameters.map((one) => [
          code(one.required ? one.name : `${one.name}?`),
          one.in,
          code(typeOf(one.schema)),
        ]),
      ),
    );
  for (const [title, content] of [
    ["Body", requestBody?.content],
    ["Answer", responses[200].content],
  ] as const)
    for (const [type, { schema }] of Object.entries(content ?? {})) {
      const lines = outline(schema);
      parts.push(`${title}: ${code(type)}${lines.length > 0 ? "" : `, ${typeOf(schema)}`}`);
      if (lines.length > 0) parts.push(fence("yaml", lines.join("\n")));
    }
  return parts;
}

function sections(messages: readonly AnyMessage[]): readonly string[] {
  const { paths } = openApi("", messages) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => section(method, path, operation)),
  );
}

export const http = (): string =>
  page(
    "HTTP",
    "A treasury describes its API at `GET /v1/openapi.json` (OpenAPI 3.1); this page is made from the same table. A credential is sent as `Authorization: L402 <macaroon>:<preimage>`. A refusal is problem details (RFC 9457, `application/problem+json`) with a `code` of the [list of errors](errors.md). `name?` is optional. An amount is its unit and its value as a decimal string.",
    "## A treasury, for agents",
    ...sections(AGENT_MESSAGES),
    "## A treasury, for its owner",
    ...sections([...OWNER_MESSAGES, ownerMetrics]),
    "## A service with a paywall",
    "Beside its own routes, a service answers these. [Specification page 3](../../spec/3-challenge.md) has the challenge that it answers with status 402, and [page 7](../../spec/7-revocation-feed.md) the signed feed of revocations.",
    ...sections([serviceDiscovery, revocation]),
  );
