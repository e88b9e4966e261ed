/**
 * The grammar of authentication fields (RFC 9110 §11): a linear reader for lists of challenges and
 * of credentials.
 */

export interface AuthItem {
  /** Lower case: schemes are case-insensitive. */
  readonly scheme: string;
  /** What follows the scheme, if it is not parameters. */
  readonly token68?: string;
  /** In order, duplicates and all. Names in lower case. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

const TOKEN = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y;
const TOKEN68 = /[A-Za-z0-9+/._~:-]+=*/y;
const BLANK = /[ \t,]*/y;
// A bare value may hold base64, which has more characters than a token; servers send it unquoted.
const BARE = /[^\s",;]+/y;
const BEFORE_EQUALS = /[ \t]*(?==)/y;
const AFTER_EQUALS = /[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;

/** Visible ASCII, blank and tab. Anything else in a field is an injection or a mistake. [case 9] */
export const isFieldText = (text: string): boolean => /^[\t\x20-\x7e]*$/.test(text);

/**
 * Reads a `WWW-Authenticate` value, or several joined by commas, as servers really write them:
 * commas may be missing between parameters, schemes may share a line. Undefined if it cannot be
 * read without guessing.
 */
export function readChallenges(text: string): readonly AuthItem[] | undefined {
  if (!isFieldText(text)) return undefined;
  const scanner = new Scanner(text);
  const items: { scheme: string; token68?: string; parameters: [string, string][] }[] = [];
  for (;;) {
    scanner.take(BLANK);
    if (scanner.atEnd) return items;
    const name = scanner.take(TOKEN);
    if (name === undefined) return undefined;
    const current = items.at(-1);
    scanner.take(BEFORE_EQUALS);
    if (scanner.peek() === "=" && current !== undefined) {
      scanner.skip();
      scanner.take(AFTER_EQUALS);
      const value = scanner.peek() === '"' ? unquote(scanner.take(QUOTED)) : scanner.take(BARE);
      if (value === undefined) return undefined;
      current.parameters.push([name.toLowerCase(), value]);
    } else if (scanner.peek() === "=") {
      return undefined;
    } else {
      const item: (typeof items)[number] = { scheme: name.toLowerCase(), parameters: [] };
      items.push(item);
      const token68 = scanner.takeToken68();
      if (token68 !== undefined) item.token68 = token68;
    }
  }
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
