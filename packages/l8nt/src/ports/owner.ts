/** What a treasury's owner sees and may do, embedded or across HTTP. */
import type { Amount } from "../amount.ts";
import type { JournalEntry } from "./journal.ts";
import type { PaymentQuery, PaymentRecord } from "./payments.ts";
import type { ReceiptRow } from "./receipts.ts";
import type { NumberedSale } from "./sales.ts";
import type { NodePage, NodeStanding, PageQuery } from "./treasury.ts";

/** How many rows a page of a list has if the caller does not say. */
export const PAGE_ROWS = 100;

/** Whether a treasury spends, and what its owner should look at. */
export interface Health {
  readonly spending: boolean;
  /** Why it does not. */
  readonly reason?: string;
  /** Payments whose outcome is not known. */
  readonly openPayments: number;
  /** Of them, those that are older than an hour. [case 58] */
  readonly stuckPayments: number;
  /** Payments of the wallet that the books cannot explain. */
  readonly unexplainedPayments: number;
  /** Recalls that no service has confirmed, of hand-overs that have not ended; at most 10,000. */
  readonly pendingRecalls: number;
  /**
   * Whether something that was bought may still be wrapped with one of `previousSecrets`. While it
   * is true, keep them. Their credentials of agents need them until they end.
   */
  readonly previousSecretsNeeded: boolean;
}

/** This machine's time beside the time of the books, which never goes back by itself. */
export interface ClockView {
  /** Unix seconds. */
  readonly machine: number;
  /** Unix seconds: the latest time in the books, or the machine's if that is later. */
  readonly books: number;
  /** How far the books are ahead. */
  readonly behindSeconds: number;
  /** Whether no order is taken until the clock has caught up or was accepted. */
  readonly stopped: boolean;
}

/**
 * A service is told that a node was revoked, because it was handed something for that node or for
 * one below it: one recall for each purchase.
 */
export interface RecallView {
  /** Hex; of the purchase. */
  readonly paymentHash: string;
  readonly origin: string;
  /** The node that is revoked there; absent if the service cannot revoke. */
  readonly nodeId?: string;
  /**
   * `pending`: it is tried until the service confirms it. `unsupported`: the service cannot revoke.
   * `ended`: what was handed over ended by itself, without a confirmation.
   */
  readonly state: "pending" | "confirmed" | "unsupported" | "ended";
  /** Unix seconds of the revocation. */
  readonly at: number;
  /** Unix seconds by which everything that was handed over has ended by itself. */
  readonly until: number;
  /** Unix seconds. */
  readonly confirmedAt?: number;
}

/** A payment that the wallet made, and that the books cannot explain. */
export interface UnexplainedPayment {
  /** Hex. For `unreadable`, the SHA-256 of `row`: a name to explain it by. */
  readonly paymentHash: string;
  /**
   * `missing`: no book has it. `more`: it was more than the books have for it. `failed`: the books
   * have it as failed. `late`: the books had it as failed, and have and count it now. `unreadable`:
   * the wallet's record of it cannot be read.
   */
  readonly why: "missing" | "more" | "failed" | "late" | "unreadable";
  /** What the wallet lists, if it cannot be read. */
  readonly row?: string;
  /** As the wallet lists it, in one payment or in several; 0 if that cannot be read. */
  readonly amount: Amount;
  readonly fee: Amount;
  /** The part of both that no budget has counted. */
  readonly unbooked: Amount;
  /** When the wallet made it, by the wallet's clock. Unix seconds. */
  readonly at: number;
  /** Unix seconds. */
  readonly foundAt: number;
  /** The node or account of the wallet, if it can identify itself. */
  readonly wallet?: string;
}

/**
 * What an unexplained payment was, on the owner's word. `own`: not a payment of this treasury, so
 * no budget counts it. `node`: of that node, so its budgets and those above it count it. `late`:
 * made although it had failed; its budgets count it already.
 */
export type Explanation =
  | { readonly as: "own" | "late" }
  | { readonly as: "node"; readonly nodeId: string };

/** A payment without its preimage and its token: nothing that could be spent. */
export type PaymentView = Omit<
  PaymentRecord,
  "preimage" | "token" | "limitIds" | "attemptId" | "order" | "request" | "anyPath" | "skewSeconds"
>;

/** Payments to list. @default the newest 100 of every status and node */
export type PaymentFilter = Omit<PaymentQuery, "limit"> & { readonly limit?: number };

/** Which nodes to list. @default the first 100 of all */
export interface NodeFilter extends PageQuery {
  /** The node, with all below it. @default all nodes */
  readonly nodeId?: string;
}

/** The sum of the sales of a day, or of a route. */
export interface RevenueTotal {
  /** `2026-11-29`, UTC, if the sums are by day. */
  readonly day?: string;
  /** If the sums are by route. */
  readonly route?: string;
  readonly sales: number;
  readonly amount: Amount;
}

/** The owner's side of a treasury. Node ids are 32 hex digits, in lower case. */
export interface TreasuryOwner {
  health(): Promise<Health>;
  /**
   * Every node that the treasury has seen, or one and all below it; parents first. Asks for one
   * page after the other.
   */
  tree(nodeId?: string): Promise<readonly NodeStanding[]>;
  /** One page of that. */
  treePage(filter?: NodeFilter): Promise<NodePage>;
  /** The newest first. */
  payments(filter?: PaymentFilter): Promise<readonly PaymentView[]>;
  /**
   * Everything that changed the books after number `after`, in order.
   *
   * @param after @default 0
   * @param limit at most 1000. @default 100
   */
  journal(after?: number, limit?: number): Promise<readonly JournalEntry[]>;
  /**
   * Signed receipts after number `after`, in order; with `nodeId`, of what that node and those
   * below it paid.
   *
   * @param after @default 0
   * @param limit at most 1000. @default 100
   */
  receipts(after?: number, limit?: number, nodeId?: string): Promise<readonly ReceiptRow[]>;
  /**
   * What services on these books have sold, after number `after`, in order; nothing for a treasury
   * whose books no service shares.
   *
   * @param after @default 0
   * @param limit at most 1000. @default 100
   */
  sales(after?: number, limit?: number): Promise<readonly NumberedSale[]>;
  /** The sums of all of them. */
  revenue(by: "day" | "route"): Promise<readonly RevenueTotal[]>;
  /**
   * Revokes a node and everything below it, for good. What was handed over to it is revoked too, at
   * the services that can: they are told until each has confirmed. Waits two seconds for them at
   * most; `recalls` says which have not confirmed yet.
   *
   * @param reason one line of at most 200 characters, for the journal
   */
  revoke(nodeId: string, reason?: string): Promise<void>;
  /**
   * What services were told of revocations, the newest first; with `nodeId`, only what concerns
   * this node and those below it. Until an hour after the end of what was handed over.
   *
   * @param limit at most 1000. @default 100
   */
  recalls(nodeId?: string, limit?: number): Promise<readonly RecallView[]>;
  /**
   * Stops spending by a node and those below it, or, without a node, by everyone. A payment in
   * flight still lands. [case 50]
   */
  freeze(nodeId?: string, reason?: string): Promise<void>;
  /** Ends a freeze of the same node, or, without a node, of everyone. */
  thaw(nodeId?: string, reason?: string): Promise<void>;
  /**
   * Asks the wallet about every payment whose outcome is not known. `stillOpen`: how many are not
   * known after that.
   */
  reconcile(): Promise<{ readonly stillOpen: number }>;
  /** Payments of the wallet that the books cannot explain, the oldest first. Nothing is spent. */
  unexplained(): Promise<readonly UnexplainedPayment[]>;
  /**
   * Says what an unexplained payment was, for good. Spending goes on once none is left.
   *
   * @param reason one line of at most 200 characters, for the journal
   * @throws AdapterError `ERR_REQUEST` if the payment waits for no explanation
   */
  explain(paymentHash: string, explanation: Explanation, reason?: string): Promise<void>;
  /**
   * Lets spending go on after books were restored from a backup, on the owner's word that nothing
   * was paid since the backup; only needed if the wallet cannot list its payments. Also after they
   * were copied to another file, on the owner's word that no treasury runs on the other one.
   *
   * @throws AdapterError `ERR_REQUEST` if the books wait for no such word
   */
  confirmBooks(reason?: string): Promise<void>;
  /** This machine's time beside that of the books. */
  clock(): Promise<ClockView>;
  /**
   * Makes this machine's time the books', after its clock was ahead and was set right. Look at both
   * first: if the machine is the one that is wrong, what has ended is valid again. What was used
   * stays used; a window that something was spent from while the clock was ahead stays full until
   * then.
   *
   * @param reason one line of at most 200 characters, for the journal
   * @throws AdapterError `ERR_REQUEST` if the books are not ahead
   */
  acceptClock(reason?: string): Promise<void>;
  /**
   * Lets another node be paid for an origin. [case 70]
   *
   * @param payee the node's public key: 66 hex digits
   */
  allowPayee(origin: string, payee: string): Promise<void>;
  /**
   * Lets an origin be paid again that is closed after it refused what was paid for: for every node
   * for which it is closed.
   *
   * @throws AdapterError `ERR_REQUEST` for a text that is not the URL of a service
   */
  reopen(origin: string): Promise<void>;
  /**
   * Gives up a payment that the wallet cannot decide, on the owner's word that it was not made: its
   * amount can be spent again. A payment that was made after all is an alarm, and counts against no
   * budget. [case 58]
   *
   * @throws AdapterError `ERR_REQUEST` if the payment is not open
   */
  giveUp(paymentHash: string, reason: string): Promise<void>;
}
