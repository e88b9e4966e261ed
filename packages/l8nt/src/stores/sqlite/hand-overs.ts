/** The hand-overs and recalls of the SQLite store. Each method runs inside a transaction. */
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
import type { Statements } from "./statements.ts";

export const HAND_OVERS = {
  statements: [
    `CREATE TABLE hand_overs (
       node_id TEXT NOT NULL, payment_hash TEXT NOT NULL, parent TEXT, path TEXT NOT NULL,
       origin TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (node_id, payment_hash)
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE recalls (
       payment_hash TEXT NOT NULL, path TEXT NOT NULL, origin TEXT NOT NULL,
       presented INTEGER NOT NULL, rank INTEGER NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
       acknowledged_at REAL, not_before REAL NOT NULL DEFAULT 0, PRIMARY KEY (payment_hash, path)
     ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX hand_overs_below ON hand_overs (parent, until) WHERE parent IS NOT NULL`,
    `CREATE INDEX hand_overs_ended ON hand_overs (until)`,
    `CREATE INDEX recalls_pending ON recalls (rank, at) WHERE acknowledged_at IS NULL`,
    `CREATE INDEX recalls_at ON recalls (at)`,
    `CREATE INDEX recalls_ended ON recalls (until)`,
  ],
  objects: [
    "hand_overs",
    "recalls",
    "hand_overs_below",
    "hand_overs_ended",
    "recalls_pending",
    "recalls_at",
    "recalls_ended",
  ],
};

export class SqliteHandOvers {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  handOver(handOver: HandOver, { at, maxBelow }: HandOverTerms): boolean {
    const { paymentHash, origin, until } = handOver;
    const rows = rowsOf(handOver);
    const isFull = rows.some(({ nodeId, parent }) => {
      if (parent === undefined) return false;
      const known = this.#sql.get(
        "SELECT 1 FROM hand_overs WHERE node_id = ? AND payment_hash = ? AND until > ?",
        nodeId,
        paymentHash,
        at,
      );
      if (known !== undefined) return false;
      const live = this.#sql.get(
        `SELECT count(*) AS n FROM
           (SELECT 1 FROM hand_overs WHERE parent = ? AND until > ? LIMIT ?)`,
        parent,
        at,
        maxBelow,
      );
      return Number(live!.n) >= maxBelow;
    });
    if (isFull) return false;
    for (const { nodeId, parent, path } of rows)
      this.#sql.run(
        `INSERT INTO hand_overs VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (node_id, payment_hash) DO UPDATE SET until = max(until, excluded.until)`,
        nodeId,
        paymentHash,
        parent ?? null,
        path,
        origin,
        until,
      );
    return true;
  }

  /** Three statements for all rows of a part: a node may have thousands. */
  recall(
    { nodeId, by = "", rank, at }: Revoked,
    { after = "", limit }: RecallPage,
  ): string | undefined {
    const row = this.#sql.get(
      `SELECT max(payment_hash) AS last, count(*) AS n FROM (
         SELECT payment_hash FROM hand_overs WHERE node_id = ? AND payment_hash > ?
         ORDER BY payment_hash LIMIT ?)`,
      nodeId,
      after,
      limit,
    )!;
    const found = Number(row.n);
    if (found === 0) return undefined;
    const last = String(row.last);
    // All paths below one are between it with a space and with "!", which comes after the space.
    const replaced = this.#sql.run(
      `DELETE FROM recalls WHERE (payment_hash, path) IN (
         SELECT r.payment_hash, r.path FROM hand_overs h JOIN recalls r USING (payment_hash)
         WHERE h.node_id = ? AND h.payment_hash > ? AND h.payment_hash <= ? AND h.until > ?
           AND r.path > h.path || ' ' AND r.path < h.path || '!' LIMIT ?)`,
      nodeId,
      after,
      last,
      at,
      limit,
    );
    // The nodes above "by" in a path are as many as the spaces before it.
    this.#sql.run(
      `INSERT INTO recalls (payment_hash, path, origin, presented, rank, at, until)
       SELECT h.payment_hash, h.path, h.origin,
         CASE WHEN ?3 <> '' AND instr(h.path, ?3 || ' ') > 0
           THEN instr(h.path, ?3) - length(replace(substr(h.path, 1, instr(h.path, ?3) - 1), ' ', ''))
           ELSE 0 END,
         ?4, ?2, h.until
       FROM hand_overs h WHERE h.node_id = ?1 AND h.payment_hash > ?5 AND h.payment_hash <= ?6
         AND h.until > ?2 AND NOT EXISTS (
         SELECT 1 FROM recalls r WHERE r.payment_hash = h.payment_hash AND r.path <> ''
           AND substr(h.path, 1, length(r.path) + 1) = r.path || ' ')
       ON CONFLICT (payment_hash, path) DO UPDATE SET presented = min(presented, excluded.presented),
         rank = min(rank, excluded.rank), until = max(until, excluded.until)`,
      nodeId,
      at,
      by,
      rank,
      after,
      last,
    );
    // There are more to take the place of: the same part is done again.
    if (replaced >= limit) return after;
    return found < limit ? undefined : last;
  }

  #put({ paymentHash, origin, path, presented, rank, at, until }: Recall): void {
    const isCovered = path.some(
      (_, length) =>
        length > 0 &&
        this.#sql.get(
          "SELECT 1 FROM recalls WHERE payment_hash = ? AND path = ?",
          paymentHash,
          pathText(path.slice(0, length)),
        ) !== undefined,
    );
    if (isCovered) return;
    const text = pathText(path);
    // All paths below this one are between these two texts, because "!" comes after the space.
    this.#sql.run(
      "DELETE FROM recalls WHERE payment_hash = ? AND path > ? AND path < ?",
      paymentHash,
      `${text} `,
      `${text}!`,
    );
    this.#sql.run(
      `INSERT INTO recalls (payment_hash, path, origin, presented, rank, at, until)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (payment_hash, path) DO UPDATE SET presented = min(presented, excluded.presented),
         rank = min(rank, excluded.rank), until = max(until, excluded.until)`,
      paymentHash,
      text,
      origin,
      presented,
      rank,
      at,
      until,
    );
  }

  widenRecall({ paymentHash, path }: RecallKey): void {
    const [recall] = this.#recalls(
      "WHERE payment_hash = ? AND path = ?",
      paymentHash,
      pathText(path),
    );
    if (recall === undefined || path.length < 2) return;
    const presented = Math.min(recall.presented, path.length - 2);
    this.#put({ ...recall, path: path.slice(0, -1), presented });
  }

  acknowledge({ paymentHash, path }: RecallKey, at: number): void {
    this.#sql.run(
      `UPDATE recalls SET acknowledged_at = coalesce(acknowledged_at, ?)
       WHERE payment_hash = ? AND path = ?`,
      at,
      paymentHash,
      pathText(path),
    );
  }

  postpone({ paymentHash, path }: RecallKey, until: number): void {
    this.#sql.run(
      "UPDATE recalls SET not_before = ? WHERE payment_hash = ? AND path = ?",
      until,
      paymentHash,
      pathText(path),
    );
  }

  pendingRecalls(at: number, except: readonly string[], limit: number): readonly Recall[] {
    return this.#recalls(
      `WHERE acknowledged_at IS NULL AND path <> '' AND until > ?1 AND not_before <= ?1
         AND origin NOT IN (SELECT value FROM json_each(?2)) ORDER BY rank, at LIMIT ?3`,
      at,
      JSON.stringify(except),
      limit,
    );
  }

  countPendingRecalls(at: number, limit: number): number {
    const row = this.#sql.get(
      `SELECT count(*) AS n FROM
         (SELECT 1 FROM recalls WHERE acknowledged_at IS NULL AND until > ? LIMIT ?)`,
      at,
      limit,
    );
    return Number(row!.n);
  }

  recalls(nodeId: string | undefined, limit: number): readonly Recall[] {
    if (nodeId === undefined) return this.#recalls("ORDER BY at DESC LIMIT ?", limit);
    return this.#recalls(
      `JOIN hand_overs h USING (payment_hash)
       WHERE h.node_id = ? AND (h.path = recalls.path
         OR substr(h.path, 1, length(recalls.path) + 1) = recalls.path || ' ')
       ORDER BY at DESC LIMIT ?`,
      nodeId,
      limit,
    );
  }

  forget(before: HandOverEnds, limit: number): boolean {
    const rows = this.#sql.run(
      `DELETE FROM hand_overs WHERE (node_id, payment_hash) IN
         (SELECT node_id, payment_hash FROM hand_overs WHERE until < ? ORDER BY until LIMIT ?)`,
      before.handOvers,
      limit,
    );
    const recalls = this.#sql.run(
      `DELETE FROM recalls WHERE (payment_hash, path) IN
         (SELECT payment_hash, path FROM recalls WHERE until < ? ORDER BY until LIMIT ?)`,
      before.recalls,
      limit,
    );
    return rows >= limit || recalls >= limit;
  }

  #recalls(clause: string, ...values: (string | number)[]): readonly Recall[] {
    return this.#sql
      .all(
        `SELECT recalls.payment_hash, recalls.path, recalls.origin, recalls.presented, recalls.rank,
           recalls.at, recalls.until, recalls.acknowledged_at FROM recalls ${clause}`,
        ...values,
      )
      .map((row) => ({
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
