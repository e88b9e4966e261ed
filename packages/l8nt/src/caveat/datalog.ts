/**
 * The part of Biscuit's Datalog that conditions are written in, as data. spec/9-public-key.md §3.
 */

export type Term =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "integer"; readonly value: bigint }
  /** Unix seconds. */
  | { readonly kind: "date"; readonly value: bigint }
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "set"; readonly values: readonly Term[] };

export interface Predicate {
  readonly name: string;
  readonly terms: readonly Term[];
}

/** The operators that conditions use, by the names that Biscuit's text form gives them. */
export type Operator = "!" | "<" | "<=" | ">=" | "contains" | "starts_with" | "matches";

/** In the order of a stack machine: operands before their operator. */
export type Step = Term | { readonly kind: "operator"; readonly name: Operator };

export interface Query {
  readonly body: readonly Predicate[];
  readonly expressions: readonly (readonly Step[])[];
}

/** Holds if one of its queries has an answer. */
export interface Check {
  readonly queries: readonly Query[];
}

export const variable = (name: string): Term => ({ kind: "variable", name });
export const text = (value: string): Term => ({ kind: "string", value });
export const integer = (value: bigint): Term => ({ kind: "integer", value });
export const date = (seconds: number): Term => ({ kind: "date", value: BigInt(seconds) });
export const truth: Term = { kind: "bool", value: true };
export const setOf = (values: readonly string[]): Term => ({
  kind: "set",
  values: [...new Set(values)].map(text),
});

export const fact = (name: string, ...terms: readonly Term[]): Predicate => ({ name, terms });

/** A query without expressions, or with one. */
export const query = (body: readonly Predicate[], ...steps: readonly Step[]): Query => ({
  body,
  expressions: steps.length === 0 ? [] : [steps],
});

export const check = (...queries: readonly Query[]): Check => ({ queries });

const operator = (name: Operator): Step => ({ kind: "operator", name });

/** `one.contains(other)`, `one < other` and the like. */
export const apply = (one: Term, name: Exclude<Operator, "!">, other: Term): readonly Step[] => [
  one,
  other,
  operator(name),
];

export const not = (steps: readonly Step[]): readonly Step[] => [...steps, operator("!")];

/** The fact of an access to the credential's own affairs. */
export const OWN_AFFAIRS = fact("own_affairs", truth);

const isMethod = (name: Operator) => /^[a-z]/.test(name);

/** The text of a check, as Biscuit's libraries read and print it. */
export const checkText = ({ queries }: Check): string =>
  `check if ${queries.map(queryText).join(" or ")}`;

export const predicateText = ({ name, terms }: Predicate): string =>
  `${name}(${terms.map(termText).join(", ")})`;

const queryText = ({ body, expressions }: Query): string =>
  [...body.map(predicateText), ...expressions.map(expressionText)].join(", ");

/** @throws TypeError for steps that leave other than one value, which {@link apply} never makes */
function expressionText(steps: readonly Step[]): string {
  const stack: string[] = [];
  for (const step of steps) {
    if (step.kind !== "operator") stack.push(termText(step));
    else if (step.name === "!") stack.push(`!${taken(stack)}`);
    else {
      const other = taken(stack);
      const one = taken(stack);
      stack.push(
        isMethod(step.name) ? `${one}.${step.name}(${other})` : `${one} ${step.name} ${other}`,
      );
    }
  }
  const whole = taken(stack);
  if (stack.length > 0) throw new TypeError("an expression has values left over");
  return whole;
}

function taken(stack: string[]): string {
  const top = stack.pop();
  if (top === undefined) throw new TypeError("an expression lacks a value");
  return top;
}

/** A set in the order of its texts: libraries keep their own order. */
function termText(term: Term): string {
  switch (term.kind) {
    case "variable":
      return `$${term.name}`;
    case "string":
      return `"${term.value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
    case "integer":
      return String(term.value);
    case "date":
      return dateText(term.value);
    case "bytes":
      return `hex:${Array.from(term.value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    case "bool":
      return String(term.value);
    case "set":
      return `{${term.values.map(termText).sort().join(", ")}}`;
  }
}

/** RFC 3339; seconds that no date of four digits has are shown as such. */
function dateText(seconds: bigint): string {
  const year9999 = 253_402_300_799n;
  return seconds > year9999
    ? `date:${seconds}`
    : new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");
}
