/** Names that JSON gives twice in one object. `JSON.parse` keeps the last without a word. */

/** A name with what follows it, any other string, or the begin or end of an object or a list. */
const TOKENS = /("[^"\\]*(?:\\.[^"\\]*)*")([ \t\n\r]*:)?|[{}[\]]/g;

/**
 * The first name that one object of `json` has twice; undefined if there is none. Another parser
 * may take the other value. [case 42]
 *
 * @param json a text that `JSON.parse` takes
 */
export function repeatedName(json: string): string | undefined {
  /** The names so far of each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (const [token, text, colon] of json.matchAll(TOKENS)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (text === undefined) open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(text) as string;
      const names = open.at(-1)!;
      if (names.has(name)) return name;
      names.add(name);
    }
  }
  return undefined;
}
