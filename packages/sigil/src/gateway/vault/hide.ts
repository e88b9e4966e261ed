/**
 * Hides a vendor's key in the vendor's own answer. A vendor that repeats the key, in an error for
 * example, would hand it to the agent. Stars take its place, so no length changes.
 */
import { Forms } from "./forms.ts";
import type { Secret } from "./secret.ts";

const STAR = 0x2a;

/** Made once for each key. */
const forms = new WeakMap<Secret, Forms>();

function formsOf(secret: Secret): Forms {
  let found = forms.get(secret);
  if (found === undefined) {
    found = new Forms(secret);
    forms.set(secret, found);
  }
  return found;
}

/** Of one answer, or of what comes from the vendor over one WebSocket. */
export class Hider {
  readonly #forms: Forms;
  /** The end of what came, if a key may have begun in it. */
  #held: Buffer = NOTHING;

  constructor(secret: Secret) {
    this.#forms = formsOf(secret);
  }

  /** Names and values of header fields. */
  fields(lines: readonly string[]): string[] {
    return lines.map((line) => {
      if (line.length < this.#forms.least) return line;
      const bytes = Buffer.from(line, "latin1");
      const shown = this.#starred(bytes);
      return shown === bytes ? line : shown.toString("latin1");
    });
  }

  /** The next part of a body, without an end that may be the beginning of a key. */
  part(bytes: Buffer): Buffer {
    const whole = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const shown = this.#starred(whole);
    const begin = this.#forms.beginAtEnd(shown);
    this.#held = begin === shown.length ? NOTHING : Buffer.from(shown.subarray(begin));
    return begin === shown.length ? shown : shown.subarray(0, begin);
  }

  /** What was held back, when the body has ended. */
  rest(): Buffer {
    const rest = this.#held;
    this.#held = NOTHING;
    return rest;
  }

  /** The same bytes if there is nothing to hide. */
  #starred(bytes: Buffer): Buffer {
    const found = this.#forms.in(bytes);
    if (found.length === 0) return bytes;
    // The bytes may be of a pool that others read.
    const shown = Buffer.from(bytes);
    for (const { from, to } of found) shown.fill(STAR, from, to);
    return shown;
  }
}

const NOTHING = Buffer.alloc(0);
