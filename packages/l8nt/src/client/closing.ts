/** Tells treasuries which orders were answered, at the end of a client. spec/4-purchase.md §2. */
import { later } from "../internal/timers.ts";
import type { Carried } from "./carried.ts";
import { ordersOf } from "./orders.ts";
import { unlessAborted } from "./outgoing.ts";

const MAX_MS = 2000;

/** Never fails: what a treasury was not told is told with the next order, if there is one. */
export async function tellAnswered(all: readonly Carried[]): Promise<void> {
  const end = new AbortController();
  const timer = later(MAX_MS, () => end.abort());
  await Promise.all(all.map((carried) => tell(carried, end.signal).catch(() => {})));
  clearTimeout(timer);
}

async function tell({ credential, treasurer }: Carried, signal: AbortSignal): Promise<void> {
  const orders = ordersOf(credential);
  for (let ids = orders.untold(); ids.length > 0; ids = orders.untold()) {
    await unlessAborted(treasurer().answered(credential.toString(), ids, signal), signal);
    orders.acknowledged(ids);
  }
}
