/**
 * Debits, which a store makes for every payment and use: a reservation and its commit, each durable
 * when it is answered.
 */

import { msat } from "../packages/l8nt/src/amount.ts";
import type { Ledger } from "../packages/l8nt/src/ports/ledger.ts";
import type { Counted } from "../packages/l8nt/src/ports/limit.ts";

const CALLERS = 64;
let serial = 0;

/**
 * The limits of a chain of `depth` nodes: a budget and a total for each, as a treasury counts them.
 */
export const chain = (depth: number, caller = 0): readonly Counted[] =>
  Array.from({ length: depth }, (_, at) => {
    // The upper nodes are shared by all callers, the lowest is its own.
    const node = at === depth - 1 ? `leaf-${caller}` : `node-${at}`;
    return {
      id: `${node} of ${depth}`,
      kind: "spend",
      unit: "msat",
      max: 9_000_000_000_000_000_000n,
    } as const;
  });

async function debit(store: Ledger, counted: readonly Counted[]): Promise<void> {
  const id = `bench-${++serial}`;
  const at = 1_900_000_000 + serial / 1000;
  const { reserved } = await store.reserve({ id, at, amount: msat(1000n), uses: 0n, counted });
  if (!reserved) throw new Error("the bench ran out of budget");
  await store.commit(id, msat(900n), at);
}

/**
 * `count` debits by 64 callers at once, each after its last was answered; spread over the stores,
 * where there are several.
 */
export async function debits(
  stores: readonly Ledger[],
  count: number,
  depth: number,
): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      const counted = chain(depth, caller);
      while (left-- > 0) await debit(stores[caller % stores.length]!, counted);
    }),
  );
}
