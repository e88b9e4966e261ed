/** The keys of a JSON text: none twice in one object, and no nesting beyond a limit. */
import { BodyError } from "./error.ts";
import type { Root } from "./root.ts";
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  END,
  OPEN_BRACE,
  OPEN_BRACKET,
  STRING,
  Tokens,
} from "./tokens.ts";

/** Objects and arrays inside each other in a body that is read. */
export const MAX_DEPTH = 64;

/**
 * One spelling for all spellings that some reader takes for the same. Go's `encoding/json` ignores
 * case, and folds the Kelvin sign to `k` and the long s to `s`.
 */
export const folded = (key: string): string => key.toUpperCase().toLowerCase();

/**
 * Checks that no object has a key twice, however the key is escaped. In the root, where vendors
 * look for what costs, keys that differ in case alone count as the same.
 *
 * @returns where the members of the root are; undefined if the root is no object
 * @throws BodyError `duplicate_key` or `too_deep`
 */
export function checkKeys(text: string): Root | undefined {
  const tokens = new Tokens(text);
  /** The keys of each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  const starts = new Map<string, number>();
  let isKey = false;
  /** The member of the root whose value is next. */
  let member: string | undefined;
  let insertAt: number | undefined;
  for (let end = 0; tokens.next() !== END; end = tokens.end) {
    if (member !== undefined && tokens.kind !== COLON) {
      starts.set(member, tokens.start);
      member = undefined;
    }
    switch (tokens.kind) {
      case OPEN_BRACE:
      case OPEN_BRACKET:
        isKey = tokens.kind === OPEN_BRACE;
        open.push(isKey ? new Set() : undefined);
        if (open.length > MAX_DEPTH)
          throw new BodyError(
            "too_deep",
            `The body is nested more than ${MAX_DEPTH} levels deep. Send it flatter.`,
          );
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (open.pop() !== undefined && open.length === 0) insertAt = end;
        isKey = false;
        break;
      case COMMA:
        isKey = open.at(-1) !== undefined;
        break;
      case COLON:
        isKey = false;
        break;
      case STRING:
        if (!isKey) break;
        addKey(open, tokens.text);
        if (open.length === 1) member = tokens.text;
        break;
    }
  }
  return insertAt === undefined ? undefined : { starts, insertAt };
}

function addKey(open: readonly (Set<string> | undefined)[], key: string): void {
  const keys = open.at(-1)!;
  const spelling = open.length === 1 ? folded(key) : key;
  if (keys.has(spelling))
    throw new BodyError(
      "duplicate_key",
      `The body has the key ${JSON.stringify(key.slice(0, 100))} twice in one object. ` +
        "Readers of JSON differ in which one counts; send it once.",
    );
  keys.add(spelling);
}
