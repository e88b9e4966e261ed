/** Compiles a scope to caveats: a loop over the fields of the conditions. spec/2-caveats.md §1. */
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Bound } from "./condition.ts";
import { CONDITIONS, FIELDS } from "./conditions/table.ts";
import type { WriteTerms } from "./field.ts";
import type { Scope } from "./scope.ts";
import type { Vocabulary } from "./vocabulary.ts";

export type CompileOptions = Omit<WriteTerms, "what">;

const OPTIONS = { now: true, nonce: true } satisfies Keys<CompileOptions>;

/** The keys of a scope, in the order in which they compile. */
export const SCOPE_KEYS: readonly (keyof Scope)[] = [...new Set(FIELDS.map(({ key }) => key))];

/**
 * The caveats of a scope, in the order in which they are appended.
 *
 * @throws TypeError for a scope that cannot mean what it says: a misspelt key, an amount without a
 * unit, an endpoint that is not a pattern
 */
export function compileScope(scope: Scope, options: CompileOptions): readonly string[] {
  checkKeys(options, OPTIONS, "compileScope");
  if (typeof scope !== "object" || scope === null || Array.isArray(scope))
    throw new TypeError('a scope is an object, such as { budget: "5 usd", expiresIn: "1h" }');
  for (const key of Object.keys(scope)) {
    // A misspelt limit would otherwise be no limit. [case 97]
    if (!(SCOPE_KEYS as readonly string[]).includes(key))
      throw new TypeError(`a scope has no "${key}"; it has ${SCOPE_KEYS.join(", ")}`);
  }
  if (scope.expiresIn !== undefined && scope.expiresAt !== undefined)
    throw new TypeError("a scope has expiresIn or expiresAt, not both");
  return FIELDS.flatMap(({ key, write }) => {
    const value = scope[key];
    return value === undefined ? [] : write(value as never, { ...options, what: `scope.${key}` });
  });
}

/** The bounds that a scope sets: place, time and spending. */
export const boundsOf = (scope: Scope): ReadonlySet<Bound> =>
  new Set(
    CONDITIONS.flatMap(({ bound, fields }) =>
      bound !== undefined && fields.some(({ key }) => scope[key] !== undefined) ? [bound] : [],
    ),
  );

/**
 * Refuses a caveat that a verifier of this vocabulary could not read, before it is signed.
 *
 * @throws TypeError that names the condition. It shows neither the value, which may be a preimage,
 * nor a name that is as long as one.
 */
export function checkCaveats(caveats: readonly string[], vocabulary: Vocabulary): void {
  for (const caveat of caveats) {
    const at = Math.max(caveat.indexOf("="), 0);
    const name = caveat.slice(0, at);
    if (vocabulary.find(name)?.parse(caveat.slice(at + 1)) === undefined)
      throw new TypeError(`cannot read caveat "${name[40] ? "" : name}"`);
  }
}
