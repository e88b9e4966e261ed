/** The OpenAPI 3.1 document of a table of routes. */

import { problem, type Schema } from "../wire/schema.ts";
import type { Route } from "./routes.ts";

const SCHEME_OF = { agent: "agent", owner: "owner" } as const;

export function openApi(location: string, routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  return {
    openapi: "3.1.0",
    info: {
      title: "Sigil treasury",
      version: "1",
      description:
        "Buys access for agents within their budgets. Amounts are decimal strings of msat.",
    },
    servers: [{ url: location }],
    paths,
    components: {
      securitySchemes: {
        agent: scheme("A credential of this treasury, or one derived from it"),
        owner: scheme("The owner's credential, or one derived from it"),
      },
      schemas: { Problem: problem },
    },
  };
}

const scheme = (description: string) => ({
  type: "http",
  scheme: "L402",
  description: `${description}: Authorization: L402 <macaroon>:<preimage>`,
});

function operation({
  method,
  path,
  summary,
  credential,
  query = {},
  body,
  answer,
  contentType,
}: Route): object {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const parameters = [
    ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...Object.entries(query).map(([name, schema]) => ({
      name,
      in: "query",
      required: false,
      schema,
    })),
  ];
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    summary,
    ...(credential !== "none" && { security: [{ [SCHEME_OF[credential]]: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: content(body) } }),
    responses: {
      200: {
        description: "OK",
        ...(answer !== undefined && { content: content(answer, contentType) }),
      },
      default: {
        description: "Refused, or failed",
        content: content({ $ref: "#/components/schemas/Problem" }, "application/problem+json"),
      },
    },
  };
}

const content = (schema: Schema, type = "application/json"): object => ({ [type]: { schema } });
