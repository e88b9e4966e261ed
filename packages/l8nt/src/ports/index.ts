/** `l8nt/ports`: what a store, a wallet and a treasurer must be, and the records they exchange. */
export type { BooksMark, BooksWitness, ReceiptsEnd } from "./books-mark.ts";
export type { Clock, Sleep } from "./clock.ts";
export type { Directive, DirectiveLog, NumberedDirective } from "./directives.ts";
export type { Facts } from "./facts.ts";
export type {
  Checkpoint,
  CheckpointSeal,
  Foldable,
  FoldedCounter,
  Folding,
  UnsignedCheckpoint,
} from "./folding.ts";
export type {
  HandOver,
  HandOverBook,
  HandOverEnds,
  HandOverTerms,
  Recall,
  RecallKey,
  RecallPage,
  Revoked,
} from "./hand-overs.ts";
export type { CounterRow, Journal, JournalEntry, JournalEvent } from "./journal.ts";
export type { Ledger, Reservation, ReserveAnswer, Resolution, Usage } from "./ledger.ts";
export type { Counted, CounterKind } from "./limit.ts";
export type {
  ForgottenNode,
  NodeBook,
  NodeOutline,
  NodePlace,
  NodeQuery,
  NodeRecord,
} from "./nodes.ts";
export type {
  ClockView,
  Explanation,
  Health,
  NodeFilter,
  PaymentFilter,
  PaymentView,
  RecallView,
  RevenueTotal,
  TreasuryOwner,
  UnexplainedPayment,
} from "./owner.ts";
export type {
  BeginAnswer,
  Closure,
  PaymentMark,
  PaymentQuery,
  PaymentRecord,
  PaymentStatus,
  Payments,
  Settlement,
} from "./payments.ts";
export type { ReceiptBook, ReceiptRow } from "./receipts.ts";
export type {
  Credit,
  NumberedSale,
  Refund,
  SaleQuery,
  SaleRecord,
  SalesBook,
  SalesFolding,
  SaleTotal,
  TotalsQuery,
} from "./sales.ts";
export type { Store } from "./store.ts";
export type {
  NodePage,
  NodeStanding,
  PageQuery,
  PaymentSummary,
  Purchase,
  PurchaseRequest,
  Standing,
  Treasurer,
} from "./treasury.ts";
export type { Vault } from "./vault.ts";
export type {
  InvoiceRequest,
  Invoicer,
  Network,
  Payer,
  PaymentOutcome,
  PaymentRequest,
  Wallet,
  WalletFacts,
  WalletOptions,
  WalletPayment,
} from "./wallet.ts";
