/** The OpenAPI 3.1 document of a table of messages. */
import type { Schema } from "./codec.ts";
import type { AnyMessage } from "./message.ts";
import { problem } from "./problem-schema.ts";

export function openApi(location: string, messages: readonly AnyMessage[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const message of messages)
    paths[message.path] = {
      ...paths[message.path],
      [message.method.toLowerCase()]: operation(message),
    };
  return {
    openapi: "3.1.0",
    info: {
      title: "Sigil treasury",
      version: "1",
      description:
        "Buys access for agents within their budgets. An amount is its unit and its value as a decimal string.",
    },
    servers: [{ url: location }],
    paths,
    components: {
      securitySchemes: {
        agent: scheme("A credential of this treasury, or one derived from it"),
        owner: scheme("The owner's credential, or one derived from it"),
      },
      schemas: { Problem: problem.schema },
    },
  };
}

const scheme = (description: string) => ({
  type: "http",
  scheme: "L402",
  description: `${description}: Authorization: L402 <macaroon>:<preimage>`,
});

function operation(message: AnyMessage): object {
  const { method, path, summary, audience, body, answer, contentType } = message;
  const parameters = [
    ...parametersIn("path", message.parameters?.schema),
    ...parametersIn("query", message.query?.schema),
  ];
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    summary,
    ...(audience !== "none" && { security: [{ [audience]: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: content(body.schema) } }),
    responses: {
      200: {
        description: "OK",
        ...(answer !== undefined && { content: content(answer.schema) }),
        ...(contentType !== undefined && { content: content({ type: "string" }, contentType) }),
      },
      default: {
        description: "Refused, or failed",
        content: content({ $ref: "#/components/schemas/Problem" }, "application/problem+json"),
      },
    },
  };
}

function parametersIn(place: "path" | "query", schema: Schema = {}): readonly object[] {
  const { properties = {}, required = [] } = schema as {
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, own]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: own,
  }));
}

const content = (schema: Schema, type = "application/json"): object => ({ [type]: { schema } });
