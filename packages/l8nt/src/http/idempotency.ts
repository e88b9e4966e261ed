/** The `Idempotency-Key` of a request with a paid credential. spec/4-purchase.md §4.6. */
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";

export const IDEMPOTENCY_FIELD = "idempotency-key";

export interface KeyedUse {
  /** The key that the agent gave. */
  readonly given: string | undefined;
  /**
   * The id of the agent's node, if agents of other nodes present the same credential: a service
   * that keeps its answers could not tell them apart, and a key such as `order-42` can be guessed.
   */
  readonly sharer: string | undefined;
  /** What tells this use from every other one, if the agent gave no key. */
  readonly use: readonly string[];
  /**
   * Digests what a key is made of. A treasury's has a secret: the other parts are known to agents,
   * and the node that paid sends its agent's own keys, so it could ask for an answer of another.
   *
   * @default SHA-256
   */
  readonly digest?: ((message: Uint8Array) => Uint8Array) | undefined;
}

/** The key to send: the agent's own, or one that is the same whenever the use is repeated. */
export function keyOfUse({ given, sharer, use, digest = sha256 }: KeyedUse): string {
  if (given !== undefined && sharer === undefined) return given;
  const parts = given === undefined ? ["use", ...use] : ["given", sharer, given];
  return hexText(digest(utf8(parts.join(" ")))).slice(0, 32);
}
