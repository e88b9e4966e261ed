/** The command-line flags of a scope, from the fields of the conditions. */
import { FIELDS } from "./conditions/table.ts";
import type { ScopeFlag } from "./field.ts";
import type { Scope } from "./scope.ts";

export interface ScopeKeyFlag extends ScopeFlag {
  /** The key of the scope that it gives. */
  readonly key: keyof Scope;
}

/** One for each key of a scope that has a flag, in the order in which a scope compiles. */
export const SCOPE_FLAGS: readonly ScopeKeyFlag[] = [
  ...new Map(
    FIELDS.flatMap(({ key, flag }) =>
      flag === undefined ? [] : [[key, { ...flag, key }] as const],
    ),
  ).values(),
];
