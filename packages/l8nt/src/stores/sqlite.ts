/**
 * The durable store of one process: an SQLite file. What it has acknowledged survives a killed
 * process and a power cut. spec/5-ledger.md.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Amount } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import {
  type Answers,
  type LedgerEvent,
  refundNote,
  step,
  timeOf,
  usageOf,
} from "../ledger/index.ts";
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
import { type Opened, openForReading, openForWriting } from "./sqlite/database.ts";
import { storeError } from "./sqlite/faults.ts";
import { SqliteFolding } from "./sqlite/folding.ts";
import { SqliteHandOvers } from "./sqlite/hand-overs.ts";
import type { WriteAheadLog } from "./sqlite/log.ts";
import { SqliteNodes } from "./sqlite/nodes.ts";
import { CommitQueue, givenUp, OwnError } from "./sqlite/queue.ts";
import { entryIn, hashBytes, hashIn, isHash } from "./sqlite/rows.ts";
import { SqliteSales } from "./sqlite/sales.ts";
import { Statements } from "./sqlite/statements.ts";
import { Tables } from "./sqlite/tables.ts";
import { textOf } from "./sqlite/texts.ts";

export { backupSqliteStore, restoreSqliteStore } from "./sqlite/backup.ts";

export interface SqliteOptions {
  /** Takes no lock, and refuses to write. @default false */
  readonly readOnly?: boolean;
  /**
   * How many changes share one transaction, and so one fsync. A smaller number is slower and no
   * safer. @default 512
   */
  readonly maxBatch?: number;
}

const OPTIONS = { readOnly: true, maxBatch: true } satisfies Keys<SqliteOptions>;

/**
 * Opens the store in the file at `path`, and makes it where there is none. Only one process can
 * have it open to write.
 *
 * @throws AdapterError `ERR_STORE`: locked, damaged, another program's, of a newer version,
 * half-migrated
 * @example
 * const treasury = new Treasury({ secret, location, wallet, store: await
 * openSqliteStore("treasury.db") });
 */
export async function openSqliteStore(path: string, options: SqliteOptions = {}): Promise<Store> {
  checkKeys(options, OPTIONS, "openSqliteStore");
  const { readOnly = false } = options;
  return new SqliteStore(readOnly ? openForReading(path) : openForWriting(path), options);
}

class SqliteStore implements Store {
  readonly shared = false;
  readonly file?: string;
  readonly #database: DatabaseSync;
  readonly #unlock: () => void;
  readonly #log: WriteAheadLog | undefined;
  readonly #readOnly: boolean;
  readonly #sql: Statements;
  readonly #tables: Tables;
  readonly #nodes: SqliteNodes;
  readonly #handOvers: SqliteHandOvers;
  readonly #folding: SqliteFolding;
  readonly #sales: SqliteSales;
  readonly #queue: CommitQueue;
  readonly #lost: () => string | undefined;
  #latest: number;
  #isClosed = false;

  constructor(
    { database, log, unlock, lost, number }: Opened,
    { readOnly = false, maxBatch = 512 }: SqliteOptions,
  ) {
    if (number !== undefined) this.file = number;
    this.#database = database;
    this.#unlock = unlock;
    this.#log = log;
    this.#lost = lost;
    this.#readOnly = readOnly;
    this.#sql = new Statements(database);
    this.#tables = new Tables(this.#sql);
    this.#nodes = new SqliteNodes(this.#sql);
    this.#handOvers = new SqliteHandOvers(this.#sql);
    this.#folding = new SqliteFolding(this.#sql, this.#tables);
    this.#sales = new SqliteSales(this.#sql);
    this.#latest = this.#readLatest();
    this.#queue = new CommitQueue({
      database,
      log,
      maxBatch,
      lost,
      beforeCommit: () =>
        this.#sql.run("UPDATE meta SET latest = ?1 WHERE latest < ?1", this.#latest),
      afterRollback: () => {
        this.#tables.reload();
        this.#latest = this.#readLatest();
      },
    });
    if (readOnly)
      this.#queue.close(new AdapterError("ERR_STORE", "The store was opened for reading."));
  }

  #readLatest(): number {
    return Number(this.#sql.get("SELECT latest FROM meta")!.latest);
  }

  /** Another process writes to the file, so a reader's cache may be stale. */
  #look<Result>(read: () => Result): Promise<Result> {
    try {
      if (this.#readOnly) this.#tables.reload();
      return this.#queue.onDisk(read());
    } catch (cause) {
      return Promise.reject(cause instanceof AdapterError ? cause : storeError(cause));
    }
  }

  #write<Result>(work: () => Result): Promise<Result> {
    return this.#queue.add(() => whole(work));
  }

  #apply<Type extends LedgerEvent["type"]>(
    event: Extract<LedgerEvent, { readonly type: Type }>,
    pace?: "patient" | "urgent",
  ): Promise<Answers[Type]> {
    return this.#queue.add(() => {
      // The rules run before anything is written, so an error of theirs ends this event only.
      const change = own(() => step<Type>(this.#tables, event));
      return whole(() => {
        const at = timeOf(event) ?? this.#latest;
        const entries = change.journal.map((entry) => this.#enter(entry, at));
        this.#tables.write(change, entries);
        return change.answer;
      });
    }, pace);
  }

  #enter(event: JournalEvent, at: number): number {
    this.#latest = Math.max(this.#latest, at);
    return this.#sql.insert("INSERT INTO journal (at, event) VALUES (?, ?)", at, textOf(event));
  }

  reserve(reservation: Reservation): Promise<ReserveAnswer> {
    return this.#apply({ type: "reserve", reservation });
  }

  commit(id: string, amount: Amount, at: number): Promise<Resolution> {
    return this.#apply({ type: "commit", id, amount, at });
  }

  release(id: string, at: number): Promise<Resolution> {
    return this.#apply({ type: "release", id, at });
  }

  usage(counted: readonly Counted[], at: number): Promise<readonly Usage[]> {
    return this.#look(() => counted.map((one) => usageOf(this.#tables, one, at)));
  }

  abandoned(before: number): Promise<readonly AbandonedReservation[]> {
    return this.#look(() =>
      this.#tables.unpaid.filter(({ at }) => at < before).map(({ id, amount }) => ({ id, amount })),
    );
  }

  begin(reservation: Reservation, payment: PaymentRecord): Promise<BeginAnswer> {
    return this.#apply({ type: "begin", reservation, payment });
  }

  settle(paymentHash: string, attemptId: string, settlement: Settlement): Promise<Settled> {
    return this.#apply({ type: "settle", paymentHash, attemptId, settlement });
  }

  take(paymentHash: string, from: string, to: string, orUsed?: "or used"): Promise<boolean> {
    return this.#apply({ type: "take", paymentHash, from, to, orUsed });
  }

  mark(
    paymentHash: string,
    mark: PaymentMark,
    pace?: "patient" | "urgent",
  ): Promise<PaymentRecord> {
    return this.#apply({ type: "mark", paymentHash, mark }, pace);
  }

  payment(paymentHash: string): Promise<PaymentRecord | undefined> {
    return this.#look(() => (isHash(paymentHash) ? this.#tables.payment(paymentHash) : undefined));
  }

  ordered(order: string): Promise<PaymentRecord | undefined> {
    return this.#look(() => this.#tables.ordered(order));
  }

  openFor(intent: string): Promise<PaymentRecord | undefined> {
    return this.#look(() => this.#tables.openFor(intent));
  }

  openPayments(): Promise<readonly PaymentRecord[]> {
    // Without the hint SQLite scans the whole table in the order of `seq` to find the few open
    // payments.
    return this.#payments("INDEXED BY payments_open WHERE status = 'open' ORDER BY seq");
  }

  purchases(nodeIds: readonly string[], query: PurchaseQuery): Promise<readonly PaymentRecord[]> {
    return this.#look(() => nodeIds.flatMap((nodeId) => this.#tables.bought(nodeId, query)));
  }

  payments({ status, nodeId, before, limit }: PaymentQuery): Promise<readonly PaymentRecord[]> {
    return this.#payments(
      `WHERE (?1 IS NULL OR status = ?1)
       AND seq < CASE WHEN ?2 IS NULL THEN 9223372036854775807
         ELSE coalesce((SELECT b.seq FROM payments b WHERE b.payment_hash = unhex(?2)), 0) END
       AND (?3 IS NULL OR EXISTS
         (SELECT 1 FROM payment_nodes n WHERE n.node_id = ?3 AND n.payment = payments.seq))
       ORDER BY seq DESC LIMIT ?4`,
      status ?? null,
      before ?? null,
      nodeId ?? null,
      limit,
    );
  }

  paymentsAfter(after: string, limit: number): Promise<readonly PaymentRecord[]> {
    return this.#payments(
      "WHERE payment_hash > ? ORDER BY payment_hash LIMIT ?",
      hashBytes(after),
      limit,
    );
  }

  rewrap(paymentHash: string, from: PaidTexts, to: PaidTexts): Promise<boolean> {
    return this.#write(() => this.#tables.rewrap(paymentHash, from, to));
  }

  #payments(
    where: string,
    ...values: (string | number | null | Uint8Array)[]
  ): Promise<readonly PaymentRecord[]> {
    // Most of these payments were written a moment ago, and are still parsed in the cache.
    return this.#look(() =>
      this.#sql
        .all(`SELECT payment_hash FROM payments ${where}`, ...values)
        .map((row) => this.#tables.payment(hashIn(row))!),
    );
  }

  closures(origin: string, at: number): Promise<readonly Closure[]> {
    return this.#look(() =>
      this.#sql
        .all(
          "SELECT closed_to, closed_until FROM payments WHERE closed_to IS NOT NULL AND origin = ? AND closed_until > ?",
          origin,
          at,
        )
        .map((row) => ({ to: String(row.closed_to), until: Number(row.closed_until) })),
    );
  }

  reopen(origin: string, at: number): Promise<void> {
    return this.#write(() => {
      const rows = this.#sql.all(
        "SELECT payment_hash FROM payments WHERE closed_to IS NOT NULL AND origin = ?",
        origin,
      );
      for (const row of rows) {
        const { closed: _, ...payment } = this.#tables.payment(hashIn(row))!;
        this.#tables.writePayment(payment);
      }
      this.#enter({ type: "note", text: `${origin} is open again` }, at);
    });
  }

  payees(origin: string): Promise<readonly string[]> {
    return this.#look(() =>
      this.#sql
        .all("SELECT payee FROM payees WHERE origin = ? ORDER BY seq", origin)
        .map((row) => String(row.payee)),
    );
  }

  allowPayee(origin: string, payee: string, at: number): Promise<void> {
    return this.#write(() => {
      this.#sql.run("INSERT OR IGNORE INTO payees (origin, payee) VALUES (?, ?)", origin, payee);
      this.#enter({ type: "note", text: `${payee} may be paid for ${origin}` }, at);
    });
  }

  addDirective(directive: Directive): Promise<number> {
    const { kind, nodeId, endsAt, at, reason, above, by, payment, topUp } = directive;
    return this.#write(() => {
      this.#enter({ type: "directive", kind, nodeId, ...(reason !== undefined && { reason }) }, at);
      return this.#sql.insert(
        "INSERT INTO directives (kind, node_id, ends_at, at, reason, above, by_node, payment, top_up) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        kind,
        nodeId,
        endsAt ?? null,
        at,
        reason ?? null,
        above?.join(" ") ?? null,
        by ?? null,
        payment ?? null,
        topUp === undefined ? null : JSON.stringify(topUp),
      );
    });
  }

  directives(after: number): Promise<readonly NumberedDirective[]> {
    return this.#look(() =>
      this.#sql.all("SELECT * FROM directives WHERE seq > ? ORDER BY seq", after).map((row) => ({
        seq: Number(row.seq),
        kind: row.kind as Directive["kind"],
        nodeId: String(row.node_id),
        at: Number(row.at),
        ...(row.ends_at !== null && { endsAt: Number(row.ends_at) }),
        ...(row.reason !== null && { reason: String(row.reason) }),
        ...(row.above !== null && { above: String(row.above).split(" ") }),
        ...(row.by_node !== null && { by: String(row.by_node) }),
        ...(row.payment !== null && { payment: String(row.payment) }),
        ...(row.top_up !== null && { topUp: JSON.parse(String(row.top_up)) }),
      })),
    );
  }

  meet(nodes: readonly NodeRecord[]): Promise<void> {
    return this.#write(() => this.#nodes.meet(nodes));
  }

  nodes(query: NodeQuery): Promise<readonly NodeRecord[]> {
    return this.#look(() => this.#nodes.nodes(query));
  }

  nodeOutlines(query: Omit<NodeQuery, "under">): Promise<readonly NodeOutline[]> {
    return this.#look(() => this.#nodes.outlines(query));
  }

  forgetNodes(forgotten: readonly ForgottenNode[]): Promise<void> {
    return this.#write(() => this.#nodes.forget(forgotten));
  }

  unreceipted(limit: number): Promise<readonly PaymentRecord[]> {
    return this.#payments(
      "WHERE receipted = 0 AND settled IS NOT NULL ORDER BY settled LIMIT ?",
      limit,
    );
  }

  appendReceipts(
    rows: readonly ReceiptRow[],
    pace: "patient" | "urgent" = "patient",
  ): Promise<boolean> {
    return this.#queue.add(() => whole(() => this.#appendReceipts(rows)), pace);
  }

  #appendReceipts(rows: readonly ReceiptRow[]): boolean {
    const next =
      Number(this.#sql.get("SELECT coalesce(max(seq), 0) AS last FROM receipts")!.last) + 1;
    if (rows.some(({ seq }, at) => seq !== next + at)) return false;
    for (const { seq, paymentHash, hash, text } of rows) {
      const payment = hashBytes(paymentHash);
      const kept = this.#sql.run(
        `INSERT INTO receipts (seq, payment, hash, text)
         SELECT ?, seq, ?, ? FROM payments WHERE payment_hash = ?`,
        seq,
        hash,
        text,
        payment,
      );
      if (kept === 0n) throw new TypeError("a receipt is of a payment that is in the books");
      this.#sql.run("UPDATE payments SET receipted = 1 WHERE payment_hash = ?", payment);
    }
    return true;
  }

  receipts(after: number, limit: number, nodeId?: string): Promise<readonly ReceiptRow[]> {
    return this.#receipts(
      `WHERE r.seq > ?1
       AND (?2 IS NULL OR EXISTS
         (SELECT 1 FROM payment_nodes n WHERE n.node_id = ?2 AND n.payment = r.payment))
       ORDER BY r.seq LIMIT ?3`,
      after,
      nodeId ?? null,
      limit,
    );
  }

  async lastReceipt(): Promise<ReceiptRow | undefined> {
    return (await this.#receipts("ORDER BY r.seq DESC LIMIT 1"))[0];
  }

  #receipts(where: string, ...values: (string | number | null)[]): Promise<readonly ReceiptRow[]> {
    return this.#look(() =>
      this.#sql
        .all(
          `SELECT r.*, p.payment_hash FROM receipts r JOIN payments p ON p.seq = r.payment ${where}`,
          ...values,
        )
        .map((row) => ({
          seq: Number(row.seq),
          paymentHash: hashIn(row),
          hash: String(row.hash),
          text: String(row.text),
        })),
    );
  }

  handOver(handOver: HandOver, terms: HandOverTerms): Promise<boolean> {
    return this.#write(() => this.#handOvers.handOver(handOver, terms));
  }

  recall(revoked: Revoked, page: RecallPage): Promise<string | undefined> {
    return this.#write(() => this.#handOvers.recall(revoked, page));
  }

  widenRecall(recall: RecallKey): Promise<void> {
    return this.#write(() => this.#handOvers.widenRecall(recall));
  }

  acknowledge(recall: RecallKey, at: number): Promise<void> {
    return this.#write(() => this.#handOvers.acknowledge(recall, at));
  }

  postponeRecall(recall: RecallKey, until: number): Promise<void> {
    return this.#write(() => this.#handOvers.postpone(recall, until));
  }

  pendingRecalls(at: number, except: readonly string[], limit: number): Promise<readonly Recall[]> {
    return this.#look(() => this.#handOvers.pendingRecalls(at, except, limit));
  }

  countPendingRecalls(at: number, limit: number): Promise<number> {
    return this.#look(() => this.#handOvers.countPendingRecalls(at, limit));
  }

  recalls(nodeId: string | undefined, limit: number): Promise<readonly Recall[]> {
    return this.#look(() => this.#handOvers.recalls(nodeId, limit));
  }

  forgetHandOvers(before: HandOverEnds, limit: number): Promise<boolean> {
    // No caller waits for it, so it is written with the next transaction.
    return this.#queue.add(() => whole(() => this.#handOvers.forget(before, limit)), "patient");
  }

  journal(after: number, limit: number): Promise<readonly JournalEntry[]> {
    return this.#look(() =>
      this.#sql
        .all("SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
        .map(entryIn),
    );
  }

  note(text: string, at: number): Promise<void> {
    return this.#write(() => {
      this.#enter({ type: "note", text }, at);
    });
  }

  counters(after: string, limit: number): Promise<readonly CounterRow[]> {
    return this.#look(() =>
      this.#sql
        .all(
          "SELECT id, committed, reserved FROM counters WHERE id > ? ORDER BY id LIMIT ?",
          after,
          limit,
        )
        .map((row) => ({
          id: String(row.id),
          committed: row.committed as bigint,
          reserved: row.reserved as bigint,
        })),
    );
  }

  fold(folding: Folding): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const work = () => {
        const done = own(() => this.#folding.next(folding));
        if (done !== undefined) whole(() => this.#folding.write(done));
        // Before it is on the disk: the next step then comes with the next transaction. If this one
        // is lost, the next step or the next process does the same again.
        resolve(done?.isFull ?? false);
      };
      this.#queue.add(work, "patient").catch(reject);
    });
  }

  checkpoint(): Promise<Checkpoint> {
    return this.#look(() => this.#folding.checkpoint());
  }

  foldedCounters(after: string, limit: number): Promise<readonly FoldedCounter[]> {
    return this.#look(() => this.#folding.counters(after, limit));
  }

  sell(sale: SaleRecord, tell: boolean): Promise<boolean> {
    return this.#write(() => this.#sales.sell(sale, tell));
  }

  sales(query: SaleQuery): Promise<readonly NumberedSale[]> {
    return this.#look(() => this.#sales.list(query));
  }

  saleTotals(query: TotalsQuery): Promise<readonly SaleTotal[]> {
    return this.#look(() => this.#sales.totals(query));
  }

  untoldSales(after: number, limit: number): Promise<readonly NumberedSale[]> {
    return this.#look(() => this.#sales.untold(after, limit));
  }

  saleTold(seqs: readonly number[]): Promise<void> {
    return this.#queue.add(() => whole(() => this.#sales.told(seqs)), "patient");
  }

  foldSales(folding: SalesFolding): Promise<boolean> {
    return this.#queue.add(() => whole(() => this.#sales.fold(folding)), "patient");
  }

  refund(refund: Refund): Promise<boolean> {
    return this.#queue.add(() => {
      const credits = own(() => this.#sales.creditsOf(refund));
      if (credits.length === 0) return false;
      return whole(() => {
        this.#sales.refund(refund, credits);
        this.#enter({ type: "note", text: refundNote(refund.id, refund.amount) }, refund.at);
        return true;
      });
    });
  }

  credits(counterIds: readonly string[]): Promise<readonly Credit[]> {
    return this.#look(() => this.#sales.credits(counterIds));
  }

  latest(): Promise<number> {
    return this.#look(() => this.#readLatest());
  }

  turnBack(at: number, text: string): Promise<void> {
    return this.#write(() => {
      this.#latest = at;
      this.#sql.run("UPDATE meta SET latest = ?", at);
      this.#enter({ type: "note", text }, at);
    });
  }

  fact(name: string): Promise<string | undefined> {
    return this.#look(() => this.#fact(name));
  }

  firstFact(name: string, value: string): Promise<string> {
    return this.#write(() => {
      this.#sql.run("INSERT OR IGNORE INTO facts VALUES (?, ?)", name, value);
      return this.#fact(name)!;
    });
  }

  async setFact(name: string, value: string): Promise<void> {
    await this.#write(() =>
      this.#sql.run(
        "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        name,
        value,
      ),
    );
  }

  #fact(name: string): string | undefined {
    const row = this.#sql.get("SELECT value FROM facts WHERE name = ?", name);
    return row === undefined ? undefined : String(row.value);
  }

  wrapped(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#look(() => {
      const row = this.#sql.get("SELECT bytes FROM vault WHERE name = ?", name);
      return row === undefined ? undefined : new Uint8Array(row.bytes as Uint8Array<ArrayBuffer>);
    });
  }

  keepWrapped(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    return this.#write(
      () => this.#sql.run("INSERT OR IGNORE INTO vault VALUES (?, ?)", name, bytes) === 1n,
    );
  }

  held(): Promise<void> {
    return this.#look(() => {
      const why = this.#lost();
      if (why === undefined) return;
      const error = givenUp(why);
      this.#queue.close(error);
      throw error;
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#queue.drained();
    this.#queue.close(new AdapterError("ERR_STORE", "The store was closed."));
    await this.#log?.close();
    try {
      if (!this.#readOnly) this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // The next process that opens the file reads the log instead.
    }
    this.#database.close();
    this.#unlock();
  }
}

function own<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const isOurs = cause instanceof TypeError || cause instanceof AdapterError;
    throw isOurs ? new OwnError(cause) : cause;
  }
}

/**
 * Once writing has begun, every error ends the whole transaction: half an event must not be
 * committed.
 */
function whole<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw cause instanceof TypeError ? storeError(cause) : cause;
  }
}
