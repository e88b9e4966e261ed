/** Whether a path is spelled as its route is. spec/3-challenge.md §5. */

/**
 * Whether `path` has the case and the slashes of the `pattern` that a router matched with it.
 * Routers that ignore them serve one handler at several paths, of which a price function may know
 * one.
 *
 * @param pattern as Fastify writes it: `/items/:id`, `/files/*`, `/at/:hour(^[0-9]+$)h`
 */
export function isSpelledAs(pattern: string, path: string): boolean {
  // The root of a scope, which is there with and without its slash.
  if (pattern === "/" || pattern === "") return true;
  const wanted = pattern.replace(EXPRESSION, "").split("/");
  const given = path.split("/");
  const isOptional = wanted.at(-1)!.endsWith("?");
  for (const [at, segment] of wanted.entries()) {
    const star = segment.indexOf("*");
    // From here on any number of segments may follow.
    if (star >= 0) return startsAs(segment.slice(0, star), given[at]);
    const colon = segment.indexOf(":");
    if (colon < 0 && !isSame(segment, given[at])) return false;
    const mayMiss = isOptional && at === wanted.length - 1 && given[at] === undefined;
    if (colon > 0 && !mayMiss && !startsAs(segment.slice(0, colon), given[at])) return false;
  }
  return given.length === wanted.length || (isOptional && given.length === wanted.length - 1);
}

/** A regular expression that a parameter has to match, which may hold one more pair of brackets. */
const EXPRESSION = /\((?:[^()]|\([^()]*\))*\)/g;

const isSame = (segment: string, given: string | undefined): boolean =>
  given === segment || (given !== undefined && decoded(given) === segment);

const startsAs = (start: string, given: string | undefined): boolean =>
  given !== undefined && (given.startsWith(start) || (decoded(given)?.startsWith(start) ?? false));

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
