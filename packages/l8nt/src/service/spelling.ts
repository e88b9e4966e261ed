/** Whether a path is spelled as its route is. spec/3-challenge.md §5. */

/**
 * Whether `path` has the case and the slashes of the `pattern` that a router matched with it.
 * Routers that ignore them serve one handler at several paths, of which a price function may know
 * one.
 *
 * @param pattern as Express and Fastify write it: `/items/:id`, `/files/*rest`
 */
export function isSpelledAs(pattern: string, path: string): boolean {
  // The root of a mounted router, which is there with and without its slash.
  if (pattern === "/" || pattern === "") return true;
  const wanted = pattern.split("/");
  const given = path.split("/");
  for (const [at, segment] of wanted.entries()) {
    // From here on any number of segments may follow.
    if (/[*{(?+]/.test(segment)) return true;
    if (!segment.includes(":") && !isSame(segment, given[at])) return false;
  }
  return given.length === wanted.length;
}

function isSame(segment: string, given: string | undefined): boolean {
  if (given === undefined || given === segment) return given === segment;
  try {
    return decodeURIComponent(given) === segment;
  } catch {
    return false;
  }
}
