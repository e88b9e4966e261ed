/**
 * The ledger: counts what each node has spent and used. Pure; a store gives it rows and keeps what
 * it returns.
 */
export { auditLedger, type LedgerAudit, type LedgerFault } from "./audit.ts";
export { type Counter, type ReservationRow, usageOf } from "./count.ts";
export { type Answers, type LedgerEvent, timeOf } from "./event.ts";
export { budgetError } from "./refusal.ts";
export { type LedgerState, type Step, step } from "./step.ts";
export { nodeTotal, nodeTotals, spentOf } from "./total.ts";
export { demandValid } from "./valid.ts";
