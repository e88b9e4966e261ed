/** What must be remembered about money: counters, reservations, payments. One port; one contract suite for every store. */
import type { Counted } from "./limit.ts";

/** The worst case of one spend or use, held against every limit on its chain until it is resolved. */
export interface Reservation {
  readonly id: string;
  /** Unix seconds. */
  readonly at: number;
  /** For each counter of kind `spend`. */
  readonly amountMsat: bigint;
  /** For each counter of kind `uses`. */
  readonly uses: bigint;
  readonly counted: readonly Counted[];
}

/** What stands against one limit. */
export interface Usage {
  readonly id: string;
  /** Committed within the window (or in all), and reserved now. */
  readonly used: bigint;
  /** The part of it that is in flight. */
  readonly reserved: bigint;
}

export type ReserveAnswer =
  | { readonly reserved: true }
  /** All or nothing: every limit that had too little left, with what stands against it. */
  | { readonly reserved: false; readonly refused: readonly Usage[] };

/** How a reservation ended. It ends once; whoever comes later gets the first answer. [case 51] */
export interface Resolution {
  readonly outcome: "committed" | "released";
  readonly amountMsat: bigint;
  readonly uses: bigint;
}

/** Counts. Every method is one atomic step, and durable when its promise resolves. */
export interface Ledger {
  /** Reserving twice under one id is one reservation. */
  reserve(reservation: Reservation): Promise<ReserveAnswer>;
  /** Turns a reservation into a spend of `amountMsat`. More than was reserved is recorded as it is: it was spent. [case 46] */
  commit(id: string, amountMsat: bigint, at: number): Promise<Resolution>;
  /** Gives a reservation back: only on proof that nothing was spent or served. */
  release(id: string, at: number): Promise<Resolution>;
  usage(counted: readonly Counted[], at: number): Promise<readonly Usage[]>;
}

/** One payment, from the moment before it is sent. */
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
  readonly amountMsat: bigint;
  readonly maxFeeMsat: bigint;
  readonly reservationId: string;
  /** The limits on spending that it counts against. */
  readonly limitIds: readonly string[];
  /** Base64 of the challenge's macaroon: with the preimage, the full credential. */
  readonly macaroon: string;
  /** The conditions that the service said it enforces. */
  readonly enforced: readonly string[] | undefined;
  /** `used`: paid, and worth nothing any more. `undelivered`: paid, and the service still asks for payment. */
  readonly status: "open" | "paid" | "used" | "failed" | "undelivered";
  readonly preimage?: string;
  readonly feeMsat?: bigint;
  /** Unix seconds. */
  readonly createdAt: number;
  /** Whether the service has ever served it. */
  readonly delivered: boolean;
}

export type BeginAnswer = ReserveAnswer | { readonly reserved: false; readonly repeated: PaymentRecord };

export interface Payments {
  /** Reserves and writes the record in one step, before anything is sent. A hash may come again only where paying it failed for certain. */
  begin(reservation: Reservation, payment: PaymentRecord): Promise<BeginAnswer>;
  /** Writes what became of it. The hash names it. */
  record(payment: PaymentRecord): Promise<void>;
  payment(paymentHash: string): Promise<PaymentRecord | undefined>;
  /** Those whose outcome is not known yet. */
  openPayments(): Promise<readonly PaymentRecord[]>;
  /** Those of status `paid` that one of `nodeIds` itself made at `origin`, the newest first for each. */
  purchases(nodeIds: readonly string[], origin: string): Promise<readonly PaymentRecord[]>;
}

export interface Store extends Ledger, Payments {}
