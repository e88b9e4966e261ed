/**
 * The part of Biscuit's Datalog that conditions are written in, as data. spec/9-public-key.md §3.
 */
import { equalBytes } from "../internal/crypto.ts";

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

/** Whether two predicates say the same. The members of a set have any order. */
export const samePredicate = (one: Predicate, other: Predicate): boolean =>
  one.name === other.name && sameLists(one.terms, other.terms, sameTerm);

/**
 * Whether two checks are the same, step by step: as texts, a name with brackets in it could look
 * like more than a name.
 */
export const sameCheck = (one: Check, other: Check): boolean =>
  sameLists(one.queries, other.queries, sameQuery);

const sameQuery = (one: Query, other: Query): boolean =>
  sameLists(one.body, other.body, samePredicate) &&
  sameLists(one.expressions, other.expressions, (steps, others) =>
    sameLists(steps, others, sameStep),
  );

const sameStep = (one: Step, other: Step): boolean =>
  one.kind === "operator"
    ? other.kind === "operator" && one.name === other.name
    : other.kind !== "operator" && sameTerm(one, other);

function sameTerm(one: Term, other: Term): boolean {
  if (one.kind === "set") return other.kind === "set" && sameSet(one.values, other.values);
  if (one.kind === "variable") return other.kind === "variable" && one.name === other.name;
  if (one.kind === "bytes") return other.kind === "bytes" && equalBytes(one.value, other.value);
  return one.kind === other.kind && one.value === other.value;
}

/** Of sets of texts, each once: conditions have no others. */
function sameSet(one: readonly Term[], other: readonly Term[]): boolean {
  const texts = new Set(one.map(textOf));
  const others = new Set(other.map(textOf));
  return (
    texts.size === one.length &&
    others.size === other.length &&
    texts.size === others.size &&
    [...texts].every((text) => text !== undefined && others.has(text))
  );
}

const textOf = (term: Term): string | undefined =>
  term.kind === "string" ? term.value : undefined;

const sameLists = <Item>(
  one: readonly Item[],
  other: readonly Item[],
  same: (one: Item, other: Item) => boolean,
): boolean => one.length === other.length && one.every((item, at) => same(item, other[at]!));
