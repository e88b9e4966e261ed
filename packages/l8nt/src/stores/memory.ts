/** A store in memory: for one process, and for nothing that must survive it. */
import { Lru } from "../internal/lru.ts";
import {
  type Counter,
  type LedgerState,
  type ReservationRow,
  reserve,
  resolve,
  type Step,
  usageOf,
} from "../ledger/index.ts";
import type { Counted } from "../ports/limit.ts";
import type {
  BeginAnswer,
  PaymentRecord,
  Reservation,
  ReserveAnswer,
  Resolution,
  Store,
  Usage,
} from "../ports/store.ts";

/** How many ended reservations keep their answer, for whoever asks again. */
const REMEMBERED = 4096;
/** How often counters of credentials that have ended are looked for, in reservations. */
const SWEEP_EVERY = 4096;
/** A clock that is set back by less than this finds every counter where it was. */
const CLOCK_MARGIN_SECONDS = 86_400;

export class MemoryStore implements Store {
  readonly #counters = new Map<string, Counter & { expiresAt: number }>();
  readonly #open = new Map<string, ReservationRow>();
  readonly #ended = new Lru<string, ReservationRow>(REMEMBERED);
  readonly #payments = new Map<string, PaymentRecord>();
  /** The hashes of what each node bought and may still use, oldest first. */
  readonly #usable = new Map<string, Set<string>>();
  /** The hashes of those whose outcome is not known yet. */
  readonly #undecided = new Set<string>();
  #reservations = 0;

  readonly #state: LedgerState = {
    counter: (id) => this.#counters.get(id),
    reservation: (id) => this.#open.get(id) ?? this.#ended.get(id),
  };

  async reserve(reservation: Reservation): Promise<ReserveAnswer> {
    return this.#reserve(reservation);
  }

  #reserve(reservation: Reservation): ReserveAnswer {
    if (++this.#reservations % SWEEP_EVERY === 0) this.#sweep(reservation.at);
    return this.#apply(reserve(this.#state, reservation));
  }

  async commit(id: string, amountMsat: bigint, at: number): Promise<Resolution> {
    return this.#apply(resolve(this.#state, id, "committed", amountMsat, at));
  }

  async release(id: string, at: number): Promise<Resolution> {
    return this.#apply(resolve(this.#state, id, "released", 0n, at));
  }

  async usage(counted: readonly Counted[], at: number): Promise<readonly Usage[]> {
    return counted.map((one) => usageOf(this.#state, one, at));
  }

  async begin(reservation: Reservation, payment: PaymentRecord): Promise<BeginAnswer> {
    const repeated = this.#payments.get(payment.paymentHash);
    if (repeated !== undefined && repeated.status !== "failed") return { reserved: false, repeated };
    const answer = this.#reserve(reservation);
    if (answer.reserved) await this.record(payment);
    return answer;
  }

  async record(payment: PaymentRecord): Promise<void> {
    const { paymentHash, status } = payment;
    const payer = payment.nodeIds.at(-1)!;
    const usable = this.#usable.get(payer) ?? new Set();
    if (status === "paid") usable.add(paymentHash);
    else usable.delete(paymentHash);
    if (usable.size > 0) this.#usable.set(payer, usable);
    else this.#usable.delete(payer);
    if (status === "open") this.#undecided.add(paymentHash);
    else this.#undecided.delete(paymentHash);
    this.#payments.set(paymentHash, payment);
  }

  async payment(paymentHash: string): Promise<PaymentRecord | undefined> {
    return this.#payments.get(paymentHash);
  }

  async openPayments(): Promise<readonly PaymentRecord[]> {
    return [...this.#undecided].map((hash) => this.#payments.get(hash)!);
  }

  async purchases(nodeIds: readonly string[], origin: string): Promise<readonly PaymentRecord[]> {
    return nodeIds
      .flatMap((nodeId) => [...(this.#usable.get(nodeId) ?? [])].reverse())
      .map((hash) => this.#payments.get(hash)!)
      .filter((payment) => payment.origin === origin);
  }

  #apply<Answer>({ counters, reservation: row, answer }: Step<Answer>): Answer {
    if (row === undefined) return answer;
    const { id, counted } = row.reservation;
    for (const { id: counterId, expiresAt = Number.POSITIVE_INFINITY } of counted) {
      const counter = counters.get(counterId);
      if (counter !== undefined) this.#counters.set(counterId, { ...counter, expiresAt });
    }
    if (row.resolution === undefined) this.#open.set(id, row);
    else {
      this.#open.delete(id);
      this.#ended.set(id, row);
    }
    return answer;
  }

  #sweep(now: number): void {
    for (const [id, { expiresAt, reserved }] of this.#counters)
      if (expiresAt < now - CLOCK_MARGIN_SECONDS && reserved === 0n) this.#counters.delete(id);
  }
}
