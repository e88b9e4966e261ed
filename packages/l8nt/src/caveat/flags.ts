/** The command-line flags of a scope, from what the conditions say of their fields. */
import { DOCUMENTED } from "./conditions/texts.ts";
import type { ScopeFlag } from "./flag.ts";
import type { Scope } from "./scope.ts";

export interface ScopeKeyFlag extends ScopeFlag {
  /** The key of the scope that it gives. */
  readonly key: keyof Scope;
}

/** One for each key of a scope that has a flag, in the order in which a scope compiles. */
export const SCOPE_FLAGS: readonly ScopeKeyFlag[] = [
  ...new Map(
    DOCUMENTED.flatMap(({ fields }) => fields).flatMap(({ key, flag }) =>
      flag === undefined ? [] : [[key, { ...flag, key }] as const],
    ),
  ).values(),
];
