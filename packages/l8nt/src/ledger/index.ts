/** The ledger: counts what each node has spent and used. Pure; a store gives it rows and keeps what it returns. */
export { budgetError } from "./refusal.ts";
export {
  type Counter,
  type LedgerEvent,
  type LedgerState,
  type ReservationRow,
  reserve,
  resolve,
  type Step,
  step,
  usageOf,
} from "./step.ts";
