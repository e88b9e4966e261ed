/** What a service has sold, and what it gave back of it. spec/5-ledger.md §9. */
import type { Amount } from "../amount.ts";

/** A purchase, from the first request on that brought its credential. */
export interface SaleRecord {
  /** Hex. Unique: the same payment is one sale. */
  readonly paymentHash: string;
  /** Of the credential that was sold. All that descends from it is below that node. */
  readonly nodeId: string;
  /** What was paid. */
  readonly amount: Amount;
  /** Where the first request came, such as `GET /history/*`: one of few names. */
  readonly route: string;
  /** Of the first request. */
  readonly method: string;
  readonly path: string;
  /** Unix seconds of the first request. */
  readonly at: number;
  /** Unix seconds at which the credential that was sold ends. */
  readonly endsAt: number;
}

export interface NumberedSale extends SaleRecord {
  /** From 1, and increasing. */
  readonly seq: number;
}

export interface SaleQuery {
  /** Unix seconds. */
  readonly from?: number | undefined;
  /** Unix seconds; a sale of this time is not in it. */
  readonly to?: number | undefined;
  /** Only sales with a greater number. */
  readonly after: number;
  readonly limit: number;
}

export interface TotalsQuery {
  readonly by: "day" | "route";
  /** A number of whole days since 1970, UTC. */
  readonly fromDay?: number | undefined;
  /** This day is not in it. */
  readonly toDay?: number | undefined;
}

export interface SaleTotal {
  /** If totals are by day: the number of the day since 1970, UTC. */
  readonly day?: number;
  /** If totals are by route. */
  readonly route?: string;
  readonly sales: number;
  /** The sum. Sales in another unit are another total. */
  readonly amount: Amount;
}

/** One step of summing up sales. */
export interface SalesFolding {
  /** Up to when time has certainly passed, in Unix seconds. */
  readonly at: number;
  /** A sale stays at least so long, and until its credential has ended. */
  readonly keepSeconds: number;
  readonly limit: number;
}

/** What is given back of a use that was counted. */
export interface Refund {
  /** The id of the reservation that was committed. */
  readonly id: string;
  /**
   * A part of what was spent, in the unit of the reservation.
   *
   * @default all of it, and the use
   */
  readonly amount?: Amount | undefined;
  /** Unix seconds. */
  readonly at: number;
  /** Unix seconds at which the credential has ended, and the refund can be forgotten. */
  readonly until: number;
}

/** What a refund takes off a counter. */
export interface Credit {
  /** The counter's. */
  readonly id: string;
  readonly value: bigint;
  /** Unix seconds at which the use was reserved: no window counts it for longer than from then. */
  readonly at: number;
}

/** Every method is one atomic step, and durable when its promise resolves. */
export interface SalesBook {
  /**
   * Writes a sale. Returns false, and changes nothing, if it is known.
   *
   * @param tell whether somebody waits to be told of it
   */
  sell(sale: SaleRecord, tell: boolean): Promise<boolean>;
  /** In the order of their numbers. Of sales that were summed up, only the totals are left. */
  sales(query: SaleQuery): Promise<readonly NumberedSale[]>;
  /** In the order of the days, or of the routes' code units; what was summed up is counted. */
  saleTotals(query: TotalsQuery): Promise<readonly SaleTotal[]>;
  /** Sales that somebody waits to be told of. */
  untoldSales(after: number, limit: number): Promise<readonly NumberedSale[]>;
  saleTold(seqs: readonly number[]): Promise<void>;
  /** Sums old sales up by day and route, and removes them. Returns whether there may be more. */
  foldSales(folding: SalesFolding): Promise<boolean>;
  /**
   * Gives back what a committed reservation has counted, once, and notes it in the journal.
   * Returns false, and changes nothing, if it was given back before, was released, still runs, is
   * so old that it was folded, or if its credential has ended.
   *
   * @throws TypeError for an amount in another unit, or of more than was spent
   */
  refund(refund: Refund): Promise<boolean>;
  /** What was given back on these counters. */
  credits(counterIds: readonly string[]): Promise<readonly Credit[]>;
}
