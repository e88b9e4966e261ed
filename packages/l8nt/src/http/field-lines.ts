/** The lines of a field as they came: `Headers` joins them, so that one could spoil another. */

const kept = new WeakMap<Response, readonly string[]>();

/** @param rawHeaders names and values in turn, as Node has them */
export function keepLines(response: Response, rawHeaders: readonly string[]): void {
  kept.set(response, rawHeaders);
}

/** Keeps for `copy` what is kept for a response. */
export function copyLines(response: Response, copy: Response): void {
  const lines = kept.get(response);
  if (lines !== undefined) kept.set(copy, lines);
}

/** Each line of a field; one line, the joined one, of a `fetch` that does not tell them apart. */
export function linesOf(response: Response, name: string): readonly string[] {
  const raw = kept.get(response);
  if (raw === undefined) return [response.headers.get(name) ?? []].flat();
  return raw.filter((_, at) => at % 2 === 1 && raw[at - 1]!.toLowerCase() === name);
}
