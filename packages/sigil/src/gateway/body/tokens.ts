/** The tokens of a JSON text with their places. The text has been accepted by `JSON.parse`. */
import { createScanner } from "jsonc-parser";

/** `SyntaxKind` of jsonc-parser; its declaration is a `const enum`, which cannot be imported. */
export const OPEN_BRACE = 1;
export const CLOSE_BRACE = 2;
export const OPEN_BRACKET = 3;
export const CLOSE_BRACKET = 4;
export const COMMA = 5;
export const COLON = 6;
export const STRING = 10;
export const END = 17;

/** Walks over the tokens of a text from a place on. */
export class Tokens {
  readonly #text: string;
  readonly #scanner: ReturnType<typeof createScanner>;
  kind: number = END;

  constructor(text: string, from = 0) {
    this.#text = text;
    this.#scanner = createScanner(text, false);
    this.#scanner.setPosition(from);
  }

  /** Goes to the next token and returns its kind. */
  next(): number {
    // The scanner keeps white space character by character, which takes a second for 10 MiB.
    const at = this.#scanner.getPosition();
    const after = skipSpace(this.#text, at);
    if (after !== at) this.#scanner.setPosition(after);
    this.kind = this.#scanner.scan();
    return this.kind;
  }

  /** Where the token starts. */
  get start(): number {
    return this.#scanner.getTokenOffset();
  }

  /** Where the token ends. */
  get end(): number {
    return this.#scanner.getPosition();
  }

  /** What a string says, without quotes and escapes. */
  get text(): string {
    return this.#scanner.getTokenValue();
  }

  /** Goes from the first token of a value to its last one. */
  toEndOfValue(): void {
    let depth = 0;
    for (;;) {
      if (this.kind === OPEN_BRACE || this.kind === OPEN_BRACKET) depth++;
      else if (this.kind === CLOSE_BRACE || this.kind === CLOSE_BRACKET) depth--;
      if (depth === 0 || this.kind === END) return;
      this.next();
    }
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
  }
  return at;
}
