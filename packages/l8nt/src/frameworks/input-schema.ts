/**
 * The input of a ready tool as a Standard Schema with a JSON Schema in it, for frameworks that do
 * not accept plain JSON Schema. https://standardschema.dev
 */
import type { ReadyTool } from "../agents/tools.ts";

type JsonObject = Record<string, unknown>;

export interface InputSchema<Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: "l8nt";
    readonly validate: (
      value: unknown,
    ) => { readonly value: Input } | { readonly issues: { message: string }[] };
    readonly jsonSchema: { readonly input: () => JsonObject; readonly output: () => JsonObject };
    readonly types?: { readonly input: Input; readonly output: Input };
  };
}

/** @param parameters an object whose members are required strings, or an empty one */
export function inputSchema<Input>(parameters: ReadyTool<Input>["parameters"]): InputSchema<Input> {
  // A new object each time: the Vercel AI SDK writes into it.
  const schema = () => structuredClone(parameters) as JsonObject & typeof parameters;
  return {
    "~standard": {
      version: 1,
      vendor: "l8nt",
      validate: (value) => {
        const given = (value ?? {}) as JsonObject;
        const wrong = parameters.required.find((key) => typeof given[key] !== "string");
        return wrong === undefined
          ? { value: value as Input }
          : { issues: [{ message: `${wrong} must be a string` }] };
      },
      jsonSchema: { input: schema, output: schema },
    },
  };
}
