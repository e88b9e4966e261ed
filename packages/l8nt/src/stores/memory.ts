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

export class MemoryStore implements Store {
  readonly #counters = new Map<string, Counter & { expiresAt: number }>();
  readonly #open = new Map<string, ReservationRow>();
  readonly #ended = new Lru<string, ReservationRow>(REMEMBERED);
  readonly #payments = new Map<string, PaymentRecord>();
  readonly #hashesByPayer = new Map<string, readonly string[]>();
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
    if (answer.reserved) {
      const payer = payment.nodeIds.at(-1)!;
      this.#payments.set(payment.paymentHash, payment);
      const others = this.#hashesByPayer.get(payer)?.filter((hash) => hash !== payment.paymentHash) ?? [];
      this.#hashesByPayer.set(payer, [payment.paymentHash, ...others]);
    }
    return answer;
  }

  async record(payment: PaymentRecord): Promise<void> {
    this.#payments.set(payment.paymentHash, payment);
  }

  async payment(paymentHash: string): Promise<PaymentRecord | undefined> {
    return this.#payments.get(paymentHash);
  }

  async openPayments(): Promise<readonly PaymentRecord[]> {
    return [...this.#payments.values()].filter(({ status }) => status === "open");
  }

  async purchases(nodeIds: readonly string[], origin: string): Promise<readonly PaymentRecord[]> {
    // What failed for one node may be another's now: a purchase is never a sibling's.
    return nodeIds.flatMap((nodeId) =>
      (this.#hashesByPayer.get(nodeId) ?? [])
        .map((hash) => this.#payments.get(hash)!)
        .filter((payment) => payment.origin === origin && payment.nodeIds.at(-1) === nodeId),
    );
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
      if (expiresAt < now && reserved === 0n) this.#counters.delete(id);
  }
}
