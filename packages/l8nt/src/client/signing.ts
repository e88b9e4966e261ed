/** `fetch` that signs what presents a credential with a `holder`. spec/9-public-key.md §9. */
import type { HolderKey } from "../holder/key.ts";
import type { Clock } from "../ports/clock.ts";

/** How a client sends requests. */
export interface Sender {
  readonly fetch: typeof fetch;
  readonly holderKey: string | HolderKey | undefined;
  readonly clock: Clock;
}

/** The sender's `fetch` itself, if it has no key. What signs is loaded with the first request. */
export function signing({ fetch, holderKey: key, clock }: Sender): typeof globalThis.fetch {
  if (key === undefined) return fetch;
  // Not `lazily`, which would become a file of its own that a page loads at its start.
  let signer: HolderKey | undefined;
  return async (...given) => {
    signer ??= (await import("../holder/key.ts")).HolderKey.of(key, { fetch, clock });
    return signer.fetch(...given);
  };
}
