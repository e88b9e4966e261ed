/**
 * Hides a vendor's key in the vendor's own answer. A vendor that repeats the key, in an error for
 * example, would hand it to the agent. Stars take its place, so no length changes.
 */
import { reveal, type Secret } from "./secret.ts";

const STAR = 0x2a;
/** A shorter key would be found in what is no key. */
const LEAST_LENGTH = 8;

/** The forms in which a key is sent. Made once for each key. */
const forms = new WeakMap<Secret, readonly Buffer[]>();

function formsOf(secret: Secret): readonly Buffer[] {
  let found = forms.get(secret);
  if (found === undefined) {
    const key = reveal(secret);
    // As `place.ts` puts it into a field, a basic field and a query.
    const texts = new Set([
      key,
      btoa(key.includes(":") ? key : `${key}:`),
      // As a vendor may repeat the user of a basic field.
      btoa(key).replace(/=+$/, ""),
      encodeURIComponent(key),
    ]);
    found = [...texts]
      .filter(({ length }) => length >= LEAST_LENGTH)
      .map((text) => Buffer.from(text));
    forms.set(secret, found);
  }
  return found;
}

/** Of one answer. */
export class Hider {
  readonly #forms: readonly Buffer[];
  /** The end of what came, if a key may have begun in it. */
  #held: Buffer = NOTHING;

  constructor(secret: Secret) {
    this.#forms = formsOf(secret);
  }

  /** Names and values of header fields. */
  fields(lines: readonly string[]): string[] {
    return lines.map((line) => {
      let shown = line;
      for (const form of this.#forms) {
        const text = form.toString("latin1");
        if (shown.includes(text)) shown = shown.replaceAll(text, "*".repeat(text.length));
      }
      return shown;
    });
  }

  /** The next part of a body, without an end that may be the beginning of a key. */
  part(bytes: Buffer): Buffer {
    const whole = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const shown = this.#starred(whole);
    const begin = this.#beginAtEnd(shown);
    this.#held = begin === shown.length ? NOTHING : Buffer.from(shown.subarray(begin));
    return begin === shown.length ? shown : shown.subarray(0, begin);
  }

  /** What was held back, when the body has ended. */
  rest(): Buffer {
    const rest = this.#held;
    this.#held = NOTHING;
    return rest;
  }

  #starred(bytes: Buffer): Buffer {
    let shown = bytes;
    let isOwn = false;
    for (const form of this.#forms)
      for (let at = shown.indexOf(form); at >= 0; at = shown.indexOf(form, at + form.length)) {
        // The bytes may be of a pool that others read.
        if (!isOwn) shown = Buffer.from(shown);
        isOwn = true;
        shown.fill(STAR, at, at + form.length);
      }
    return shown;
  }

  /** Where the longest beginning of a key stands at the end; the length if none does. */
  #beginAtEnd(bytes: Buffer): number {
    let begin = bytes.length;
    for (const form of this.#forms) {
      const first = form[0]!;
      const from = Math.max(0, bytes.length - form.length + 1);
      for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
        if (bytes.compare(form, 0, bytes.length - at, at) !== 0) continue;
        begin = Math.min(begin, at);
        break;
      }
    }
    return begin;
  }
}

const NOTHING = Buffer.alloc(0);
