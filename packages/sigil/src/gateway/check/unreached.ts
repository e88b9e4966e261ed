/** Routes that get no request, or none with some method, because earlier ones take all of them. */
import type { Rule } from "../routes.ts";
import { coversPath, pathBeside } from "./overlap.ts";

export type Pattern = Pick<Rule, "methods" | "path">;

export interface Unreached {
  /** Of the route in the list. */
  readonly index: number;
  /** Methods that it never gets; undefined: it gets no request at all. */
  readonly methods: readonly string[] | undefined;
  /** Those that take its requests. */
  readonly before: readonly number[];
}

/**
 * Finds every such route. A route that is narrower, or as wide, and names its methods may well
 * stand before one for the other methods, so that is not reported.
 */
export function unreached(rules: readonly Pattern[]): readonly Unreached[] {
  return rules.flatMap(({ methods, path }, index): readonly Unreached[] => {
    const earlier = rules.slice(0, index).map((rule, at) => ({ ...rule, at }));
    const named = [...new Set(earlier.flatMap((rule) => rule.methods ?? []))];
    // Undefined stands for every method that no route names.
    const all = methods ?? [...named, undefined];
    const taken = all.map((method) => ({
      method,
      before: takers(
        earlier.filter((rule) => rule.methods === undefined || isIn(rule.methods, method)),
        path,
      ),
    }));
    const lost = taken.filter(({ before }) => before.length > 0);
    if (lost.length === all.length)
      return [{ index, methods: undefined, before: indexesOf(lost.flatMap((one) => one.before)) }];
    const wider = lost.flatMap(({ method, before }) => {
      const still = takers(
        before.filter((rule) => !coversPath(path, rule.path)),
        path,
      );
      return method === undefined || still.length === 0 ? [] : [{ method, before: still }];
    });
    if (wider.length === 0) return [];
    return [
      {
        index,
        methods: wider.map(({ method }) => method),
        before: indexesOf(wider.flatMap((one) => one.before)),
      },
    ];
  });
}

/** Texts for their owner. */
export const warningsOf = (rules: readonly Pattern[]): readonly string[] =>
  unreached(rules).map(({ index, methods, before }) => {
    const what = `${textOf(rules[index]!)} is never reached${methods === undefined ? "" : ` by ${methods.join(" or ")}`}`;
    const others = before.map((at) => textOf(rules[at]!)).join(" and ");
    return `${what}: ${others} ${before.length === 1 ? "stands" : "stand"} before it. Put it first, or take it out`;
  });

/** A route's methods and path as its owner writes them. */
export const textOf = ({ methods, path }: Pattern): string =>
  `${methods?.join("|") ?? "*"} ${path}`;

interface Earlier extends Pattern {
  readonly at: number;
}

/** As few of the routes as take every path of a pattern together; none if they do not. */
function takers(earlier: readonly Earlier[], path: string): readonly Earlier[] {
  const take = (some: readonly Earlier[]) =>
    pathBeside(
      some.map((one) => one.path),
      path,
    ) === undefined;
  if (earlier.length === 0 || !take(earlier)) return [];
  const one = earlier.find((rule) => take([rule]));
  if (one !== undefined) return [one];
  let few = earlier;
  for (const rule of earlier) {
    const fewer = few.filter((other) => other !== rule);
    if (take(fewer)) few = fewer;
  }
  return few;
}

const isIn = (methods: readonly string[], method: string | undefined): boolean =>
  method !== undefined && methods.includes(method);

const indexesOf = (rules: readonly Earlier[]): readonly number[] =>
  [...new Set(rules.map(({ at }) => at))].sort((a, b) => a - b);
