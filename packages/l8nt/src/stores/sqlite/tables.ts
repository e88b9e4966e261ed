/**
 * Reads and writes the rows of the ledger's rules: counters, reservations, payments. Recently read
 * rows are cached.
 */
import type { Unit } from "../../amount.ts";
import { Lru } from "../../internal/lru.ts";
import type { Counter, LedgerState, ReservationRow, Step } from "../../ledger/index.ts";
import type { Reservation, Resolution } from "../../ports/ledger.ts";
import type { PaidTexts, PaymentRecord, PurchaseQuery } from "../../ports/payments.ts";
import { PaymentIndex } from "./payment-index.ts";
import {
  bodyOf,
  hashBytes,
  hashIn,
  keysOf,
  paymentIn,
  reservationIn,
  slotsIn,
  slotsText,
  statesOf,
} from "./rows.ts";
import type { Statements } from "./statements.ts";

const KEPT_COUNTERS = 50_000;
const KEPT_PAYMENTS = 4_000;

export class Tables implements LedgerState {
  readonly #sql: Statements;
  /** `null`: known to be absent. */
  #counters = new Lru<string, Counter | null>(KEPT_COUNTERS);
  #payments = new Lru<string, PaymentRecord>(KEPT_PAYMENTS);
  #index: PaymentIndex;
  readonly #open = new Map<string, ReservationRow>();
  readonly #openIntents = new Map<string, string>();
  #forgottenUntil: number | undefined;

  constructor(sql: Statements) {
    this.#sql = sql;
    this.#index = new PaymentIndex(sql);
    this.reload();
  }

  /** Clears the cache, which may hold rows of a transaction that was rolled back. */
  reload(): void {
    this.#counters = new Lru(KEPT_COUNTERS);
    this.#payments = new Lru(KEPT_PAYMENTS);
    this.#index = new PaymentIndex(this.#sql);
    this.#open.clear();
    this.#openIntents.clear();
    this.#forgottenUntil = undefined;
    for (const row of this.#sql.all(
      "SELECT j.event FROM reservations r JOIN journal j ON j.seq = r.entry WHERE r.outcome IS NULL ORDER BY r.entry",
    )) {
      const reservation = reservationIn(row);
      this.#open.set(reservation.id, { reservation });
    }
    for (const row of this.#sql.all(
      "SELECT intent, payment_hash FROM payments WHERE status = 'open'",
    ))
      this.#openIntents.set(String(row.intent), hashIn(row));
  }

  get forgottenUntil(): number {
    this.#forgottenUntil ??= Number(
      this.#sql.get("SELECT forgotten_until FROM checkpoint WHERE one = 1")!.forgotten_until,
    );
    return this.#forgottenUntil;
  }

  /** The counters were deleted. */
  forget(ids: readonly string[], until: number): void {
    for (const id of ids) this.#counters.set(id, null);
    this.#forgottenUntil = until;
  }

  readonly counter = (id: string): Counter | undefined => {
    const kept = this.#counters.get(id);
    if (kept !== undefined) return kept ?? undefined;
    const row = this.#sql.get("SELECT committed, reserved, slots FROM counters WHERE id = ?", id);
    const counter =
      row === undefined
        ? null
        : {
            committed: row.committed as bigint,
            reserved: row.reserved as bigint,
            slots: slotsIn(row),
          };
    this.#counters.set(id, counter);
    return counter ?? undefined;
  };

  readonly reservation = (id: string): ReservationRow | undefined => {
    const open = this.#open.get(id);
    if (open !== undefined) return open;
    // What a payment that failed has reserved is asked for again if it was made after all.
    const row = this.#sql.get(
      `SELECT r.outcome, r.unit, r.value, r.uses, j.at, iif(r.outcome = 'released', j.event, NULL) AS event
       FROM reservations r JOIN journal j ON j.seq = r.entry WHERE r.id = ?`,
      id,
    );
    if (row === undefined) return undefined;
    const amount = { unit: row.unit as Unit, value: row.value as bigint };
    return {
      reservation:
        row.event === null
          ? { id, at: Number(row.at), amount, uses: 0n, counted: [] }
          : reservationIn(row),
      resolution: {
        outcome: row.outcome as Resolution["outcome"],
        amount,
        uses: row.uses as bigint,
      },
    };
  };

  readonly payment = (hash: string): PaymentRecord | undefined => {
    const kept = this.#payments.get(hash);
    if (kept !== undefined) return kept;
    const row = this.#sql.get(
      "SELECT p.*, b.body FROM payments p JOIN payment_bodies b USING (seq) WHERE p.payment_hash = ?",
      hashBytes(hash),
    );
    if (row === undefined) return undefined;
    const payment = paymentIn(row);
    this.#payments.set(hash, payment);
    return payment;
  };

  readonly openFor = (intent: string): PaymentRecord | undefined => {
    const hash = this.#openIntents.get(intent);
    return hash === undefined ? undefined : this.payment(hash);
  };

  readonly ordered = (order: string): PaymentRecord | undefined => {
    const hash = this.#index.ordered(order);
    return hash === undefined ? undefined : this.payment(hash);
  };

  bought(nodeId: string, query: PurchaseQuery): readonly PaymentRecord[] {
    return this.#index.bought(nodeId, query).map((hash) => this.payment(hash)!);
  }

  /** Open reservations without an open payment. */
  get unpaid(): readonly Reservation[] {
    const paying = new Set(
      [...this.#openIntents.values()].map((hash) => this.payment(hash)!.attemptId),
    );
    return [...this.#open.values()]
      .map(({ reservation }) => reservation)
      .filter(({ id }) => !paying.has(id));
  }

  /** @param entries the numbers of the change's entries in the journal */
  write({ counters, reservation, payment }: Step<unknown>, entries: readonly number[]): void {
    if (reservation !== undefined) {
      this.#writeCounters(counters, reservation);
      this.#writeReservation(reservation, entries[0]!);
    }
    if (payment !== undefined) this.writePayment(payment, entries.at(-1));
  }

  #writeCounters(counters: ReadonlyMap<string, Counter>, { reservation }: ReservationRow): void {
    for (const { id, kind } of reservation.counted) {
      const counter = counters.get(id);
      if (counter === undefined) continue;
      const { committed, reserved, slots } = counter;
      // A counter with nothing in flight needs no row: there are as many ids as origins.
      if (kind.startsWith("in-flight") && reserved === 0n) {
        this.#sql.run("DELETE FROM counters WHERE id = ?", id);
        this.#counters.set(id, null);
        continue;
      }
      this.#sql.run(
        `INSERT INTO counters (id, committed, reserved, slots) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET committed = ?2, reserved = ?3, slots = ?4`,
        id,
        committed,
        reserved,
        slotsText(slots),
      );
      this.#counters.set(id, counter);
    }
  }

  #writeReservation(row: ReservationRow, entry: number): void {
    const {
      reservation: { id },
      resolution,
    } = row;
    if (resolution === undefined) {
      this.#sql.run(
        `INSERT INTO reservations (id, entry) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET entry = ?2, outcome = NULL, unit = NULL, value = NULL, uses = NULL`,
        id,
        entry,
      );
      this.#open.set(id, row);
      return;
    }
    const { outcome, amount, uses } = resolution;
    this.#sql.run(
      "UPDATE reservations SET outcome = ?, unit = ?, value = ?, uses = ? WHERE id = ?",
      outcome,
      amount.unit,
      amount.value,
      uses,
      id,
    );
    this.#open.delete(id);
  }

  /** @param entry the number of the change's last entry in the journal */
  writePayment(payment: PaymentRecord, entry?: number): void {
    const { paymentHash: hash, intent, status, origin, payee } = payment;
    const before = this.payment(hash);
    if (status === "open" && before?.status !== "open") {
      // A hash whose payment failed may be begun again, as if it were new.
      if (before !== undefined) this.#forgetPayment(before);
      this.#insertPayment(payment);
    } else this.#updatePayment(before!, payment);
    if (status === "paid" && (before?.status === "open" || before?.status === "failed")) {
      // The journal's numbers order settlements without a scan.
      this.#sql.run(
        "UPDATE payments SET settled = ? WHERE payment_hash = ?",
        entry!,
        hashBytes(hash),
      );
      this.#sql.run(
        "INSERT INTO payees (origin, payee) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM payees WHERE origin = ?1)",
        origin,
        payee,
      );
    }
    if (status === "open") this.#openIntents.set(intent, hash);
    else if (this.#openIntents.get(intent) === hash) this.#openIntents.delete(intent);
    this.#payments.set(hash, payment);
    this.#index.changed(before, payment);
  }

  /** Returns false, and changes nothing, unless the texts of the payment are `from`. */
  rewrap(hash: string, from: PaidTexts, to: PaidTexts): boolean {
    const before = this.payment(hash);
    if (before?.token !== from.token || before.preimage !== from.preimage) return false;
    const after = { ...before, ...to };
    this.#updatePayment(before, after);
    this.#sql.run(
      "UPDATE payment_bodies SET body = ? WHERE seq = (SELECT seq FROM payments WHERE payment_hash = ?)",
      bodyOf(after),
      hashBytes(hash),
    );
    this.#payments.set(hash, after);
    return true;
  }

  #insertPayment(payment: PaymentRecord): void {
    const columns = { ...keysOf(payment), ...statesOf(payment) };
    const names = Object.keys(columns);
    const seq = this.#sql.insert(
      `INSERT INTO payments (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      ...Object.values(columns),
    );
    this.#sql.run("INSERT INTO payment_bodies VALUES (?, ?)", seq, bodyOf(payment));
    for (const id of new Set(payment.nodeIds))
      this.#sql.run("INSERT INTO payment_nodes VALUES (?, ?)", id, seq);
  }

  /** Writes only what has changed, so that an index of something else is not written. */
  #updatePayment(before: PaymentRecord, payment: PaymentRecord): void {
    const old = statesOf(before);
    const changed = Object.entries(statesOf(payment)).filter(
      ([name, value]) => old[name] !== value,
    );
    if (changed.length === 0) return;
    this.#sql.run(
      `UPDATE payments SET ${changed.map(([name]) => `${name} = ?`).join(", ")} WHERE payment_hash = ?`,
      ...changed.map(([, value]) => value),
      hashBytes(payment.paymentHash),
    );
  }

  #forgetPayment({ paymentHash, nodeIds }: PaymentRecord): void {
    const hash = hashBytes(paymentHash);
    const { seq } = this.#sql.get("SELECT seq FROM payments WHERE payment_hash = ?", hash)!;
    for (const id of nodeIds)
      this.#sql.run(
        "DELETE FROM payment_nodes WHERE node_id = ? AND payment = ?",
        id,
        seq as bigint,
      );
    this.#sql.run("DELETE FROM payment_bodies WHERE seq = ?", seq as bigint);
    this.#sql.run("DELETE FROM payments WHERE seq = ?", seq as bigint);
  }
}
