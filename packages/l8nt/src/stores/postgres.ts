/**
 * A store in Postgres: books that several treasuries and gateways share and write at once.
 * spec/5-ledger.md.
 */
import type pg from "pg";
import type { Amount, Unit } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { settledOf, usageOf } from "../ledger/index.ts";
import type { Slots } from "../ledger/window.ts";
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
import type { CounterRow, JournalEntry } from "../ports/journal.ts";
import type {
  AbandonedReservation,
  Reservation,
  ReserveAnswer,
  Resolution,
  Usage,
} from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import type { ForgottenNode, NodeOutline, NodeQuery, NodeRecord } from "../ports/nodes.ts";
import {
  type BeginAnswer,
  type Closure,
  MAX_PURCHASES,
  type PaidTexts,
  type PaymentMark,
  type PaymentQuery,
  type PaymentRecord,
  type PurchaseQuery,
  type Settled,
  type Settlement,
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
import { Batches } from "./postgres/batches.ts";
import {
  ANY_PLACE,
  type BeginJson,
  decodeBegin,
  decodeEntry,
  decodePayment,
  decodeReserve,
  decodeResolution,
  ENTRY,
  type JournalRow,
  type PaymentJson,
  placeOf,
  type ReserveJson,
  type ResolutionJson,
  type StoreEvent,
  stringify,
} from "./postgres/codec.ts";
import { Database } from "./postgres/database.ts";
import { Failure, storeError } from "./postgres/failure.ts";
import { Feed } from "./postgres/feed.ts";
import { PostgresFolding } from "./postgres/folding.ts";
import { PostgresHandOvers } from "./postgres/hand-overs.ts";
import { migrate, quoted } from "./postgres/migrations.ts";
import { PostgresNodes } from "./postgres/nodes.ts";
import { PostgresSales } from "./postgres/sales.ts";

interface Tuning {
  /**
   * The schema of the tables, created if it does not exist. Each schema has its own books. @default
   * "sigil"
   */
  readonly schema?: string;
  /** How many events share one statement and one commit. @default 256 */
  readonly maxBatch?: number;
}

interface ByUrl extends Tuning {
  /**
   * `postgres://user:password@host:5432/database`; `host` may be a query parameter that names a
   * socket's folder.
   */
  readonly url: string;
  readonly pool?: never;
  /**
   * How long a statement may take, waiting for locks included, before it is rolled back. @default
   * 10
   */
  readonly timeoutSeconds?: number;
  /** The most connections to open, beside the one that listens. @default 5 */
  readonly connections?: number;
}

interface ByPool extends Tuning {
  /**
   * The caller's pool, with its own timeouts; the caller ends it. One more connection is opened
   * with the pool's options, to listen.
   */
  readonly pool: pg.Pool;
  readonly url?: never;
}

const BY_URL = {
  schema: true,
  maxBatch: true,
  url: true,
  pool: true,
  timeoutSeconds: true,
  connections: true,
} satisfies Keys<ByUrl>;
const BY_POOL = { schema: true, maxBatch: true, pool: true, url: true } satisfies Keys<ByPool>;

export type PostgresStoreOptions = ByUrl | ByPool;

/**
 * How much longer than the server's own limit the driver waits before it takes a connection for
 * dead.
 */
const GRACE_MS = 5000;

/**
 * Opens the books, and makes or migrates their tables first.
 *
 * @example
 * const store = await openPostgresStore({ url: process.env.DATABASE_URL! });
 * @throws AdapterError `ERR_STORE` where the database cannot be reached, or the schema is newer,
 * half made, or somebody else's
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  checkKeys(options, options.pool === undefined ? BY_URL : BY_POOL, "openPostgresStore");
  const { schema = "sigil", maxBatch = 256 } = options;
  const { Pool, Client } = await driver();
  const settings = options.pool === undefined ? connection(options, Client) : options.pool.options;
  const pool = options.pool ?? new Pool({ ...settings, max: options.connections ?? 5 });
  const database = new Database(pool, options.pool === undefined);
  try {
    await database.withClient((client) => migrate(client, schema));
  } catch (error) {
    await database.close();
    throw error instanceof Failure ? storeError(error, "opened") : error;
  }
  const feed = new Feed({ schema, connection: () => new Client(settings) });
  const batches = new Batches(database, { schema: quoted(schema), maxBatch });
  return new PostgresStore(database, batches, feed, quoted(schema));
}

function connection(
  { url, timeoutSeconds = 10 }: ByUrl,
  Client: typeof pg.Client,
): pg.ClientConfig {
  const timeoutMs = timeoutSeconds * 1000;
  const settings = {
    connectionString: url,
    fallback_application_name: "sigil",
    keepAlive: true,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    query_timeout: timeoutMs + GRACE_MS,
  };
  try {
    if (!/^postgres(?:ql)?:\/\//.test(url)) throw new TypeError("another scheme");
    new Client(settings);
  } catch {
    // The driver's own message would quote the URL, which holds a password.
    throw new AdapterError(
      "ERR_STORE",
      "The Postgres URL cannot be read. Write postgres://user:password@host:5432/database, special characters percent-encoded.",
    );
  }
  return settings;
}

async function driver(): Promise<typeof pg> {
  try {
    return (await import("pg")).default;
  } catch (cause) {
    throw new AdapterError(
      "ERR_STORE",
      'The Postgres store needs the package "pg". Run: npm install pg',
      {
        cause,
      },
    );
  }
}

class PostgresStore implements Store {
  readonly shared = true;
  readonly #database: Database;
  readonly #batches: Batches;
  readonly #feed: Feed;
  readonly #nodes: PostgresNodes;
  readonly #handOvers: PostgresHandOvers;
  readonly #folding: PostgresFolding;
  readonly #sales: PostgresSales;
  /** The schema, quoted. */
  readonly #in: string;

  constructor(database: Database, batches: Batches, feed: Feed, schema: string) {
    this.#database = database;
    this.#batches = batches;
    this.#feed = feed;
    this.#in = schema;
    this.#nodes = new PostgresNodes(database, schema);
    this.#handOvers = new PostgresHandOvers(database, schema);
    this.#folding = new PostgresFolding(database, schema);
    this.#sales = new PostgresSales(database, schema);
  }

  async reserve(reservation: Reservation): Promise<ReserveAnswer> {
    return decodeReserve(await this.#add<ReserveJson>({ type: "reserve", reservation }));
  }

  async commit(id: string, amount: Amount, at: number): Promise<Resolution> {
    return decodeResolution(await this.#add<ResolutionJson>({ type: "commit", id, amount, at }));
  }

  async release(id: string, at: number): Promise<Resolution> {
    return decodeResolution(await this.#add<ResolutionJson>({ type: "release", id, at }));
  }

  async usage(counted: readonly Counted[], at: number): Promise<readonly Usage[]> {
    const rows = await this.#database.read<{
      forgotten: number;
      id: string | null;
      committed: string;
      reserved: string;
      slots: string;
    }>(
      `SELECT h.forgotten_until AS forgotten, c.id, c.committed::text, c.reserved::text, c.slots::text
         FROM ${this.#in}.sigil_head h LEFT JOIN ${this.#in}.sigil_counters c ON c.id = ANY ($1)`,
      [counted.map(({ id }) => id)],
    );
    const counters = new Map(
      rows.map(({ id, committed, reserved, slots }) => [
        id,
        id === null
          ? undefined
          : { committed: BigInt(committed), reserved: BigInt(reserved), slots: decodeSlots(slots) },
      ]),
    );
    const state = {
      counter: (id: string) => counters.get(id),
      reservation: () => undefined,
      forgottenUntil: rows[0]!.forgotten,
    };
    return counted.map((one) => usageOf(state, one, at));
  }

  async abandoned(before: number): Promise<readonly AbandonedReservation[]> {
    const rows = await this.#database.read<{ id: string; unit: Unit; value: string }>(
      `SELECT r.id, r.unit, r.value FROM ${this.#in}.sigil_reservations r WHERE r.outcome IS NULL AND r.at < $1
         AND NOT EXISTS (SELECT FROM ${this.#in}.sigil_payments p WHERE p.status = 'open' AND p.reservation = r.id)
       ORDER BY r.at`,
      [before],
    );
    return rows.map(({ id, unit, value }) => ({ id, amount: { unit, value: BigInt(value) } }));
  }

  async begin(reservation: Reservation, payment: PaymentRecord): Promise<BeginAnswer> {
    return decodeBegin(await this.#add<BeginJson>({ type: "begin", reservation, payment }));
  }

  async settle(paymentHash: string, attemptId: string, settlement: Settlement): Promise<Settled> {
    const event = { type: "settle", paymentHash, attemptId, settlement } as const;
    return settledOf(decodePayment(await this.#add<PaymentJson>(event)));
  }

  async take(paymentHash: string, from: string, to: string, orUsed?: "or used"): Promise<boolean> {
    return this.#add<boolean>({ type: "take", paymentHash, from, to, orUsed });
  }

  async mark(paymentHash: string, mark: PaymentMark): Promise<PaymentRecord> {
    return decodePayment(await this.#add<PaymentJson>({ type: "mark", paymentHash, mark }));
  }

  async payment(paymentHash: string): Promise<PaymentRecord | undefined> {
    const [payment] = await this.#payments("WHERE p.hash = $1", [paymentHash]);
    return payment;
  }

  async ordered(order: string): Promise<PaymentRecord | undefined> {
    const [payment] = await this.#payments("WHERE p.order_key = $1 AND p.status <> 'failed'", [
      order,
    ]);
    return payment;
  }

  async openFor(intent: string): Promise<PaymentRecord | undefined> {
    const [payment] = await this.#payments("WHERE p.intent = $1 AND p.status = 'open'", [intent]);
    return payment;
  }

  async openPayments(): Promise<readonly PaymentRecord[]> {
    return this.#payments("WHERE p.status = 'open' ORDER BY p.begun_seq", []);
  }

  async purchases(
    nodeIds: readonly string[],
    query: PurchaseQuery,
  ): Promise<readonly PaymentRecord[]> {
    const newest = (place: "$3" | "$4") =>
      `(SELECT q AS p, q.paid_seq FROM ${this.#in}.sigil_payments q
        WHERE q.status = 'paid' AND q.payer = asked.node AND q.origin = $2 AND q.place = ${place}
        ORDER BY q.paid_seq DESC LIMIT ${MAX_PURCHASES})`;
    const rows = await this.#database.read<{ payment: string }>(
      `SELECT ${this.#in}.sigil_payment_json(held.p)::text AS payment
       FROM unnest($1::text[]) WITH ORDINALITY AS asked(node, n)
       CROSS JOIN LATERAL (${newest("$3")} UNION ALL ${newest("$4")}) AS held
       ORDER BY asked.n, held.paid_seq DESC`,
      [nodeIds, query.origin, placeOf(query), ANY_PLACE],
    );
    return rows.map(({ payment }) => decodePayment(JSON.parse(payment)));
  }

  async payments({
    status,
    nodeId,
    before,
    limit,
  }: PaymentQuery): Promise<readonly PaymentRecord[]> {
    return this.#payments(
      `WHERE ($1::text IS NULL OR p.status = $1) AND ($2::text IS NULL OR p.node_ids @> ARRAY[$2])
         AND p.begun_seq < CASE WHEN $4::text IS NULL THEN 9223372036854775807 ELSE coalesce(
           (SELECT b.begun_seq FROM ${this.#in}.sigil_payments b WHERE b.hash = $4), 0) END
       ORDER BY p.begun_seq DESC LIMIT $3`,
      [status ?? null, nodeId ?? null, limit, before ?? null],
    );
  }

  async paymentsAfter(after: string, limit: number): Promise<readonly PaymentRecord[]> {
    return this.#payments("WHERE p.hash > $1 ORDER BY p.hash LIMIT $2", [after, limit]);
  }

  async rewrap(paymentHash: string, from: PaidTexts, to: PaidTexts): Promise<boolean> {
    const [row] = await this.#database.read<{ record: string }>(
      `SELECT record FROM ${this.#in}.sigil_payments WHERE hash = $1`,
      [paymentHash],
    );
    if (row === undefined) return false;
    const record: PaymentRecord = JSON.parse(row.record);
    if (record.token !== from.token) return false;
    const rewrapped = stringify({ ...record, token: to.token });
    const [answer] = await this.#database.write<{ done: boolean }>(
      `SELECT ${this.#in}.sigil_rewrap($1, $2, $3, $4, $5) AS done`,
      [paymentHash, row.record, rewrapped, from.preimage ?? null, to.preimage ?? null],
    );
    return answer!.done;
  }

  closures(origin: string, at: number): Promise<readonly Closure[]> {
    return this.#database.read<{ to: string; until: number }>(
      `SELECT p.closed_to AS to, p.closed_until AS until FROM ${this.#in}.sigil_payments p
       WHERE p.closed_to IS NOT NULL AND p.origin = $1 AND p.closed_until > $2 ORDER BY p.begun_seq`,
      [origin, at],
    );
  }

  async reopen(origin: string, at: number): Promise<void> {
    const note = JSON.stringify({ type: "note", text: `${origin} is open again` });
    await this.#database.write(`SELECT ${this.#in}.sigil_reopen($1, $2, $3)`, [origin, at, note]);
  }

  async payees(origin: string): Promise<readonly string[]> {
    const rows = await this.#database.read<{ payee: string }>(
      `SELECT payee FROM ${this.#in}.sigil_payees WHERE origin = $1 ORDER BY n`,
      [origin],
    );
    return rows.map(({ payee }) => payee);
  }

  async allowPayee(origin: string, payee: string, at: number): Promise<void> {
    await this.#add({ type: "payee", origin, payee, at });
  }

  async unreceipted(limit: number): Promise<readonly PaymentRecord[]> {
    return this.#payments(
      "WHERE p.paid_seq IS NOT NULL AND NOT p.receipted ORDER BY p.paid_seq LIMIT $1",
      [limit],
    );
  }

  async appendReceipts(rows: readonly ReceiptRow[]): Promise<boolean> {
    const [answer] = await this.#database.write<{ kept: boolean }>(
      `SELECT ${this.#in}.sigil_append_receipts($1, $2, $3, $4) AS kept`,
      [
        rows.map(({ seq }) => seq),
        rows.map(({ paymentHash }) => paymentHash),
        rows.map(({ hash }) => hash),
        rows.map(({ text }) => text),
      ],
    );
    return answer!.kept;
  }

  async receipts(after: number, limit: number, nodeId?: string): Promise<readonly ReceiptRow[]> {
    return this.#receipts(
      `WHERE r.seq > $1 AND ($3::text IS NULL OR EXISTS (
         SELECT FROM ${this.#in}.sigil_payments p WHERE p.hash = r.payment_hash AND p.node_ids @> ARRAY[$3]))
       ORDER BY r.seq LIMIT $2`,
      [after, limit, nodeId ?? null],
    );
  }

  async lastReceipt(): Promise<ReceiptRow | undefined> {
    const [last] = await this.#receipts("ORDER BY r.seq DESC LIMIT 1", []);
    return last;
  }

  async addDirective(directive: Directive): Promise<number> {
    return this.#add<number>({ type: "directive", directive });
  }

  async directives(after: number): Promise<readonly NumberedDirective[]> {
    const rows = await this.#database.read<{ seq: string; record: string }>(
      `SELECT seq::text, record FROM ${this.#in}.sigil_directives s WHERE s.seq > $1 ORDER BY s.seq`,
      [after],
    );
    return rows.map(({ seq, record }) => ({
      ...(JSON.parse(record) as Directive),
      seq: Number(seq),
    }));
  }

  onDirective(listener: () => void): () => void {
    return this.#feed.listen(listener);
  }

  meet(nodes: readonly NodeRecord[]): Promise<void> {
    return this.#nodes.meet(nodes);
  }

  nodes(query: NodeQuery): Promise<readonly NodeRecord[]> {
    return this.#nodes.nodes(query);
  }

  nodeOutlines(query: Omit<NodeQuery, "under">): Promise<readonly NodeOutline[]> {
    return this.#nodes.outlines(query);
  }

  forgetNodes(forgotten: readonly ForgottenNode[]): Promise<void> {
    return this.#nodes.forget(forgotten);
  }

  handOver(handOver: HandOver, terms: HandOverTerms): Promise<boolean> {
    return this.#handOvers.handOver(handOver, terms);
  }

  recall(revoked: Revoked, page: RecallPage): Promise<string | undefined> {
    return this.#handOvers.recall(revoked, page);
  }

  widenRecall(recall: RecallKey): Promise<void> {
    return this.#handOvers.widenRecall(recall);
  }

  acknowledge(recall: RecallKey, at: number): Promise<void> {
    return this.#handOvers.acknowledge(recall, at);
  }

  postponeRecall(recall: RecallKey, until: number): Promise<void> {
    return this.#handOvers.postpone(recall, until);
  }

  pendingRecalls(at: number, except: readonly string[], limit: number): Promise<readonly Recall[]> {
    return this.#handOvers.pendingRecalls(at, except, limit);
  }

  countPendingRecalls(at: number, limit: number): Promise<number> {
    return this.#handOvers.countPendingRecalls(at, limit);
  }

  recalls(nodeId: string | undefined, limit: number): Promise<readonly Recall[]> {
    return this.#handOvers.recalls(nodeId, limit);
  }

  forgetHandOvers(before: HandOverEnds, limit: number): Promise<boolean> {
    return this.#handOvers.forget(before, limit);
  }

  async journal(after: number, limit: number): Promise<readonly JournalEntry[]> {
    const rows = await this.#database.read<JournalRow & Record<string, unknown>>(
      `SELECT ${ENTRY} FROM ${this.#in}.sigil_journal j
       WHERE j.seq > $1 ORDER BY j.seq LIMIT $2`,
      [after, limit],
    );
    return rows.map(decodeEntry);
  }

  async note(text: string, at: number): Promise<void> {
    await this.#add({ type: "note", text, at });
  }

  async counters(after: string, limit: number): Promise<readonly CounterRow[]> {
    const rows = await this.#database.read<{ id: string; committed: string; reserved: string }>(
      `SELECT id, committed::text, reserved::text FROM ${this.#in}.sigil_counters WHERE id > $1 ORDER BY id LIMIT $2`,
      [after, limit],
    );
    return rows.map(({ id, committed, reserved }) => ({
      id,
      committed: BigInt(committed),
      reserved: BigInt(reserved),
    }));
  }

  fold(folding: Folding): Promise<boolean> {
    return this.#folding.fold(folding);
  }

  checkpoint(): Promise<Checkpoint> {
    return this.#folding.checkpoint();
  }

  foldedCounters(after: string, limit: number): Promise<readonly FoldedCounter[]> {
    return this.#folding.counters(after, limit);
  }

  async now(): Promise<number> {
    const [row] = await this.#database.read<{ now: number }>(
      "SELECT extract(epoch FROM clock_timestamp())::float8 AS now",
    );
    return row!.now;
  }

  async latest(): Promise<number> {
    const [head] = await this.#database.read<{ latest: number }>(
      `SELECT latest FROM ${this.#in}.sigil_head`,
    );
    return head!.latest;
  }

  sell(sale: SaleRecord, tell: boolean): Promise<boolean> {
    return this.#sales.sell(sale, tell);
  }

  sales(query: SaleQuery): Promise<readonly NumberedSale[]> {
    return this.#sales.list(query);
  }

  saleTotals(query: TotalsQuery): Promise<readonly SaleTotal[]> {
    return this.#sales.totals(query);
  }

  untoldSales(after: number, limit: number): Promise<readonly NumberedSale[]> {
    return this.#sales.untold(after, limit);
  }

  saleTold(seqs: readonly number[]): Promise<void> {
    return this.#sales.told(seqs);
  }

  foldSales(folding: SalesFolding): Promise<boolean> {
    return this.#sales.fold(folding);
  }

  refund(refund: Refund): Promise<boolean> {
    return this.#sales.refund(refund);
  }

  credits(counterIds: readonly string[]): Promise<readonly Credit[]> {
    return this.#sales.credits(counterIds);
  }

  async turnBack(at: number, text: string): Promise<void> {
    const note = JSON.stringify({ type: "note", text });
    await this.#database.write(`SELECT ${this.#in}.sigil_turn_back($1, $2)`, [at, note]);
  }

  async fact(name: string): Promise<string | undefined> {
    const [row] = await this.#database.read<{ value: string }>(
      `SELECT value FROM ${this.#in}.sigil_facts WHERE name = $1`,
      [name],
    );
    return row?.value;
  }

  async firstFact(name: string, value: string): Promise<string> {
    await this.#database.write(
      `INSERT INTO ${this.#in}.sigil_facts (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
      [name, value],
    );
    return (await this.fact(name))!;
  }

  async setFact(name: string, value: string): Promise<void> {
    await this.#database.write(
      `INSERT INTO ${this.#in}.sigil_facts (name, value) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      [name, value],
    );
  }

  async dropFacts(prefix: string, below: number): Promise<void> {
    await this.#database.write(
      `DELETE FROM ${this.#in}.sigil_facts WHERE starts_with(name, $1)
       AND CASE WHEN value ~ '^[0-9]{1,15}([.][0-9]{1,9})?$'
       THEN value::double precision < $2::double precision ELSE false END`,
      [prefix, below],
    );
  }

  async wrapped(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const [row] = await this.#database.read<{ bytes: Uint8Array }>(
      `SELECT bytes FROM ${this.#in}.sigil_wrapped WHERE name = $1`,
      [name],
    );
    return row && new Uint8Array(row.bytes);
  }

  async keepWrapped(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const rows = await this.#database.write(
      `INSERT INTO ${this.#in}.sigil_wrapped (name, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING name`,
      [name, bytes],
    );
    return rows.length === 1;
  }

  async close(): Promise<void> {
    await this.#batches.idle();
    await this.#handOvers.idle();
    await this.#feed.close();
    await this.#database.close();
  }

  #add<Answer>(event: StoreEvent): Promise<Answer> {
    return this.#batches.add(event) as Promise<Answer>;
  }

  async #payments(clause: string, values: readonly unknown[]): Promise<readonly PaymentRecord[]> {
    const rows = await this.#database.read<{ payment: string }>(
      `SELECT ${this.#in}.sigil_payment_json(p)::text AS payment FROM ${this.#in}.sigil_payments p ${clause}`,
      values,
    );
    return rows.map(({ payment }) => decodePayment(JSON.parse(payment)));
  }

  async #receipts(clause: string, values: readonly unknown[]): Promise<readonly ReceiptRow[]> {
    const rows = await this.#database.read<{
      seq: string;
      paymentHash: string;
      hash: string;
      text: string;
    }>(
      `SELECT r.seq::text, r.payment_hash AS "paymentHash", r.hash, r.text FROM ${this.#in}.sigil_receipts r ${clause}`,
      values,
    );
    return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
  }
}

const decodeSlots = (written: string): Slots =>
  (JSON.parse(written) as readonly (readonly [number, string])[]).map(([slot, amount]) => [
    slot,
    BigInt(amount),
  ]);
