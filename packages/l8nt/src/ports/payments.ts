/** Payments, from before they are sent, and what they bought. spec/4-purchase.md §4. */
import type { Amount } from "../amount.ts";
import type { Reservation, ReserveAnswer } from "./ledger.ts";

/** `used`: paid, and used up. `undelivered`: paid, and the service still asks for payment. */
export type PaymentStatus = "open" | "paid" | "used" | "failed" | "undelivered";

/** An origin where nothing is paid for a while. */
export interface Closure {
  /** A node id, with all nodes below it; or `*` for all. */
  readonly to: string;
  /** Unix seconds by the clock of the treasury that wrote it. */
  readonly until: number;
}

export interface PaymentRecord {
  /** Hex; unique. A hash is paid once, whatever challenge it comes in. [case 64] */
  readonly paymentHash: string;
  /** Node, method, origin, path: at most one open payment for each. [case 63] */
  readonly intent: string;
  /** The node that paid, with its ancestors, root first. */
  readonly nodeIds: readonly string[];
  readonly lineage: readonly string[];
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly invoice: string;
  readonly payee: string;
  /** What the service is paid. */
  readonly amount: Amount;
  /** The most that the payment may cost on top, in the unit of `amount`. */
  readonly maxFee: Amount;
  /** The attempt to pay, which its reservation has as id. A hash that failed may have another. */
  readonly attemptId: string;
  /**
   * The order that the purchase belongs to: `<payer's node id> <order's id>`. `late <payment hash>`
   * is nobody's: it was paid although its payment was recorded as failed.
   */
  readonly order: string;
  /** Hex SHA-256 of the request that the service named the price of. */
  readonly request: string;
  /** Whether the credential has a condition on endpoints that may cover other paths or methods. */
  readonly anyPath: boolean;
  /** The limits on spending that the payment counts against. */
  readonly limitIds: readonly string[];
  /**
   * What the challenge sold: base64 of a macaroon, or another server's text. With the preimage it
   * is the full credential. A treasury gives a store both wrapped.
   */
  readonly token: string;
  /** The conditions that the service said it enforces. */
  readonly enforced?: readonly string[] | undefined;
  /** The service's clock minus ours, in seconds, as the challenge showed it. */
  readonly skewSeconds?: number;
  /** Unix seconds. */
  readonly createdAt: number;
  /**
   * The wallet that pays, if the wallet can identify itself. Only the same wallet can prove that it
   * never paid. [case 59]
   */
  readonly wallet?: string;
  readonly status: PaymentStatus;
  readonly preimage?: string;
  /** In the unit of `amount`. */
  readonly fee?: Amount;
  /** Unix seconds at which the outcome was known. */
  readonly settledAt?: number;
  /** Whether the service may have served the purchase. */
  readonly delivered: boolean;
  /**
   * Of an undelivered payment: the node for which its origin is paid nothing, or `*` for all nodes,
   * until then (Unix seconds). [case 62]
   */
  readonly closed?: Closure;
}

/** How many purchases of one node a query returns at most, of each kind. */
export const MAX_PURCHASES = 256;

export type BeginAnswer =
  | ReserveAnswer
  /** The hash was paid before, or is being paid. */
  | { readonly reserved: false; readonly repeated: PaymentRecord }
  /** The order has a payment that did not fail. */
  | { readonly reserved: false; readonly ordered: PaymentRecord }
  /** Another payment for the same intent is open. */
  | { readonly reserved: false; readonly open: PaymentRecord };

/** The outcome of a payment. `failed` is proof that no money moved and none will. */
export type Settlement =
  | {
      readonly status: "paid";
      readonly preimage: string;
      /** In the unit of the payment's amount. */
      readonly fee: Amount;
      readonly at: number;
    }
  | { readonly status: "failed"; readonly at: number };

export interface Settled {
  /** The record after the settlement. */
  readonly payment: PaymentRecord;
  /**
   * The payment was recorded as failed, and was made all the same; no order has taken it since.
   * The wallet broke its word, or the owner was wrong.
   */
  readonly late: boolean;
}

/** What a purchase is looked for. */
export interface PurchaseQuery {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
}

/**
 * What became of a purchase: its status goes from `paid` to `used` to `undelivered`, and never
 * back. `delivered` never becomes false again.
 */
export interface PaymentMark {
  readonly status?: "used" | "undelivered";
  readonly delivered?: true;
  readonly closed?: Closure;
}

export interface PaymentQuery {
  /** Only payments that were begun before the one with this hash: none if there is none. */
  readonly before?: string;
  readonly status?: PaymentStatus;
  readonly nodeId?: string;
  readonly limit: number;
}

/** What can be presented of a payment, as a store keeps it. */
export type PaidTexts = Pick<PaymentRecord, "token" | "preimage">;

/** Every method is one atomic step, and durable when its promise resolves. */
export interface Payments {
  /**
   * Reserves and writes the record in one step, before anything is sent. A hash is begun again only
   * if its last payment failed for certain. An order has at most one payment that did not fail, and
   * an intent at most one open payment.
   *
   * @throws TypeError for amounts that are negative, too large, or not all of one unit, and for an
   * attempt id that is not the reservation's, or was used before
   */
  begin(reservation: Reservation, payment: PaymentRecord): Promise<BeginAnswer>;
  /**
   * Writes the outcome of an attempt, and commits or releases the reservation, in one step. A
   * second settlement changes nothing, and neither does the failure of an attempt that is not the
   * record's own any more. [case 51]
   *
   * `paid` holds whatever the attempt, because money moved. A payment that was recorded as failed
   * becomes paid: the amount and the fee are counted on every limit of its released reservation,
   * past a limit too, and the purchase belongs to no order.
   *
   * @throws TypeError for a hash that was never begun, and for a fee that is negative, too large,
   * or in another unit than the payment
   */
  settle(paymentHash: string, attemptId: string, settlement: Settlement): Promise<Settled>;
  /**
   * Returns the record after the mark.
   *
   * @param pace `patient`: no caller waits for the mark, so it may wait a moment for another change
   * to be written with. @default "urgent"
   * @throws TypeError for a hash that was never begun
   */
  mark(paymentHash: string, mark: PaymentMark, pace?: "patient" | "urgent"): Promise<PaymentRecord>;
  /**
   * Gives a purchase to the order `to`. Returns false, and changes nothing, unless it belongs to
   * `from`, `to` has no payment that did not fail, and its status is `paid` or, with `orUsed`,
   * `used`.
   */
  take(paymentHash: string, from: string, to: string, orUsed?: "or used"): Promise<boolean>;
  payment(paymentHash: string): Promise<PaymentRecord | undefined>;
  /** The payment of an order that did not fail. */
  ordered(order: string): Promise<PaymentRecord | undefined>;
  /** The payment of an intent whose outcome is not known yet. */
  openFor(intent: string): Promise<PaymentRecord | undefined>;
  /** Payments whose outcome is not known yet, the oldest first. */
  openPayments(): Promise<readonly PaymentRecord[]>;
  /**
   * Payments of status `paid` that one of `nodeIds` itself made at an origin, for this method and
   * path or with `anyPath`: in the order of `nodeIds`, the newest first for each. At most the
   * newest 256 of each node for the path, and as many with `anyPath`.
   */
  purchases(nodeIds: readonly string[], query: PurchaseQuery): Promise<readonly PaymentRecord[]>;
  /** Payments for people to read, the newest first. */
  payments(query: PaymentQuery): Promise<readonly PaymentRecord[]>;
  /** Payments in the order of their hashes, after the hash `after`. */
  paymentsAfter(after: string, limit: number): Promise<readonly PaymentRecord[]>;
  /**
   * Replaces the texts of a payment by the same ones in another wrapping. Returns false, and
   * changes nothing, unless they are `from`.
   */
  rewrap(paymentHash: string, from: PaidTexts, to: PaidTexts): Promise<boolean>;
  /** The closures of `origin` that have not ended at `at`. */
  closures(origin: string, at: number): Promise<readonly Closure[]>;
  /** Ends every closure of `origin`, on the owner's word. */
  reopen(origin: string, at: number): Promise<void>;
  /**
   * The Lightning nodes that may be paid for `origin`: the first one that was paid, and those that
   * the owner has allowed since. [case 70]
   */
  payees(origin: string): Promise<readonly string[]>;
  allowPayee(origin: string, payee: string, at: number): Promise<void>;
}
