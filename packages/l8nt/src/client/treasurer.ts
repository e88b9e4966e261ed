/** The treasury across HTTP of a credential, loaded when the client first speaks to it. */
import { lazily } from "../internal/lazily.ts";
import type { Treasurer } from "../ports/treasury.ts";
import type { Sender } from "./signing.ts";

/**
 * The codecs of its messages are loaded at the first order: a page that pays nothing never loads
 * them.
 *
 * @throws AdapterError from every method, if the location cannot be one of a treasury
 */
export function remoteTreasurer(location: string, sender: Sender): Treasurer {
  const open = lazily(async () => {
    const { RemoteTreasury } = await import("./remote.ts");
    return new RemoteTreasury(location, sender);
  });
  return lazyTreasurer(open);
}

/** A treasurer that `open` creates at its first use. */
export const lazyTreasurer = (open: () => Promise<Treasurer>): Treasurer => ({
  buy: async (order) => (await open()).buy(order),
  answered: async (credential, orders, signal) =>
    (await open()).answered(credential, orders, signal),
  revoke: async (credential, caveats) => (await open()).revoke(credential, caveats),
  standing: async (credential) => (await open()).standing(credential),
  tree: async (credential) => (await open()).tree(credential),
  receipts: async (credential, after, limit) => (await open()).receipts(credential, after, limit),
});
