/** The ledger in two maps, by `step()` alone: the rows that the database must have. */
import {
  type Answers,
  type Counter,
  type LedgerEvent,
  type LedgerState,
  type ReservationRow,
  type Step,
  step,
  timeOf,
} from "../../../packages/l8nt/src/ledger/index.ts";
import type { JournalEntry } from "../../../packages/l8nt/src/ports/journal.ts";
import type { PaymentRecord } from "../../../packages/l8nt/src/ports/payments.ts";

export class Model {
  readonly counters = new Map<string, Counter>();
  readonly reservations = new Map<string, ReservationRow>();
  readonly payments = new Map<string, PaymentRecord>();
  readonly journal: JournalEntry[] = [];
  latest = 0;

  readonly #state: LedgerState = {
    counter: (id) => this.counters.get(id),
    reservation: (id) => this.reservations.get(id),
    payment: (hash) => this.payments.get(hash),
    openFor: (intent) =>
      [...this.payments.values()].find(
        (payment) => payment.intent === intent && payment.status === "open",
      ),
    ordered: (order) =>
      [...this.payments.values()].find(
        (payment) => payment.order === order && payment.status !== "failed",
      ),
  };

  /** @throws TypeError as `step` does */
  apply(event: LedgerEvent): Answers[keyof Answers] {
    const at = timeOf(event) ?? this.latest;
    const change = step(this.#state, event as never) as Step<Answers[keyof Answers]>;
    for (const [id, counter] of change.counters) this.counters.set(id, counter);
    if (change.reservation !== undefined)
      this.reservations.set(change.reservation.reservation.id, change.reservation);
    if (change.payment !== undefined) this.payments.set(change.payment.paymentHash, change.payment);
    for (const entry of change.journal) {
      this.latest = Math.max(this.latest, at);
      this.journal.push({ seq: this.journal.length + 1, at, event: entry });
    }
    return change.answer;
  }
}
