/** What is judged of a JSON text beside its value: how many parts it has, and repeated names. */

/**
 * Whether a text has at most so many members, elements and levels. It need not be JSON. A parser
 * takes fifty times as long for two megabytes of them as for a string of that length.
 */
export function hasFewParts(text: string, most: number): boolean {
  let parts = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (at === -1) return true;
    } else if (PART_BEGINS.has(code) && ++parts > most) return false;
  }
  return true;
}

const QUOTE = 0x22;
/** Of `{`, `[` and `,`. */
const PART_BEGINS: ReadonlySet<number> = new Set([0x7b, 0x5b, 0x2c]);

/**
 * The first name that one object of `json` has twice; undefined if there is none. Another parser
 * may take the other value. Takes time in proportion to the text, of any length. [case 42]
 *
 * @param json a text that `JSON.parse` takes
 */
export function repeatedName(json: string): string | undefined {
  /** The names so far of each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    const token = json[at];
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token === '"') {
      const begin = at;
      at = endOfString(json, begin);
      if (!isBeforeColon(json, at + 1)) continue;
      const name = JSON.parse(json.slice(begin, at + 1)) as string;
      const names = open.at(-1)!;
      if (names.has(name)) return name;
      names.add(name);
    }
  }
  return undefined;
}

/** Where the quote is that ends the string which begins at `begin`; -1 if there is none. */
function endOfString(json: string, begin: number): number {
  for (let end = json.indexOf('"', begin + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let escapes = 0;
    while (json[end - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return end;
  }
  return -1;
}

function isBeforeColon(json: string, from: number): boolean {
  let at = from;
  while (BLANK.has(json[at]!)) at++;
  return json[at] === ":";
}

const BLANK: ReadonlySet<string> = new Set([" ", "\t", "\n", "\r"]);
