/** The grammar of challenges (RFC 9110 §11): a linear reader, item by item. */

export interface AuthItem {
  /** Lower case: schemes are case-insensitive. */
  readonly scheme: string;
  /** What follows the scheme, if it is not parameters. */
  readonly token68?: string;
  /** In order, duplicates and all. Names in lower case. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Something in it cannot be read. `parameters` has what comes before that. */
  readonly isBroken?: true;
}

const TOKEN = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y;
const TOKEN68 = /[A-Za-z0-9+/._~:-]+=*/y;
const BLANK = /[ \t,]*/y;
// A bare value may hold base64, which has more characters than a token; servers send it unquoted.
const BARE = /[^\s",;]+/y;
const BEFORE_EQUALS = /[ \t]*(?==)/y;
const AFTER_EQUALS = /[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const NO_BOUNDARY = /[^",]+/y;
/** A run of commas: taken whole, so that a long one is read once. */
const COMMAS = /,[ \t,]*/y;
/** A scheme with a parameter. After a comma it ends an unreadable item. */
const ITEM = /(?=[A-Za-z0-9!#$%&'*+.^_`|~-]+ +[A-Za-z0-9!#$%&'*+.^_`|~-]+[ \t]*=)/y;

/** An item while it is read. */
interface Item {
  scheme: string;
  token68?: string;
  parameters: [string, string][];
  isBroken?: true;
}

/**
 * Reads a `WWW-Authenticate` value, or several joined by commas, as servers really write them:
 * commas may be missing between parameters, schemes may share a line. Values may have any
 * characters. Where an item cannot be read without guessing, it is broken, and reading goes on at
 * the next scheme that is outside of quotes.
 */
export function readChallenges(text: string): readonly AuthItem[] {
  const scanner = new Scanner(text);
  const items: Item[] = [];
  for (;;) {
    scanner.take(BLANK);
    if (scanner.atEnd) return items;
    if (readPart(scanner, items)) continue;
    const current = items.at(-1);
    if (current === undefined) items.push({ scheme: "", parameters: [], isBroken: true });
    else current.isBroken = true;
    scanner.skipToNextItem();
  }
}

/** Reads one scheme or one parameter; false if it cannot be read. */
function readPart(scanner: Scanner, items: Item[]): boolean {
  const name = scanner.take(TOKEN);
  if (name === undefined) return false;
  scanner.take(BEFORE_EQUALS);
  if (scanner.peek() !== "=") {
    const token68 = scanner.takeToken68();
    const parameters: [string, string][] = [];
    const scheme = name.toLowerCase();
    items.push(token68 === undefined ? { scheme, parameters } : { scheme, parameters, token68 });
    return true;
  }
  const current = items.at(-1);
  if (current === undefined) return false;
  scanner.skip();
  scanner.take(AFTER_EQUALS);
  const value = scanner.peek() === '"' ? unquote(scanner.take(QUOTED)) : scanner.take(BARE);
  if (value === undefined) return false;
  current.parameters.push([name.toLowerCase(), value]);
  return true;
}

const unquote = (quoted: string | undefined): string | undefined =>
  quoted?.slice(1, -1).replace(/\\(.)/g, "$1");

class Scanner {
  readonly #text: string;
  #offset = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#offset >= this.#text.length;
  }

  peek(): string | undefined {
    return this.#text[this.#offset];
  }

  skip(): void {
    this.#offset++;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#offset = pattern.lastIndex;
    return match[0];
  }

  /** To the next item, or to the end. A quoted text is skipped whole. */
  skipToNextItem(): void {
    while (!this.atEnd) {
      if (this.take(COMMAS) !== undefined) {
        if (this.take(ITEM) !== undefined) return;
        continue;
      }
      if (this.take(NO_BOUNDARY) !== undefined || this.take(QUOTED) !== undefined) continue;
      // A quote that stays open hides all that follows.
      this.#offset = this.#text.length;
    }
  }

  /**
   * After a scheme: one word that ends the item, e.g. the ticket of `Negotiate`. A word before
   * `=value` is a parameter.
   */
  takeToken68(): string | undefined {
    const start = this.#offset;
    this.take(/ +/y);
    const word = this.take(TOKEN68);
    const next = this.peek();
    if (word !== undefined && (next === undefined || next === ",")) return word;
    this.#offset = start;
    return undefined;
  }
}
