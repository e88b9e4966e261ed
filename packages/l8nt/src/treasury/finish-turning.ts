/** What follows once the time of the books went back on the owner's word. spec/4-purchase.md §8. */
import { MADE_AT } from "../ports/facts.ts";
import type { Store } from "../ports/store.ts";
import type { Recall } from "./recall.ts";
import type { Reconciler } from "./reconciler.ts";
import type { TurnedBack } from "./turned-back.ts";

/**
 * What the books keep by time is as if the clock had never been ahead. It may be done again.
 *
 * @throws AdapterError `ERR_STORE`
 */
export async function finishTurning(
  { at, bySeconds, lookBackTo }: TurnedBack,
  {
    store,
    recall,
    reconciler,
  }: { readonly store: Store; readonly recall: Recall; readonly reconciler: Reconciler },
): Promise<void> {
  if (Number(await store.fact(MADE_AT)) > at) await store.setFact(MADE_AT, String(at));
  await recall.turnBack(at);
  // Last: a comparison with the wallet that begins after it is the end of all this.
  reconciler.turnBack(at, Math.max(bySeconds, at - lookBackTo));
}
