/** A treasury that agents reach from other processes. */
import { guardedFetch } from "../http/guarded-fetch.ts";
import { DEFAULT_MAX_ORDERS, readLimits } from "./limits.ts";
import type { TreasuryOptions } from "./options.ts";
import type { ReceiptMaker } from "./receipt-maker.ts";
import { TreasuryCore } from "./treasury.ts";

/**
 * A treasury that agents reach from other processes. Agents name URLs and the treasury requests
 * them, so it connects to public addresses only, unless it is given another fetch. [case 78]
 *
 * `serveTreasury` makes one with everything around it; use this class to put the parts together
 * yourself.
 *
 * @example
 * const treasury = new Treasury({ secret, location: "https://treasury.example", wallet });
 * await serve(treasuryApi(treasury), { port: 8409 }); // l8nt/node
 */
export class Treasury extends TreasuryCore {
  /**
   * @throws TypeError for an unknown option, a secret that is too short, or a runtime in which
   * `guardedFetch` cannot run and no fetch is given
   */
  constructor(options: TreasuryOptions, receipts?: ReceiptMaker) {
    const { maxOrders = DEFAULT_MAX_ORDERS } = options;
    // A socket for each order: what one agent leaves of the orders, it leaves of the sockets.
    const { maxOrders: maxSockets } = readLimits({ maxOrders }, "a treasury");
    const { fetch = guardedFetch({ maxSockets }) } = options;
    super({ ...options, fetch, maxOrders }, receipts);
  }
}
