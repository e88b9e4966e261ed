/**
 * That the time of the books went back on the owner's word, until everything that follows from it
 * is done: a process may die in between, and the wallet may be away. spec/4-purchase.md §8.
 */
import type { Store } from "../ports/store.ts";

export interface TurnedBack {
  /** Unix seconds: the machine's time that was accepted. */
  readonly at: number;
  /** How far the books were ahead. */
  readonly bySeconds: number;
  /** Unix seconds from which the wallet's list is to be read again. */
  readonly lookBackTo: number;
}

const TURNED = "turned back";

/** Before the time of the books goes back. */
export const keepTurned = (store: Store, turned: TurnedBack): Promise<void> =>
  store.setFact(TURNED, JSON.stringify(turned));

/** After everything is done. */
export const forgetTurned = (store: Store): Promise<void> => store.setFact(TURNED, "");

/** What is not finished; undefined if nothing is. */
export async function turnedBack(store: Store): Promise<TurnedBack | undefined> {
  const text = await store.fact(TURNED);
  if (!text) return undefined;
  const turned = JSON.parse(text) as TurnedBack;
  // The latest time never goes back by itself, so as long as it is not as late as it was, the
  // commit that turned it back has happened.
  return (await store.latest()) < turned.at + turned.bySeconds ? turned : undefined;
}
