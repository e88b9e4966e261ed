/** The keys of a JSON text: none twice in one object, and no nesting beyond a limit. */
import { BodyError } from "./error.ts";
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
 * @throws BodyError `duplicate_key` or `too_deep`
 */
export function checkKeys(text: string): void {
  const tokens = new Tokens(text);
  /** The keys of each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let isKey = false;
  while (tokens.next() !== END) {
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
        open.pop();
        isKey = false;
        break;
      case COMMA:
        isKey = open.at(-1) !== undefined;
        break;
      case COLON:
        isKey = false;
        break;
      case STRING:
        if (isKey) addKey(open, tokens.text);
        break;
    }
  }
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
