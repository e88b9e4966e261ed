/**
 * The signatures along a macaroon's chain, continued from the longest prefix that was proven
 * before, so that verifying a sub-agent's credential costs its own caveats only.
 * spec/1-credential.md §4.
 */
import { type Bytes, hexText } from "../internal/bytes.ts";
import { equalBytes, hmacChain } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import { signatures } from "../macaroon/chain.ts";
import type { UnverifiedMacaroon } from "../macaroon/index.ts";
import type { Root } from "./roots.ts";

/** A chain with a correct last signature, which makes every signature before it correct. */
interface Proven {
  readonly caveats: readonly Bytes[];
  readonly signatures: readonly Bytes[];
}

export class ProvenPrefixes {
  /** By identifier: the most recently proven chain. */
  readonly #proven: Lru<string, Proven>;

  constructor(capacity: number) {
    this.#proven = new Lru(capacity);
  }

  /** The correct signatures of the chain: after the identifier, then after each caveat. */
  along(root: Root, { identifier, caveats }: UnverifiedMacaroon): readonly Bytes[] {
    const known = this.#proven.get(hexText(identifier));
    if (known === undefined) return signatures(root.key, identifier, caveats);
    let shared = 0;
    while (shared < caveats.length && isSame(known.caveats[shared], caveats[shared]!)) shared++;
    const start = known.signatures.slice(0, shared + 1);
    return [...start, ...hmacChain(start[shared]!, caveats.slice(shared))];
  }

  /** Call only if the macaroon's own signature equals the last one of `proven`. */
  remember({ identifier, caveats }: UnverifiedMacaroon, proven: readonly Bytes[]): void {
    // Copies, because a caller could write to the macaroon's bytes and have the result count as
    // proven.
    const own = caveats.map((caveat) => new Uint8Array(caveat));
    this.#proven.set(hexText(identifier), { caveats: own, signatures: proven });
  }
}

const isSame = (known: Bytes | undefined, presented: Bytes): boolean =>
  known !== undefined && equalBytes(known, presented);
