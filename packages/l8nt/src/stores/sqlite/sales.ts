/** The sales and refunds of the SQLite store. spec/5-ledger.md §9. */
import type { Unit } from "../../amount.ts";
import { creditsOf, dayOf, endedBefore, totalsOf } from "../../ledger/index.ts";
import type { Resolution } from "../../ports/ledger.ts";
import type {
  Credit,
  NumberedSale,
  Refund,
  SaleQuery,
  SaleRecord,
  SalesFolding,
  SaleTotal,
  TotalsQuery,
} from "../../ports/sales.ts";
import { hashBytes, hashIn, type Row, reservationIn } from "./rows.ts";
import type { Statements } from "./statements.ts";

export const SALES = {
  statements: [
    `CREATE TABLE sales (
       seq INTEGER PRIMARY KEY AUTOINCREMENT, payment_hash BLOB NOT NULL UNIQUE, node_id TEXT NOT NULL,
       unit TEXT NOT NULL, value INTEGER NOT NULL, route TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
       at REAL NOT NULL, ends_at REAL NOT NULL, told INTEGER NOT NULL
     ) STRICT`,
    `CREATE INDEX sales_at ON sales (at)`,
    `CREATE INDEX sales_untold ON sales (seq) WHERE told = 0`,
    // Of sales that were summed up and removed.
    `CREATE TABLE sale_totals (
       day INTEGER NOT NULL, route TEXT NOT NULL, unit TEXT NOT NULL, sales INTEGER NOT NULL, value INTEGER NOT NULL,
       PRIMARY KEY (day, route, unit)
     ) STRICT, WITHOUT ROWID`,
    // What was given back of a reservation, on each of its counters.
    `CREATE TABLE refunds (
       counter TEXT NOT NULL, reservation TEXT NOT NULL, value INTEGER NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
       PRIMARY KEY (counter, reservation)
     ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX refunds_reservation ON refunds (reservation)`,
    `CREATE INDEX refunds_until ON refunds (until)`,
  ],
  objects: [
    "sales",
    "sales_at",
    "sales_untold",
    "sale_totals",
    "refunds",
    "refunds_reservation",
    "refunds_until",
  ],
};

export class SqliteSales {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  sell({ paymentHash, amount, ...sale }: SaleRecord, tell: boolean): boolean {
    const { nodeId, route, method, path, at, endsAt } = sale;
    const written = this.#sql.run(
      `INSERT OR IGNORE INTO sales (payment_hash, node_id, unit, value, route, method, path, at, ends_at, told)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[hashBytes(paymentHash), nodeId, amount.unit, amount.value],
      ...[route, method, path, at, endsAt, tell ? 0 : 1],
    );
    return written > 0n;
  }

  list({ from, to, after, limit }: SaleQuery): readonly NumberedSale[] {
    return this.#sql
      .all(
        `SELECT * FROM sales WHERE seq > ?1 AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR at < ?3)
         ORDER BY seq LIMIT ?4`,
        ...[after, from ?? null, to ?? null, limit],
      )
      .map(saleIn);
  }

  totals(query: TotalsQuery): readonly SaleTotal[] {
    const { fromDay = null, toDay = null } = query;
    const rows = this.#sql.all(
      `SELECT day, route, unit, sales, value FROM sale_totals
         WHERE (?1 IS NULL OR day >= ?1) AND (?2 IS NULL OR day < ?2)
       UNION ALL SELECT CAST(floor(at / 86400) AS INTEGER), route, unit, count(*), sum(value) FROM sales
         WHERE (?1 IS NULL OR at >= ?1 * 86400) AND (?2 IS NULL OR at < ?2 * 86400) GROUP BY 1, 2, 3`,
      ...[fromDay, toDay],
    );
    const totals = rows.map(({ day, route, unit, sales, value }) => ({
      day: Number(day),
      route: String(route),
      sales: Number(sales),
      amount: { unit: unit as Unit, value: value as bigint },
    }));
    return totalsOf(totals, query);
  }

  untold(after: number, limit: number): readonly NumberedSale[] {
    return this.#sql
      .all("SELECT * FROM sales WHERE told = 0 AND seq > ? ORDER BY seq LIMIT ?", after, limit)
      .map(saleIn);
  }

  told(seqs: readonly number[]): void {
    for (const seq of seqs) this.#sql.run("UPDATE sales SET told = 1 WHERE seq = ?", seq);
  }

  fold(folding: SalesFolding): boolean {
    const { at, keepSeconds, limit } = folding;
    const ended = this.#sql
      .all(
        "SELECT * FROM sales WHERE at < ? AND ends_at < ? AND told = 1 ORDER BY at LIMIT ?",
        ...[at - keepSeconds, endedBefore(folding), limit],
      )
      .map(saleIn);
    for (const { seq, at: soldAt, route, amount } of ended) {
      this.#sql.run(
        `INSERT INTO sale_totals VALUES (?1, ?2, ?3, 1, ?4)
         ON CONFLICT DO UPDATE SET sales = sales + 1, value = value + ?4`,
        ...[dayOf(soldAt), route, amount.unit, amount.value],
      );
      this.#sql.run("DELETE FROM sales WHERE seq = ?", seq);
    }
    this.#sql.run("DELETE FROM refunds WHERE until < ?", at - keepSeconds);
    return ended.length === limit;
  }

  /** Returns whether anything was given back. @throws TypeError as `creditsOf` */
  creditsOf({ id, amount, at, until }: Refund): readonly Credit[] {
    if (at >= until) return [];
    const row = this.#sql.get(
      `SELECT r.outcome, r.unit, r.value, r.uses, j.event FROM reservations r JOIN journal j ON j.seq = r.entry
       WHERE r.id = ?1 AND r.outcome = 'committed' AND NOT EXISTS (SELECT 1 FROM refunds WHERE reservation = ?1)`,
      id,
    );
    if (row === undefined) return [];
    const spent = { unit: row.unit as Unit, value: row.value as bigint };
    const outcome = row.outcome as Resolution["outcome"];
    const resolution = { outcome, amount: spent, uses: row.uses as bigint };
    return creditsOf(reservationIn(row), resolution, amount);
  }

  refund({ id, until }: Refund, credits: readonly Credit[]): void {
    for (const { id: counter, value, at } of credits)
      this.#sql.run("INSERT INTO refunds VALUES (?, ?, ?, ?, ?)", counter, id, value, at, until);
  }

  credits(counterIds: readonly string[]): readonly Credit[] {
    return [...new Set(counterIds)].flatMap((counter) =>
      this.#sql
        .all("SELECT value, at FROM refunds WHERE counter = ?", counter)
        .map(({ value, at }) => ({ id: counter, value: value as bigint, at: Number(at) })),
    );
  }
}

const saleIn = (row: Row): NumberedSale => ({
  seq: Number(row.seq),
  paymentHash: hashIn(row),
  nodeId: String(row.node_id),
  amount: { unit: row.unit as Unit, value: row.value as bigint },
  route: String(row.route),
  method: String(row.method),
  path: String(row.path),
  at: Number(row.at),
  endsAt: Number(row.ends_at),
});
