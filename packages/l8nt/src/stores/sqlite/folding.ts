/** Folds the journal of the SQLite store. spec/5-ledger.md §6. */
import { type Carried, EMPTY_CHECKPOINT, endedBy, type Fold, fold } from "../../ledger/index.ts";
import type { Checkpoint, FoldedCounter, Folding } from "../../ports/folding.ts";
import { entryIn, type Row, reservationIn } from "./rows.ts";
import type { Statements, Tables } from "./tables.ts";
import { textOf, valueOfText } from "./texts.ts";

export const FOLDING = {
  statements: [
    // "body" is the checkpoint without what has a column of its own.
    `CREATE TABLE checkpoint (
       one INTEGER PRIMARY KEY CHECK (one = 1), through INTEGER NOT NULL, forgotten_until REAL NOT NULL,
       body TEXT NOT NULL
     ) STRICT`,
    `INSERT INTO checkpoint VALUES (1, 0, 0, '${textOf(bodyOf(EMPTY_CHECKPOINT))}')`,
    // Entries that were folded and stay in the journal, by the reservation's id.
    `CREATE TABLE carried (id TEXT PRIMARY KEY, entry INTEGER NOT NULL, released INTEGER) STRICT, WITHOUT ROWID`,
    // What folded entries committed, and when the counter's limit ends: written by folding alone.
    `ALTER TABLE counters ADD COLUMN folded INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE counters ADD COLUMN ends REAL`,
    // An infinite end is not in it: a node's total is never forgotten.
    `CREATE INDEX counters_ended ON counters (ends) WHERE ends < 1e300`,
    `DROP TRIGGER journal_no_delete`,
    `CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
       WHEN old.seq > (SELECT through FROM checkpoint WHERE one = 1)
       BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END`,
  ],
  objects: ["checkpoint", "carried", "counters_ended"],
};

function bodyOf({ through: _, forgottenUntil: __, ...body }: Checkpoint): object {
  return body;
}

export class SqliteFolding {
  readonly #sql: Statements;
  readonly #tables: Tables;

  constructor(sql: Statements, tables: Tables) {
    this.#sql = sql;
    this.#tables = tables;
  }

  checkpoint(): Checkpoint {
    const { through, forgotten_until, body } = this.#sql.get(
      "SELECT * FROM checkpoint WHERE one = 1",
    )!;
    return {
      ...valueOfText<Checkpoint>(body),
      through: Number(through),
      forgottenUntil: Number(forgotten_until),
    };
  }

  counters(after: string, limit: number): readonly FoldedCounter[] {
    return this.#sql
      .all(
        "SELECT id, folded, ends FROM counters WHERE id > ? AND folded > 0 ORDER BY id LIMIT ?",
        after,
        limit,
      )
      .map(({ id, folded, ends }) => ({
        id: String(id),
        committed: folded as bigint,
        endsAt: Number(ends),
      }));
  }

  /** What the next step folds; it writes nothing. @throws AdapterError `ERR_STORE` */
  next(folding: Folding): Fold {
    const checkpoint = this.checkpoint();
    const entries = this.#sql
      .all(
        "SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
        checkpoint.through,
        folding.limit,
      )
      .map(entryIn);
    return fold(checkpoint, entries, this.#carried, folding);
  }

  readonly #carried = (id: string): Carried | undefined => {
    const row = this.#sql.get(
      "SELECT c.entry, c.released, j.event FROM carried c JOIN journal j ON j.seq = c.entry WHERE c.id = ?",
      id,
    );
    if (row === undefined) return undefined;
    return {
      reservation: reservationIn(row),
      entry: Number(row.entry),
      ...(row.released !== null && { released: Number(row.released) }),
    };
  };

  /** Returns whether there was as much to do as the step may take. */
  write(
    { checkpoint, removed, carried, dropped, ended, counters }: Fold,
    folding: Folding,
  ): boolean {
    const before = this.checkpoint();
    const { through, entries } = checkpoint;
    const by = endedBy(folding);
    if (through > before.through) {
      this.#sql.run(
        "UPDATE checkpoint SET through = ?, body = ? WHERE one = 1",
        through,
        textOf(bodyOf(checkpoint)),
      );
      for (const { reservation, entry } of ended)
        this.#sql.run(
          "DELETE FROM reservations WHERE id = ? AND entry = ? AND outcome IS NOT NULL",
          reservation.id,
          entry,
        );
      for (const id of dropped) this.#sql.run("DELETE FROM carried WHERE id = ?", id);
      for (const [id, { entry, released }] of carried)
        this.#sql.run(
          "INSERT OR REPLACE INTO carried VALUES (?, ?, ?)",
          id,
          entry,
          released ?? null,
        );
      for (const seq of removed) this.#sql.run("DELETE FROM journal WHERE seq = ?", seq);
    }
    const gone = [...this.#addFolded(counters.values(), by), ...this.#forget(by, folding.limit)];
    if (gone.length > 0) {
      const ends = gone.filter(({ committed }) => committed !== 0n).map((row) => Number(row.ends));
      const until = Math.max(before.forgottenUntil, ...ends);
      this.#sql.run("UPDATE checkpoint SET forgotten_until = ? WHERE one = 1", until);
      this.#tables.forget(
        gone.map(({ id }) => String(id)),
        until,
      );
    }
    return entries - before.entries >= folding.limit || gone.length >= folding.limit;
  }

  /** Deletes counters at which nothing stands, and those whose limit has ended. */
  #addFolded(counters: Iterable<FoldedCounter>, by: number): readonly Row[] {
    const gone: Row[] = [];
    for (const { id, committed, endsAt } of counters) {
      const row = this.#sql.get(
        `DELETE FROM counters WHERE id = ?1 AND reserved = 0
           AND (committed = 0 OR max(coalesce(ends, ?2), ?2) <= ?3)
         RETURNING id, committed, max(coalesce(ends, ?2), ?2) AS ends`,
        id,
        endsAt,
        by,
      );
      if (row !== undefined) gone.push(row);
      else
        this.#sql.run(
          "UPDATE counters SET folded = folded + ?1, ends = max(coalesce(ends, ?2), ?2) WHERE id = ?3",
          committed,
          endsAt,
          id,
        );
    }
    return gone;
  }

  /** Deletes counters whose entries were folded before their limit ended. */
  #forget(by: number, limit: number): readonly Row[] {
    return this.#sql.all(
      `DELETE FROM counters WHERE id IN
         (SELECT id FROM counters WHERE ends < 1e300 AND ends <= ? AND reserved = 0 ORDER BY ends LIMIT ?)
       RETURNING id, committed, ends`,
      by,
      limit,
    );
  }
}
