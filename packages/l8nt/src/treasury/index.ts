/** `l8nt/treasury`: holds a wallet, buys access for agents within their budgets. */
export type {
  NodeStanding,
  PaymentSummary,
  Purchase,
  PurchaseRequest,
  Standing,
  Treasurer,
} from "../ports/treasury.ts";
export { treasuryApi } from "./api.ts";
export { Treasury, type TreasuryOptions } from "./treasury.ts";
