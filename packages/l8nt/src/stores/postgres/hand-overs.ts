/** The hand-overs and recalls of the Postgres store. */
import type {
  HandOver,
  HandOverEnds,
  HandOverTerms,
  Recall,
  RecallKey,
  RecallPage,
  Revoked,
} from "../../ports/hand-overs.ts";
import { pathIn, pathText, rowsOf } from "../hand-over-rows.ts";
import type { Database, Row } from "./database.ts";

const COLUMNS =
  "r.payment_hash, r.path, r.origin, r.presented, r.rank, r.at, r.until, r.acknowledged_at";

interface Waiting {
  readonly handOver: HandOver;
  readonly terms: HandOverTerms;
  resolve(isWritten: boolean): void;
  reject(error: unknown): void;
}

/** How many hand-overs share one statement and one commit. */
const MAX_BATCH = 256;

export class PostgresHandOvers {
  readonly #database: Database;
  /** The schema, quoted. */
  readonly #in: string;
  readonly #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#in = schema;
  }

  handOver(handOver: HandOver, terms: HandOverTerms): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ handOver, terms, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  /** What comes in one turn, or while a statement is under way, shares the next statement. */
  async #writeAll(): Promise<void> {
    await new Promise<void>((done) => void setImmediate(done));
    while (this.#waiting.length > 0) {
      const { maxBelow } = this.#waiting[0]!.terms;
      const other = this.#waiting.findIndex(({ terms }) => terms.maxBelow !== maxBelow);
      const batch = this.#waiting.splice(0, Math.min(MAX_BATCH, other === -1 ? MAX_BATCH : other));
      try {
        const full = await this.#write(batch, maxBelow);
        for (const [n, { resolve }] of batch.entries()) resolve(!full.has(n));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = undefined;
  }

  /** Returns the indices of those that were not written. */
  async #write(batch: readonly Waiting[], maxBelow: number): Promise<ReadonlySet<number>> {
    const rows = batch.flatMap(({ handOver, terms: { at } }, n) =>
      rowsOf(handOver).map(({ nodeId: node, parent = null, path }) => {
        const { paymentHash: hash, origin, until } = handOver;
        return { n, node, hash, parent, path, origin, until, at };
      }),
    );
    // In the order of the ids, so that two processes that write the same rows cannot deadlock.
    const refused = await this.#database.write<{ n: number }>(
      `WITH asked AS (
         SELECT * FROM jsonb_to_recordset($1::jsonb) AS t(n integer, node text, hash text, parent text,
           path text, origin text, until double precision, at double precision)
       ), too_many AS (
         SELECT DISTINCT a.n FROM asked a WHERE a.parent IS NOT NULL
           AND NOT EXISTS (SELECT FROM ${this.#in}.sigil_hand_overs h
             WHERE h.node_id = a.node AND h.payment_hash = a.hash AND h.until > a.at)
           AND (SELECT count(*) FROM (SELECT FROM ${this.#in}.sigil_hand_overs h
             WHERE h.parent = a.parent AND h.until > a.at LIMIT $2) live) >= $2
       ), written AS (
         INSERT INTO ${this.#in}.sigil_hand_overs AS known
           SELECT node, hash, parent, path, origin, max(until) FROM asked
           WHERE n NOT IN (SELECT n FROM too_many) GROUP BY node, hash, parent, path, origin
           ORDER BY node COLLATE "C", hash COLLATE "C"
         ON CONFLICT (node_id, payment_hash) DO UPDATE SET until = greatest(known.until, excluded.until)
       )
       SELECT n FROM too_many`,
      [JSON.stringify(rows), maxBelow],
    );
    return new Set(refused.map(({ n }) => n));
  }

  async recall(
    { nodeId, by, rank, at }: Revoked,
    { after, limit }: RecallPage,
  ): Promise<string | undefined> {
    const [row] = await this.#database.write<{ last: string | null }>(
      `SELECT ${this.#in}.sigil_recall($1, $2, $3, $4, $5, $6) AS last`,
      [nodeId, by ?? null, rank, at, after ?? "", limit],
    );
    return row!.last ?? undefined;
  }

  async widenRecall({ paymentHash, path }: RecallKey): Promise<void> {
    if (path.length < 2) return;
    await this.#database.write(
      `SELECT ${this.#in}.sigil_put_recall(ROW(
         r.payment_hash, $3, r.origin, least(r.presented, $4), r.rank, r.at, r.until, NULL, 0
       )::${this.#in}.sigil_recalls)
       FROM ${this.#in}.sigil_recalls r WHERE r.payment_hash = $1 AND r.path = $2`,
      [paymentHash, pathText(path), pathText(path.slice(0, -1)), path.length - 2],
    );
  }

  async acknowledge({ paymentHash, path }: RecallKey, at: number): Promise<void> {
    await this.#database.write(
      `UPDATE ${this.#in}.sigil_recalls SET acknowledged_at = coalesce(acknowledged_at, $3)
       WHERE payment_hash = $1 AND path = $2`,
      [paymentHash, pathText(path), at],
    );
  }

  async postpone({ paymentHash, path }: RecallKey, until: number): Promise<void> {
    await this.#database.write(
      `UPDATE ${this.#in}.sigil_recalls SET not_before = $3 WHERE payment_hash = $1 AND path = $2`,
      [paymentHash, pathText(path), until],
    );
  }

  pendingRecalls(at: number, except: readonly string[], limit: number): Promise<readonly Recall[]> {
    return this.#read(
      `WHERE r.acknowledged_at IS NULL AND r.path <> '' AND r.until > $1 AND r.not_before <= $1
         AND r.origin <> ALL ($2)
       ORDER BY r.rank, r.at LIMIT $3`,
      [at, except, limit],
    );
  }

  async countPendingRecalls(at: number, limit: number): Promise<number> {
    const [row] = await this.#database.read<{ n: string }>(
      `SELECT count(*) AS n FROM (SELECT FROM ${this.#in}.sigil_recalls
       WHERE acknowledged_at IS NULL AND until > $1 LIMIT $2) pending`,
      [at, limit],
    );
    return Number(row!.n);
  }

  recalls(nodeId: string | undefined, limit: number): Promise<readonly Recall[]> {
    if (nodeId === undefined) return this.#read("ORDER BY r.at DESC LIMIT $1", [limit]);
    return this.#read(
      `JOIN ${this.#in}.sigil_hand_overs h ON h.payment_hash = r.payment_hash
       WHERE h.node_id = $1 AND (h.path = r.path OR starts_with(h.path, r.path || ' '))
       ORDER BY r.at DESC LIMIT $2`,
      [nodeId, limit],
    );
  }

  async forget(before: HandOverEnds, limit: number): Promise<boolean> {
    const rows = await this.#database.write(
      `DELETE FROM ${this.#in}.sigil_hand_overs WHERE (node_id, payment_hash) IN
         (SELECT node_id, payment_hash FROM ${this.#in}.sigil_hand_overs
          WHERE until < $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [before.handOvers, limit],
    );
    const recalls = await this.#database.write(
      `DELETE FROM ${this.#in}.sigil_recalls WHERE (payment_hash, path) IN
         (SELECT payment_hash, path FROM ${this.#in}.sigil_recalls
          WHERE until < $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [before.recalls, limit],
    );
    return rows.length >= limit || recalls.length >= limit;
  }

  async #read(clause: string, values: readonly unknown[]): Promise<readonly Recall[]> {
    const rows = await this.#database.read<Row>(
      `SELECT ${COLUMNS} FROM ${this.#in}.sigil_recalls r ${clause}`,
      values,
    );
    return rows.map((row) => ({
      paymentHash: String(row.payment_hash),
      origin: String(row.origin),
      path: pathIn(String(row.path)),
      presented: Number(row.presented),
      rank: Number(row.rank),
      at: Number(row.at),
      until: Number(row.until),
      ...(row.acknowledged_at !== null && { acknowledgedAt: Number(row.acknowledged_at) }),
    }));
  }
}
