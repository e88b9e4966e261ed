/** A store in memory, for one process. Nothing survives the process. */
import type { Amount } from "../amount.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { Recent } from "../internal/recent.ts";
import {
  type Answers,
  creditsOf,
  type LedgerEvent,
  type LedgerState,
  type ReservationRow,
  refundNote,
  type Step,
  step,
  timeOf,
  usageOf,
} from "../ledger/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Directive, NumberedDirective } from "../ports/directives.ts";
import type { Checkpoint, FoldedCounter, Folding } from "../ports/folding.ts";
import type {
  HandOver,
  HandOverEnds,
  HandOverTerms,
  Recall,
  RecallKey,
  RecallPage,
  Revoked,
} from "../ports/hand-overs.ts";
import type { CounterRow, JournalEntry, JournalEvent } from "../ports/journal.ts";
import type {
  AbandonedReservation,
  Reservation,
  ReserveAnswer,
  Resolution,
  Usage,
} from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import type { ForgottenNode, NodeOutline, NodeQuery, NodeRecord } from "../ports/nodes.ts";
import type {
  BeginAnswer,
  Closure,
  PaidTexts,
  PaymentMark,
  PaymentQuery,
  PaymentRecord,
  PurchaseQuery,
  Settled,
  Settlement,
} from "../ports/payments.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type {
  Credit,
  NumberedSale,
  Refund,
  SaleQuery,
  SaleRecord,
  SalesFolding,
  SaleTotal,
  TotalsQuery,
} from "../ports/sales.ts";
import type { Store } from "../ports/store.ts";
import { MemoryCounters } from "./memory-counters.ts";
import { MemoryHandOvers } from "./memory-hand-overs.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { MemoryNodes } from "./memory-nodes.ts";
import { MemoryPayments } from "./memory-payments.ts";
import { MemorySales } from "./memory-sales.ts";

export interface MemoryStoreOptions {
  /** Keeps the journal, which grows until it is folded. @default false */
  readonly journal?: boolean;
  /**
   * Seconds since any moment, by a clock that nobody sets. What has ended is deleted only after as
   * much time has passed by it, so that a clock that is set ahead and back deletes nothing.
   *
   * @default performance.now()
   */
  readonly elapsed?: Clock;
}

const OPTIONS = { journal: true, elapsed: true } satisfies Keys<MemoryStoreOptions>;

/** How many ended reservations keep their answer at least, for a second commit or release. */
const REMEMBERED = 2048;
/** How many events pass between two searches for closures that have ended. */
const SWEEP_EVERY = 4096;

export class MemoryStore implements Store {
  readonly shared = false;
  readonly #keepsJournal: boolean;
  readonly #counters: MemoryCounters;
  readonly #open = new Map<string, ReservationRow>();
  readonly #ended = new Recent<string, ReservationRow>(REMEMBERED);
  /** The reservations of payments that failed: a payment may turn out to have been made. */
  readonly #failed = new Map<string, ReservationRow>();
  readonly #payments = new MemoryPayments();
  readonly #receipts: ReceiptRow[] = [];
  readonly #directives: NumberedDirective[] = [];
  readonly #nodes = new MemoryNodes();
  readonly #handOvers = new MemoryHandOvers();
  readonly #wrapped = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #facts = new Map<string, string>();
  readonly #journal: MemoryJournal;
  readonly #sales = new MemorySales();
  #latest = 0;
  #events = 0;

  readonly #state: LedgerState;

  /** @throws TypeError for an unknown option */
  constructor(options: MemoryStoreOptions = {}) {
    checkKeys(options, OPTIONS, "a memory store");
    this.#keepsJournal = options.journal ?? false;
    const counters = new MemoryCounters(options.elapsed);
    this.#counters = counters;
    this.#journal = new MemoryJournal(counters);
    this.#state = {
      get forgottenUntil() {
        return counters.forgottenUntil;
      },
      counter: (id) => counters.get(id),
      reservation: (id) => this.#open.get(id) ?? this.#failed.get(id) ?? this.#ended.get(id),
      payment: (hash) => this.#payments.get(hash),
      openFor: (intent) => this.#payments.openFor(intent),
      ordered: (order) => this.#payments.ordered(order),
    };
  }

  async reserve(reservation: Reservation): Promise<ReserveAnswer> {
    return this.#apply({ type: "reserve", reservation });
  }

  async commit(id: string, amount: Amount, at: number): Promise<Resolution> {
    return this.#apply({ type: "commit", id, amount, at });
  }

  async release(id: string, at: number): Promise<Resolution> {
    return this.#apply({ type: "release", id, at });
  }

  async usage(counted: readonly Counted[], at: number): Promise<readonly Usage[]> {
    return counted.map((one) => usageOf(this.#state, one, at));
  }

  async abandoned(before: number): Promise<readonly AbandonedReservation[]> {
    const paying = new Set((await this.openPayments()).map(({ attemptId }) => attemptId));
    return [...this.#open.values()]
      .filter(({ reservation: { id, at } }) => at < before && !paying.has(id))
      .map(({ reservation: { id, amount } }) => ({ id, amount }));
  }

  async begin(reservation: Reservation, payment: PaymentRecord): Promise<BeginAnswer> {
    return this.#apply({ type: "begin", reservation, payment });
  }

  async settle(paymentHash: string, attemptId: string, settlement: Settlement): Promise<Settled> {
    return this.#apply({ type: "settle", paymentHash, attemptId, settlement });
  }

  async take(paymentHash: string, from: string, to: string, orUsed?: "or used"): Promise<boolean> {
    return this.#apply({ type: "take", paymentHash, from, to, orUsed });
  }

  async mark(paymentHash: string, mark: PaymentMark): Promise<PaymentRecord> {
    return this.#apply({ type: "mark", paymentHash, mark });
  }

  async payment(paymentHash: string): Promise<PaymentRecord | undefined> {
    return this.#payments.get(paymentHash);
  }

  async ordered(order: string): Promise<PaymentRecord | undefined> {
    return this.#state.ordered(order);
  }

  async openFor(intent: string): Promise<PaymentRecord | undefined> {
    return this.#state.openFor(intent);
  }

  async openPayments(): Promise<readonly PaymentRecord[]> {
    return this.#payments.open();
  }

  async purchases(
    nodeIds: readonly string[],
    query: PurchaseQuery,
  ): Promise<readonly PaymentRecord[]> {
    return this.#payments.purchases(nodeIds, query);
  }

  async payments(query: PaymentQuery): Promise<readonly PaymentRecord[]> {
    return this.#payments.list(query);
  }

  async paymentsAfter(after: string, limit: number): Promise<readonly PaymentRecord[]> {
    return this.#payments.after(after, limit);
  }

  async rewrap(paymentHash: string, from: PaidTexts, to: PaidTexts): Promise<boolean> {
    return this.#payments.rewrap(paymentHash, from, to);
  }

  async closures(origin: string, at: number): Promise<readonly Closure[]> {
    return this.#payments.closures(origin, at);
  }

  async reopen(origin: string, at: number): Promise<void> {
    this.#payments.reopen(origin);
    this.#write({ type: "note", text: `${origin} is open again` }, at);
  }

  async payees(origin: string): Promise<readonly string[]> {
    return this.#payments.payees(origin);
  }

  async allowPayee(origin: string, payee: string, at: number): Promise<void> {
    this.#payments.allowPayee(origin, payee);
    this.#write({ type: "note", text: `${payee} may be paid for ${origin}` }, at);
  }

  async unreceipted(limit: number): Promise<readonly PaymentRecord[]> {
    return this.#payments.unreceipted(limit);
  }

  async appendReceipts(rows: readonly ReceiptRow[]): Promise<boolean> {
    const next = (this.#receipts.at(-1)?.seq ?? 0) + 1;
    if (rows.some(({ seq }, at) => seq !== next + at)) return false;
    for (const row of rows) {
      this.#receipts.push(row);
      this.#payments.receipted(row.paymentHash);
    }
    return true;
  }

  async receipts(after: number, limit: number, nodeId?: string): Promise<readonly ReceiptRow[]> {
    return this.#receipts
      .filter(({ seq }) => seq > after)
      .filter(
        ({ paymentHash }) =>
          nodeId === undefined || this.#payments.get(paymentHash)?.nodeIds.includes(nodeId),
      )
      .slice(0, limit);
  }

  async lastReceipt(): Promise<ReceiptRow | undefined> {
    return this.#receipts.at(-1);
  }

  async addDirective(directive: Directive): Promise<number> {
    const seq = this.#directives.length + 1;
    this.#directives.push({ ...directive, seq });
    const { kind, nodeId, reason } = directive;
    this.#write(
      { type: "directive", kind, nodeId, ...(reason !== undefined && { reason }) },
      directive.at,
    );
    return seq;
  }

  async directives(after: number): Promise<readonly NumberedDirective[]> {
    return this.#directives.slice(after);
  }

  async meet(nodes: readonly NodeRecord[]): Promise<void> {
    this.#nodes.meet(nodes);
  }

  async nodes(query: NodeQuery): Promise<readonly NodeRecord[]> {
    return this.#nodes.nodes(query);
  }

  async nodeOutlines(query: Omit<NodeQuery, "under">): Promise<readonly NodeOutline[]> {
    return this.#nodes.outlines(query);
  }

  async forgetNodes(forgotten: readonly ForgottenNode[]): Promise<void> {
    this.#nodes.forget(forgotten);
  }

  async handOver(handOver: HandOver, terms: HandOverTerms): Promise<boolean> {
    return this.#handOvers.handOver(handOver, terms);
  }

  async recall(revoked: Revoked, page: RecallPage): Promise<string | undefined> {
    return this.#handOvers.recall(revoked, page);
  }

  async widenRecall(recall: RecallKey): Promise<void> {
    this.#handOvers.widenRecall(recall);
  }

  async acknowledge(recall: RecallKey, at: number): Promise<void> {
    this.#handOvers.acknowledge(recall, at);
  }

  async postponeRecall(recall: RecallKey, until: number): Promise<void> {
    this.#handOvers.postpone(recall, until);
  }

  async pendingRecalls(
    at: number,
    except: readonly string[],
    limit: number,
  ): Promise<readonly Recall[]> {
    return this.#handOvers.pendingRecalls(at, except, limit);
  }

  async countPendingRecalls(at: number, limit: number): Promise<number> {
    return this.#handOvers.countPendingRecalls(at, limit);
  }

  async recalls(nodeId: string | undefined, limit: number): Promise<readonly Recall[]> {
    return this.#handOvers.recalls(nodeId, limit);
  }

  async forgetHandOvers(before: HandOverEnds, limit: number): Promise<boolean> {
    return this.#handOvers.forget(before, limit);
  }

  async journal(after: number, limit: number): Promise<readonly JournalEntry[]> {
    return this.#journal.entries(after, limit);
  }

  async note(text: string, at: number): Promise<void> {
    this.#write({ type: "note", text }, at);
  }

  async counters(after: string, limit: number): Promise<readonly CounterRow[]> {
    return this.#counters.page(after, limit);
  }

  async fold(folding: Folding): Promise<boolean> {
    return this.#keepsJournal && this.#journal.fold(folding);
  }

  async checkpoint(): Promise<Checkpoint> {
    return this.#journal.checkpoint;
  }

  async foldedCounters(after: string, limit: number): Promise<readonly FoldedCounter[]> {
    return this.#counters.foldedPage(after, limit);
  }

  async latest(): Promise<number> {
    return this.#latest;
  }

  async turnBack(at: number, text: string): Promise<void> {
    this.#latest = at;
    this.#write({ type: "note", text }, at);
  }

  async fact(name: string): Promise<string | undefined> {
    return this.#facts.get(name);
  }

  async firstFact(name: string, value: string): Promise<string> {
    const kept = this.#facts.get(name) ?? value;
    this.#facts.set(name, kept);
    return kept;
  }

  async setFact(name: string, value: string): Promise<void> {
    this.#facts.set(name, value);
  }

  async dropFacts(prefix: string, below: number): Promise<void> {
    for (const [name, value] of this.#facts)
      if (
        name.startsWith(prefix) &&
        /^\d{1,15}(?:\.\d{1,9})?$/.test(value) &&
        Number(value) < below
      )
        this.#facts.delete(name);
  }

  async wrapped(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#wrapped.get(name);
  }

  async keepWrapped(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (this.#wrapped.has(name)) return false;
    this.#wrapped.set(name, bytes);
    return true;
  }

  async sell(sale: SaleRecord, tell: boolean): Promise<boolean> {
    return this.#sales.sell(sale, tell);
  }

  async sales(query: SaleQuery): Promise<readonly NumberedSale[]> {
    return this.#sales.list(query);
  }

  async saleTotals(query: TotalsQuery): Promise<readonly SaleTotal[]> {
    return this.#sales.totals(query);
  }

  async untoldSales(after: number, limit: number): Promise<readonly NumberedSale[]> {
    return this.#sales.untold(after, limit);
  }

  async saleTold(seqs: readonly number[]): Promise<void> {
    this.#sales.told(seqs);
  }

  async foldSales(folding: SalesFolding): Promise<boolean> {
    return this.#sales.fold(folding);
  }

  async refund({ id, amount, at, until }: Refund): Promise<boolean> {
    const row = this.#ended.get(id);
    if (row?.resolution === undefined || at >= until) return false;
    const credits = creditsOf(row.reservation, row.resolution, amount);
    if (!this.#sales.refund(id, credits, until)) return false;
    this.#write({ type: "note", text: refundNote(id, amount) }, at);
    return true;
  }

  async credits(counterIds: readonly string[]): Promise<readonly Credit[]> {
    return this.#sales.credits(counterIds);
  }

  async close(): Promise<void> {}

  #apply<Type extends LedgerEvent["type"]>(
    event: Extract<LedgerEvent, { readonly type: Type }>,
  ): Answers[Type] {
    const at = timeOf(event) ?? this.#latest;
    if (!this.#keepsJournal) this.#counters.sweep(at);
    if (++this.#events % SWEEP_EVERY === 0) this.#payments.endClosures(at);
    const change = step<Type>(this.#state, event);
    if (change.reservation !== undefined) this.#keepCounted(change.counters, change.reservation);
    if (change.payment !== undefined) this.#keepPayment(change.payment);
    if (change.payment?.status === "failed" && change.reservation !== undefined)
      this.#failed.set(change.payment.attemptId, change.reservation);
    for (const entry of change.journal) this.#write(entry, at);
    return change.answer;
  }

  #keepCounted(counters: Step<never>["counters"], row: ReservationRow): void {
    const { id, counted } = row.reservation;
    for (const limit of counted) {
      const counter = counters.get(limit.id);
      if (counter !== undefined) this.#counters.set(limit, counter);
    }
    this.#failed.delete(id);
    if (row.resolution === undefined) this.#open.set(id, row);
    else {
      this.#open.delete(id);
      this.#ended.set(id, row);
    }
  }

  #keepPayment(payment: PaymentRecord): void {
    const previous = this.#payments.keep(payment);
    if (previous !== undefined && payment.status !== "failed")
      this.#failed.delete(previous.attemptId);
  }

  #write(event: JournalEvent, at: number): void {
    this.#latest = Math.max(this.#latest, at);
    if (this.#keepsJournal) this.#journal.write(at, event);
  }
}
