/** `l8nt/treasury`: holds a wallet, buys access for agents within their budgets. */
import { guardedFetch } from "../http/guarded-fetch.ts";
import type { TreasuryOptions } from "./options.ts";
import { TreasuryCore } from "./treasury.ts";

export { type GuardedFetchOptions, guardedFetch } from "../http/guarded-fetch.ts";
export { auditLedger, type LedgerAudit } from "../ledger/audit.ts";
/** The path of orders, for a caller that speaks HTTP by itself. */
export { PURCHASES_PATH } from "../wire/purchase.ts";
export { treasuryApi } from "./api.ts";
export type { InFlightCaps } from "./in-flight.ts";
export type { TreasuryOptions } from "./options.ts";
export { type OwnerApiOptions, ownerApi } from "./owner-api.ts";
export { routeLabel } from "./routes.ts";

/**
 * A treasury that agents reach from other processes. They name URLs, and it asks for them: so it
 * keeps to public addresses, unless it is given another fetch. [case 78]
 *
 * @example
 * const treasury = new Treasury({ secret, location: "https://treasury.example", wallet });
 * await serve(treasuryApi(treasury), { port: 8409 }); // from l8nt/node
 */
export class Treasury extends TreasuryCore {
  /**
   * @throws TypeError for a secret that is short or made up, or where `guardedFetch` cannot run and
   * no fetch is given
   */
  constructor(options: TreasuryOptions) {
    super({ ...options, fetch: options.fetch ?? guardedFetch() });
  }
}
