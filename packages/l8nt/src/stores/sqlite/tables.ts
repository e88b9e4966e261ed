/**
 * Reads and writes the rows of the ledger's rules: counters, reservations, payments. Recently read
 * rows are cached.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { Unit } from "../../amount.ts";
import { Lru } from "../../internal/lru.ts";
import type { Counter, LedgerState, ReservationRow, Step } from "../../ledger/index.ts";
import type { Reservation, Resolution } from "../../ports/ledger.ts";
import type { PaymentRecord } from "../../ports/payments.ts";
import { textOf, valueOfText } from "./texts.ts";

const KEPT_COUNTERS = 50_000;
const KEPT_PAYMENTS = 1_000;

type Row = Record<string, unknown>;

/** Prepared once; integers come as `bigint`. */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReadBigInts(true);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  run(sql: string, ...values: SQLInputValue[]): bigint {
    return BigInt(this.#prepare(sql).run(...values).changes);
  }

  insert(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).lastInsertRowid);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#prepare(sql).all(...values);
  }
}

export const paymentIn = (row: Row | undefined): PaymentRecord | undefined =>
  row === undefined ? undefined : valueOfText<PaymentRecord>(row.body);

export class Tables implements LedgerState {
  readonly #sql: Statements;
  /** `null`: known to be absent. */
  #counters = new Lru<string, Counter | null>(KEPT_COUNTERS);
  #payments = new Lru<string, PaymentRecord>(KEPT_PAYMENTS);
  readonly #open = new Map<string, ReservationRow>();
  readonly #openIntents = new Map<string, string>();

  constructor(sql: Statements) {
    this.#sql = sql;
    this.reload();
  }

  /** Clears the cache, which may hold rows of a transaction that was rolled back. */
  reload(): void {
    this.#counters = new Lru(KEPT_COUNTERS);
    this.#payments = new Lru(KEPT_PAYMENTS);
    this.#open.clear();
    this.#openIntents.clear();
    for (const row of this.#sql.all("SELECT body FROM reservations WHERE outcome IS NULL")) {
      const reservation = valueOfText<Reservation>(row.body);
      this.#open.set(reservation.id, { reservation });
    }
    for (const row of this.#sql.all(
      "SELECT intent, payment_hash FROM payments WHERE status = 'open'",
    ))
      this.#openIntents.set(String(row.intent), String(row.payment_hash));
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
            slots: valueOfText<Counter["slots"]>(row.slots),
          };
    this.#counters.set(id, counter);
    return counter ?? undefined;
  };

  readonly reservation = (id: string): ReservationRow | undefined => {
    const open = this.#open.get(id);
    if (open !== undefined) return open;
    const row = this.#sql.get(
      "SELECT at, body, outcome, unit, value, uses FROM reservations WHERE id = ?",
      id,
    );
    if (row === undefined) return undefined;
    const amount = { unit: row.unit as Unit, value: row.value as bigint };
    return {
      reservation:
        row.body === null
          ? { id, at: Number(row.at), amount, uses: 0n, counted: [] }
          : valueOfText<Reservation>(row.body),
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
    const payment = paymentIn(
      this.#sql.get("SELECT body FROM payments WHERE payment_hash = ?", hash),
    );
    if (payment !== undefined) this.#payments.set(hash, payment);
    return payment;
  };

  readonly openFor = (intent: string): PaymentRecord | undefined => {
    const hash = this.#openIntents.get(intent);
    return hash === undefined ? undefined : this.payment(hash);
  };

  readonly ordered = (order: string): PaymentRecord | undefined => {
    const row = this.#sql.get(
      "SELECT payment_hash FROM payments WHERE order_key = ? AND status <> 'failed'",
      order,
    );
    return row === undefined ? undefined : this.payment(String(row.payment_hash));
  };

  get openReservations(): Iterable<ReservationRow> {
    return this.#open.values();
  }

  write({ counters, reservation, payment }: Step<unknown>): void {
    if (reservation !== undefined) {
      this.#writeCounters(counters, reservation);
      this.#writeReservation(reservation);
    }
    if (payment !== undefined) this.writePayment(payment);
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
        `INSERT INTO counters VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET committed = ?2, reserved = ?3, slots = ?4`,
        id,
        committed,
        reserved,
        slots.length === 0 ? "[]" : textOf(slots),
      );
      this.#counters.set(id, counter);
    }
  }

  #writeReservation(row: ReservationRow): void {
    const { reservation, resolution } = row;
    const { id, at } = reservation;
    if (resolution === undefined) {
      this.#sql.run(
        `INSERT INTO reservations (id, at, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET at = ?2, body = ?3, outcome = NULL, unit = NULL, value = NULL, uses = NULL`,
        id,
        at,
        textOf(reservation),
      );
      this.#open.set(id, row);
      return;
    }
    const { outcome, amount, uses } = resolution;
    this.#sql.run(
      `UPDATE reservations SET body = iif(?1 = 'released', body, NULL), outcome = ?1, unit = ?2, value = ?3, uses = ?4
       WHERE id = ?5`,
      outcome,
      amount.unit,
      amount.value,
      uses,
      id,
    );
    this.#open.delete(id);
  }

  writePayment(payment: PaymentRecord): void {
    const { paymentHash: hash, intent, status, order, origin, claim, closed, payee } = payment;
    const before = this.payment(hash);
    const isBegun = status === "open" && before?.status !== "open";
    if (isBegun) {
      // A hash whose payment failed may be begun again, as if it were new.
      if (before !== undefined) this.#forgetPayment(before);
      this.#sql.run(
        `INSERT INTO payments (payment_hash, intent, order_key, node_id, origin, method, path, any_path, status, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', '')`,
        hash,
        intent,
        order,
        payment.nodeIds.at(-1)!,
        origin,
        payment.method,
        payment.path,
        Number(payment.anyPath),
      );
      for (const id of new Set(payment.nodeIds))
        this.#sql.run("INSERT INTO payment_nodes VALUES (?, ?)", id, hash);
    }
    this.#sql.run(
      `UPDATE payments SET status = ?, order_key = ?, claim_by = ?, claim_until = ?, closed_to = ?, closed_until = ?, body = ?
       WHERE payment_hash = ?`,
      status,
      order,
      claim?.by ?? null,
      claim?.until ?? null,
      closed?.to ?? null,
      closed?.until ?? null,
      textOf(payment),
      hash,
    );
    if (status === "paid" && (before?.status === "open" || before?.status === "failed")) {
      // Each settlement adds to the journal, so the journal's last number orders settlements
      // without a scan.
      this.#sql.run(
        "UPDATE payments SET settled = (SELECT coalesce(max(seq), 0) + 1 FROM journal) WHERE payment_hash = ?",
        hash,
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
  }

  #forgetPayment({ paymentHash: hash, nodeIds }: PaymentRecord): void {
    this.#sql.run("DELETE FROM payments WHERE payment_hash = ?", hash);
    for (const id of nodeIds)
      this.#sql.run("DELETE FROM payment_nodes WHERE node_id = ? AND payment_hash = ?", id, hash);
  }
}
