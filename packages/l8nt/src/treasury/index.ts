/** `l8nt/treasury`: holds a wallet, buys access for agents within their budgets. */
export { type GuardedFetchOptions, guardedFetch } from "../http/guarded-fetch.ts";
export { auditLedger, type LedgerAudit, type LedgerFault } from "../ledger/audit.ts";
/** The path of orders, for a caller that speaks HTTP by itself. */
export { PURCHASES_PATH } from "../wire/purchase.ts";
export { treasuryApi } from "./api.ts";
export type { MaxFee } from "./fee.ts";
export { Treasury } from "./guarded.ts";
export {
  checkLimits,
  DEFAULT_MAX_ORDERS,
  type InFlightOptions,
  type TreasuryLimits,
} from "./limits.ts";
export { type MintsOptions, readMints as checkMints } from "./mints.ts";
export type { TreasuryOptions } from "./options.ts";
export { type OwnerApiOptions, ownerApi } from "./owner-api.ts";
export { routeLabel } from "./routes.ts";
export { type ServedTreasury, type ServeTreasuryOptions, serveTreasury } from "./serve.ts";
export { examineWallet, type WalletFault, walletFaults } from "./wallet-fitness.ts";
