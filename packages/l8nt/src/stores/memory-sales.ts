/** The sales of a store in memory. */
import { type DayRouteTotal, dayOf, isEnded, summed, totalsOf } from "../ledger/sale-totals.ts";
import type {
  Credit,
  NumberedSale,
  SaleQuery,
  SaleRecord,
  SalesFolding,
  SaleTotal,
  TotalsQuery,
} from "../ports/sales.ts";

/** How many sales are kept, of credentials that have ended. */
const MOST = 65_536;
const STEP = 4096;

export class MemorySales {
  readonly #byHash = new Map<string, NumberedSale>();
  readonly #untold = new Map<number, NumberedSale>();
  #folded: readonly DayRouteTotal[] = [];
  /** By the id of the reservation. */
  readonly #refunds = new Map<
    string,
    { readonly until: number; readonly credits: readonly Credit[] }
  >();
  /** By the id of the counter, the ids of reservations. */
  readonly #refundsOn = new Map<string, readonly string[]>();
  #seq = 0;

  sell(sale: SaleRecord, tell: boolean): boolean {
    if (this.#byHash.has(sale.paymentHash)) return false;
    const numbered = { ...sale, seq: ++this.#seq };
    this.#byHash.set(sale.paymentHash, numbered);
    if (tell) this.#untold.set(numbered.seq, numbered);
    // A store that lives in memory keeps fewer than it is asked to.
    if (this.#byHash.size > MOST && numbered.seq % STEP === 0)
      this.fold({ at: sale.at, keepSeconds: 0, limit: STEP });
    return true;
  }

  list({ from, to, after, limit }: SaleQuery): readonly NumberedSale[] {
    const found: NumberedSale[] = [];
    for (const sale of this.#byHash.values()) {
      if (found.length === limit) break;
      const { seq, at } = sale;
      if (seq > after && at >= (from ?? at) && (to === undefined || at < to)) found.push(sale);
    }
    return found;
  }

  totals(query: TotalsQuery): readonly SaleTotal[] {
    return totalsOf([...this.#folded, ...rowsOf([...this.#byHash.values()])], query);
  }

  untold(after: number, limit: number): readonly NumberedSale[] {
    return [...this.#untold.values()].filter(({ seq }) => seq > after).slice(0, limit);
  }

  told(seqs: readonly number[]): void {
    for (const seq of seqs) this.#untold.delete(seq);
  }

  fold(folding: SalesFolding): boolean {
    const ended = [...this.#byHash.values()]
      .filter((sale) => isEnded(sale, folding) && !this.#untold.has(sale.seq))
      .slice(0, folding.limit);
    this.#folded = summed([...this.#folded, ...rowsOf(ended)]);
    for (const { paymentHash } of ended) this.#byHash.delete(paymentHash);
    for (const [id, { until, credits }] of this.#refunds) {
      if (until >= folding.at - folding.keepSeconds) continue;
      this.#refunds.delete(id);
      for (const { id: counter } of credits) {
        const left = this.#refundsOn.get(counter)!.filter((other) => other !== id);
        if (left.length > 0) this.#refundsOn.set(counter, left);
        else this.#refundsOn.delete(counter);
      }
    }
    return ended.length === folding.limit;
  }

  /** Whether nothing was given back of the reservation before. */
  refund(id: string, credits: readonly Credit[], until: number): boolean {
    if (credits.length === 0 || this.#refunds.has(id)) return false;
    this.#refunds.set(id, { until, credits });
    for (const { id: counter } of credits)
      this.#refundsOn.set(counter, [...(this.#refundsOn.get(counter) ?? []), id]);
    return true;
  }

  credits(ids: readonly string[]): readonly Credit[] {
    return [...new Set(ids)].flatMap((id) =>
      (this.#refundsOn.get(id) ?? []).flatMap((refund) =>
        this.#refunds.get(refund)!.credits.filter((credit) => credit.id === id),
      ),
    );
  }
}

const rowsOf = (sales: readonly NumberedSale[]): readonly DayRouteTotal[] =>
  sales.map(({ at, route, amount }) => ({ day: dayOf(at), route, sales: 1, amount }));
