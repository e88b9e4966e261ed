/**
 * Which functions are guards, so that two on one route are found before any request, and
 * `/.well-known/l402` can tell where each stands.
 */
import { pathPatternOf } from "./path-pattern.ts";
import type { Route } from "./route.ts";
import { isCounting, sameTerms } from "./terms.ts";

const guards = new WeakMap<object, readonly Route[]>();

const routesOf = (handler: unknown): readonly Route[] =>
  typeof handler === "function" ? (guards.get(handler) ?? []) : [];

/**
 * Notes that a function is a guard.
 *
 * @param inner the handler that it stands around, which may be one as well
 * @throws TypeError if both sell what is counted, on different terms
 */
export function asGuard<F extends object>(guard: F, route: Route, inner?: unknown): F {
  const all = [route, ...routesOf(inner)];
  checkTermsAgree(all, "This handler");
  guards.set(guard, all);
  return guard;
}

/** @throws TypeError if two handlers of one route sell what is counted, on different terms */
export const checkGuards = (handlers: readonly unknown[], where: string): void =>
  checkTermsAgree(handlers.flatMap(routesOf), where);

/** A guard that is free, or whose credentials count nothing, may stand beside another one. */
function checkTermsAgree(routes: readonly Route[], where: string): void {
  const [first, ...others] = routes.map(({ terms }) => terms).filter(isCounting);
  if (first === undefined || others.every((other) => sameTerms(first, other))) return;
  throw new TypeError(
    `${where} is guarded by two paid() on different terms, so that its price is not known. Remove one of the two, or give both the same terms.`,
  );
}

/** A handler of an app, at one method and path. */
export interface Place {
  readonly handler: unknown;
  /** In upper case, or `*` for any. */
  readonly method: string;
  /** As the router has it; undefined if that is not known. */
  readonly path: unknown;
}

/** Tells discovery where the guards of an app stand. */
export function listGuards(places: Iterable<Place>): void {
  const methods = new Map<Route, Map<unknown, string[]>>();
  for (const { handler, method, path } of places)
    for (const route of routesOf(handler)) {
      const paths = methods.get(route) ?? new Map<unknown, string[]>();
      methods.set(route, paths.set(path, [...(paths.get(path) ?? []), method]));
    }
  for (const [route, paths] of methods)
    for (const [path, its] of paths) route.listAt(pathPatternOf([...new Set(its)], path));
}
