/**
 * The keys that gateways on one database have printed, so that one budget is printed once. Wrapped
 * with their secret, because a dump of the database must not spend.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import type { Vault } from "l8nt/ports";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = "aes-256-gcm";

export class PrintedKeys {
  readonly #store: Vault;
  readonly #wrapping: Uint8Array;

  constructor(store: Vault, secret: string) {
    this.#store = store;
    this.#wrapping = new Uint8Array(
      hkdfSync("sha256", Buffer.from(secret, "hex"), "", "sigil gateway: printed keys", 32),
    );
  }

  /**
   * The key for a scope: the one that was printed first and has not ended, or else a new one.
   *
   * @param hasEnded whether a key is of no more use
   */
  async keyFor(
    scope: string,
    mint: () => string,
    hasEnded: (key: string) => boolean,
  ): Promise<string> {
    const digest = createHash("sha256").update(scope).digest("hex");
    for (let nth = 0; ; nth++) {
      const name = `gateway key ${digest.slice(0, 32)} ${nth}`;
      let wrapped = await this.#store.wrapped(name);
      if (wrapped === undefined) {
        const made = mint();
        if (await this.#store.keepWrapped(name, this.#wrap(made, name))) return made;
        // Another gateway was faster.
        wrapped = (await this.#store.wrapped(name))!;
      }
      const key = this.#unwrap(wrapped, name);
      if (!hasEnded(key)) return key;
    }
  }

  #wrap(key: string, name: string): Uint8Array<ArrayBuffer> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#wrapping, nonce).setAAD(Buffer.from(name));
    const parts = [nonce, cipher.update(key, "utf8"), cipher.final(), cipher.getAuthTag()];
    return new Uint8Array(Buffer.concat(parts));
  }

  /** @throws Error for bytes that no gateway with this secret has written */
  #unwrap(wrapped: Uint8Array, name: string): string {
    const bytes = Buffer.from(wrapped);
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(CIPHER, this.#wrapping, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(name))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  }
}
