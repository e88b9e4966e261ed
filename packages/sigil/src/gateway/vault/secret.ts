/** A vendor's key, or a webhook's, in memory. It shows itself in no text, JSON or inspection. */

const SHOWN = "(not shown)";

/** Tells the value: to what places it in a request, signs a webhook, or opens the store. */
let reveal: (secret: Secret) => string;

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  static {
    reveal = (secret) => secret.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Secret ${SHOWN}`;
  }
}

export { reveal };
