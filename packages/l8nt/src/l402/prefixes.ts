/**
 * The signatures along a chain, continued from where they were proven before: a sub-agent's
 * credential costs its own caveats.
 */
import { type Bytes, hexText } from "../internal/bytes.ts";
import { equalBytes, hmacChain } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import { signatures } from "../macaroon/chain.ts";
import type { UnverifiedMacaroon } from "../macaroon/index.ts";
import type { Root } from "./roots.ts";

/** A chain whose end was found to be right: every prefix of it is, too. */
interface Proven {
  readonly caveats: readonly Bytes[];
  readonly signatures: readonly Bytes[];
}

export class ProvenPrefixes {
  /** By identifier: the chain that was proven last. */
  readonly #proven: Lru<string, Proven>;

  constructor(capacity: number) {
    this.#proven = new Lru(capacity);
  }

  /** Every signature of the chain as it should be: after the identifier, then after each caveat. */
  along(root: Root, { identifier, caveats }: UnverifiedMacaroon): readonly Bytes[] {
    const known = this.#proven.get(hexText(identifier));
    if (known === undefined) return signatures(root.rootKey(identifier), identifier, caveats);
    let shared = 0;
    while (shared < caveats.length && isSame(known.caveats[shared], caveats[shared]!)) shared++;
    const start = known.signatures.slice(0, shared + 1);
    return [...start, ...hmacChain(start[shared]!, caveats.slice(shared))];
  }

  /** Only after the macaroon's own signature was found equal to the last of these. */
  remember({ identifier, caveats }: UnverifiedMacaroon, proven: readonly Bytes[]): void {
    // Copies: whoever holds the macaroon could write to its bytes, and what he wrote would pass for
    // proven.
    const own = caveats.map((caveat) => new Uint8Array(caveat));
    this.#proven.set(hexText(identifier), { caveats: own, signatures: proven });
  }

  clear(): void {
    this.#proven.clear();
  }
}

const isSame = (known: Bytes | undefined, presented: Bytes): boolean =>
  known !== undefined && equalBytes(known, presented);
