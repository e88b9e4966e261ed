/** How the clients of a vendor expect an error. */
import type { Json } from "../body/edit.ts";

/** What a denial says, whatever the vendor. */
export interface DenialFacts {
  /** 402 for budgets and prices, 403 for scope; never 409, 422, 429 or 5xx for those. */
  readonly status: number;
  /** For programs: `budget_exhausted`. */
  readonly code: string;
  /** A few words: "Budget exhausted". */
  readonly title: string;
  /** For people: which node, what was needed, what is left, and when there is more. */
  readonly detail: string;
  /** Further members of the problem document: `node`, `need`, `left`, `resets_at`. */
  readonly members?: Readonly<Record<string, Json>>;
}

export interface Dialect {
  readonly name: "openai" | "anthropic" | "google" | "ollama" | "problem";
  /** The body of a denial, in the vendor's own shape. */
  denial(facts: DenialFacts): { readonly body: string; readonly contentType: string };
  /** The bytes that end a stream with an error. */
  streamError(facts: DenialFacts): string;
}

/** The members of a problem document that go beside a vendor's own. */
export const problemMembers = (facts: DenialFacts): Readonly<Record<string, Json>> => ({
  ...facts.members,
  title: facts.title,
  status: facts.status,
  detail: facts.detail,
  code: facts.code,
});

/**
 * JSON in one line for every reader of lines. Python's `splitlines` also ends a line at these
 * characters, which JSON leaves as they are.
 */
export const lineOf = (value: Json): string =>
  JSON.stringify(value).replace(
    /[\x85\u2028\u2029]/g,
    (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
