/**
 * The ledger counts what each node has spent and used. It is pure: a store passes rows in and keeps
 * the rows that come back.
 */
export { auditLedger, type LedgerAudit, type LedgerFault } from "./audit.ts";
export { booksFull, type Counter, type ReservationRow, usageOf } from "./count.ts";
export { CounterSum, SUM_BYTES } from "./counter-sum.ts";
export { type Answers, type LedgerEvent, timeOf } from "./event.ts";
export {
  type Carried,
  demandSigned,
  emptyCheckpoint,
  endedBy,
  type Fold,
  type FoldState,
  fold,
  type StoredCounter,
} from "./fold.ts";
export { Keeper, type KeeperOptions, keepSeconds } from "./keeper.ts";
export { settledOf } from "./payment.ts";
export { creditsOf, raisedBy, refundNote } from "./refund.ts";
export { budgetError, withResets } from "./refusal.ts";
export {
  type DayRouteTotal,
  dated,
  dayOf,
  endedBefore,
  isEnded,
  summed,
  totalsOf,
} from "./sale-totals.ts";
export { type LedgerState, type Step, step } from "./step.ts";
export { nodeTotal, nodeTotals, spentOf } from "./total.ts";
export { demandValid } from "./valid.ts";
