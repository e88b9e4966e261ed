/** The hand-overs and recalls of the Postgres store. */
import type {
  HandOver,
  HandOverEnds,
  HandOverTerms,
  Recall,
  RecallKey,
  Revoked,
} from "../../ports/hand-overs.ts";
import { pathIn, pathText, rowsOf } from "../hand-over-rows.ts";
import type { Database, Row } from "./database.ts";

const COLUMNS =
  "r.payment_hash, r.path, r.origin, r.presented, r.rank, r.at, r.until, r.acknowledged_at";

export class PostgresHandOvers {
  readonly #database: Database;
  /** The schema, quoted. */
  readonly #in: string;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#in = schema;
  }

  async handOver(handOver: HandOver, { at, maxBelow }: HandOverTerms): Promise<boolean> {
    const { paymentHash, origin, until } = handOver;
    // In the order of the ids, so that two processes that write the same rows cannot deadlock.
    const [answer] = await this.#database.write<{ written: boolean }>(
      `WITH asked AS (
         SELECT * FROM jsonb_to_recordset($1::jsonb) AS t("nodeId" text, parent text, path text)
       ), too_many AS (
         SELECT FROM asked a WHERE a.parent IS NOT NULL
           AND NOT EXISTS (SELECT FROM ${this.#in}.sigil_hand_overs h
             WHERE h.node_id = a."nodeId" AND h.payment_hash = $2 AND h.until > $5)
           AND (SELECT count(*) FROM (SELECT FROM ${this.#in}.sigil_hand_overs h
             WHERE h.parent = a.parent AND h.until > $5 LIMIT $6) live) >= $6
       ), written AS (
         INSERT INTO ${this.#in}.sigil_hand_overs AS known
           SELECT "nodeId", $2, parent, path, $3, $4 FROM asked
           WHERE NOT EXISTS (SELECT FROM too_many) ORDER BY "nodeId" COLLATE "C"
         ON CONFLICT (node_id, payment_hash) DO UPDATE SET until = greatest(known.until, excluded.until)
       )
       SELECT NOT EXISTS (SELECT FROM too_many) AS written`,
      [JSON.stringify(rowsOf(handOver)), paymentHash, origin, until, at, maxBelow],
    );
    return answer!.written;
  }

  async recall({ nodeId, by, rank, at }: Revoked): Promise<void> {
    await this.#database.write(`SELECT ${this.#in}.sigil_recall($1, $2, $3, $4)`, [
      nodeId,
      by ?? null,
      rank,
      at,
    ]);
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

  async countPendingRecalls(at: number): Promise<number> {
    const [row] = await this.#database.read<{ n: string }>(
      `SELECT count(*) AS n FROM ${this.#in}.sigil_recalls
       WHERE acknowledged_at IS NULL AND until > $1`,
      [at],
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
