/** Secrets, and the one root key that is derived from each. spec/1-credential.md §4. */
import { AdapterError } from "../errors.ts";
import { type Binary, binaryOf, hexBytes, utf8 } from "../internal/bytes.ts";
import { hkdfExpandUnder, hkdfExtract } from "../internal/crypto.ts";
import { chainKey } from "../macaroon/chain.ts";
import { isUnderRoot, ROOT_ID_BYTES } from "./identifier.ts";

/** 32 bytes or more, or their hex. */
export type Secret = Uint8Array | string;

/**
 * A secret, or a function that is called when the secret is first needed: a build that loads the
 * module has none.
 *
 * @example
 * new Paywall({ secret: () => process.env.SIGIL_SECRET, location, invoicer });
 */
export type SecretSource = Secret | (() => Secret | undefined);

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
    throw new TypeError(
      "secret must be random, and this one is not: make one with `openssl rand -hex 32`",
    );
  return bytes;
}

function rootOf(secret: Secret): Root {
  const expand = hkdfExpandUnder(hkdfExtract(readSecret(secret)));
  return {
    id: binaryOf(expand(utf8("sigil root id")).subarray(0, ROOT_ID_BYTES)),
    key: chainKey(expand(utf8("sigil root key"))),
  };
}

/** For more than one reader: a function is called until it gives a secret, which they all have. */
export function askedOnce(source: SecretSource): SecretSource {
  if (typeof source !== "function") return source;
  let kept: Secret | undefined;
  return () => {
    const given = kept ?? source();
    if (given !== undefined) kept ??= new Uint8Array(readSecret(given));
    return kept;
  };
}

export class Roots {
  #roots: readonly Root[];
  /** Until it is read. */
  #source: (() => Secret | undefined) | undefined;

  /** @throws TypeError for a secret that is short or not random; of a function, when it is read */
  constructor(current: SecretSource, previous: readonly Secret[] = []) {
    const isLate = typeof current === "function";
    this.#source = isLate ? current : undefined;
    this.#roots = (isLate ? previous : [current, ...previous]).map(rootOf);
  }

  /**
   * Reads the secret, if that was not done before.
   *
   * @throws AdapterError `ERR_SECRET`: there is none, or it cannot be used
   */
  read(): void {
    if (this.#source === undefined) return;
    let secret: Secret | undefined;
    let root: Root | undefined;
    try {
      secret = this.#source();
      root = secret === undefined ? undefined : rootOf(secret);
    } catch (cause) {
      throw new AdapterError("ERR_SECRET", NO_SECRET, { cause });
    }
    if (root === undefined)
      throw new AdapterError("ERR_SECRET", NO_SECRET, { cause: new TypeError(UNDEFINED) });
    this.#source = undefined;
    this.#roots = [root, ...this.#roots];
  }

  /** The root that new credentials are minted under. @throws AdapterError as {@link read} */
  get current(): Root {
    this.read();
    return this.#roots[0]!;
  }

  /**
   * The root that an identifier names; undefined if its secret is unknown or was dropped.
   *
   * @throws AdapterError as {@link read}
   */
  find(identifier: Binary): Root | undefined {
    this.read();
    for (const root of this.#roots) if (isUnderRoot(identifier, root.id)) return root;
    return undefined;
  }

  /** Puts `secret` first; the roots before it are still found. */
  rotate(secret: Secret): void {
    this.read();
    this.#roots = [rootOf(secret), ...this.#roots];
  }
}

/** For a client, which learns nothing else. */
const NO_SECRET = "This service is not set up: it has no secret. Nothing was charged.";
/** For the operator. */
const UNDEFINED =
  "the secret is undefined: set the environment variable that it is read from, such as SIGIL_SECRET, to the output of `openssl rand -hex 32`";
