/** Which functions are guards, so that two on one route are found before any request. */
import { isCounting, sameTerms, type Terms } from "./terms.ts";

const guards = new WeakMap<object, readonly Terms[]>();

const termsOf = (handler: unknown): readonly Terms[] =>
  typeof handler === "function" ? (guards.get(handler) ?? []) : [];

/**
 * Notes that a function is a guard.
 *
 * @param inner the handler that it stands around, which may be one as well
 * @throws TypeError if both sell what is counted, on different terms
 */
export function asGuard<F extends object>(guard: F, terms: Terms, inner?: unknown): F {
  const all = [terms, ...termsOf(inner)];
  checkTermsAgree(all, "This handler");
  guards.set(guard, all);
  return guard;
}

/** @throws TypeError if two handlers of one route sell what is counted, on different terms */
export const checkGuards = (handlers: readonly unknown[], where: string): void =>
  checkTermsAgree(handlers.flatMap(termsOf), where);

/** A guard that is free, or whose credentials count nothing, may stand beside another one. */
function checkTermsAgree(terms: readonly Terms[], where: string): void {
  const [first, ...others] = terms.filter(isCounting);
  if (first === undefined || others.every((other) => sameTerms(first, other))) return;
  throw new TypeError(
    `${where} is guarded by two paid() on different terms, so that its price is not known. Remove one of the two, or give both the same terms.`,
  );
}
