/** Secrets, and the one root key that is derived from each. spec/1-credential.md §4. */
import { type Binary, binaryOf, hexBytes, utf8 } from "../internal/bytes.ts";
import { hkdfExpandUnder, hkdfExtract } from "../internal/crypto.ts";
import { chainKey } from "../macaroon/chain.ts";
import { isUnderRoot, ROOT_ID_BYTES } from "./identifier.ts";

/** 32 bytes or more, or their hex. */
export type Secret = Uint8Array | string;

export interface Root {
  /** 4 bytes that every token id under this secret begins with. */
  readonly id: Binary;
  /** What the chain of every credential under this secret begins with. */
  readonly key: Binary;
}

const MIN_SECRET_BYTES = 32;

function readSecret(secret: Secret): Uint8Array {
  const bytes = typeof secret === "string" ? hexBytes(secret) : secret;
  if (bytes === undefined || bytes.length < MIN_SECRET_BYTES)
    throw new TypeError(
      "secret must be 32 random bytes or more, or their hex: openssl rand -hex 32",
    );
  // Zeros, "a".repeat(64) and other placeholders fail at the start, not in production. [case 112]
  if (new Set(bytes).size < 12)
    throw new TypeError("secret must be random, and this one is not: openssl rand -hex 32");
  return bytes;
}

function rootOf(secret: Secret): Root {
  const expand = hkdfExpandUnder(hkdfExtract(readSecret(secret)));
  return {
    id: binaryOf(expand(utf8("sigil root id")).subarray(0, ROOT_ID_BYTES)),
    key: chainKey(expand(utf8("sigil root key"))),
  };
}

export class Roots {
  #roots: readonly Root[];

  constructor(current: Secret, previous: readonly Secret[] = []) {
    this.#roots = [current, ...previous].map(rootOf);
  }

  /** The root that new credentials are minted under. */
  get current(): Root {
    return this.#roots[0]!;
  }

  /** The root that an identifier names; undefined if its secret is unknown or was dropped. */
  find(identifier: Binary): Root | undefined {
    for (const root of this.#roots) if (isUnderRoot(identifier, root.id)) return root;
    return undefined;
  }

  /** Puts `secret` first; the roots before it are still found. */
  rotate(secret: Secret): void {
    this.#roots = [rootOf(secret), ...this.#roots];
  }
}
