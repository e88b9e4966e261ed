/** Folds the journal of the SQLite store. spec/5-ledger.md §6. */
import { shake256 } from "../../internal/noble-shake.ts";
import {
  type Carried,
  emptyCheckpoint,
  endedBy,
  type Fold,
  fold,
  type StoredCounter,
} from "../../ledger/index.ts";
import type { Checkpoint, FoldedCounter, Folding } from "../../ports/folding.ts";
import { entryIn, type Row, reservationIn } from "./rows.ts";
import type { Statements } from "./statements.ts";
import type { Tables } from "./tables.ts";
import { textOf, valueOfText } from "./texts.ts";

export const FOLDING = {
  statements: [
    // "body" is the checkpoint without what has a column of its own, empty before the first one;
    // "sum" is of the folded counters.
    `CREATE TABLE checkpoint (
       one INTEGER PRIMARY KEY CHECK (one = 1), books TEXT NOT NULL, through INTEGER NOT NULL,
       forgotten_until REAL NOT NULL, body TEXT NOT NULL, sum BLOB NOT NULL
     ) STRICT`,
    `INSERT INTO checkpoint VALUES (1, lower(hex(randomblob(16))), 0, 0, '', zeroblob(2048))`,
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

export class SqliteFolding {
  readonly #sql: Statements;
  readonly #tables: Tables;

  constructor(sql: Statements, tables: Tables) {
    this.#sql = sql;
    this.#tables = tables;
  }

  checkpoint(): Checkpoint {
    return checkpointIn(this.#row());
  }

  #row(): Row {
    return this.#sql.get("SELECT * FROM checkpoint WHERE one = 1")!;
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

  /**
   * What the next step folds, if anything; it writes nothing.
   *
   * @throws AdapterError `ERR_STORE`, `ERR_CHECKPOINT`
   */
  next(folding: Folding): Fold | undefined {
    const row = this.#row();
    const checkpoint = checkpointIn(row);
    const { limit } = folding;
    const entries = this.#sql.all(
      "SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
      checkpoint.through,
      limit,
    );
    const ended = this.#sql.all(
      `SELECT id, committed, reserved, folded, ends FROM counters
       WHERE ends < 1e300 AND ends <= ? AND reserved = 0 ORDER BY ends LIMIT ?`,
      endedBy(folding),
      limit,
    );
    const state = {
      ...{ checkpoint, sum: row.sum as Uint8Array, shake: shake256 },
      ...{ entries: entries.map(entryIn), ended: ended.map(counterIn) },
      ...{ carried: this.#carried, counter: this.#counter },
    };
    return fold(state, folding);
  }

  readonly #counter = (id: string): StoredCounter | undefined => {
    const row = this.#sql.get(
      "SELECT id, committed, reserved, folded, ends FROM counters WHERE id = ?",
      id,
    );
    return row === undefined ? undefined : counterIn(row);
  };

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

  write({ checkpoint, sum, removed, carried, dropped, ended, counters, forgotten }: Fold): void {
    const { books: _, through, forgottenUntil, ...body } = checkpoint;
    this.#sql.run(
      "UPDATE checkpoint SET through = ?, forgotten_until = ?, body = ?, sum = ? WHERE one = 1",
      ...[through, forgottenUntil, textOf(body), sum],
    );
    for (const { reservation, entry } of ended)
      this.#sql.run(
        "DELETE FROM reservations WHERE id = ? AND entry = ? AND outcome IS NOT NULL",
        reservation.id,
        entry,
      );
    for (const id of dropped) this.#sql.run("DELETE FROM carried WHERE id = ?", id);
    for (const [id, { entry, released }] of carried)
      this.#sql.run("INSERT OR REPLACE INTO carried VALUES (?, ?, ?)", id, entry, released ?? null);
    for (const [first, last] of runsOf(removed))
      this.#sql.run("DELETE FROM journal WHERE seq BETWEEN ? AND ?", first, last);
    for (const { id, committed, endsAt } of counters)
      this.#sql.run("UPDATE counters SET folded = ?, ends = ? WHERE id = ?", committed, endsAt, id);
    for (const id of forgotten) this.#sql.run("DELETE FROM counters WHERE id = ?", id);
    this.#tables.forget(forgotten, forgottenUntil);
  }
}

const checkpointIn = ({ books, through, forgotten_until, body }: Row): Checkpoint => {
  const empty = emptyCheckpoint(String(books));
  const columns = { through: Number(through), forgottenUntil: Number(forgotten_until) };
  return body === ""
    ? { ...empty, ...columns }
    : { ...empty, ...valueOfText<Checkpoint>(body), ...columns };
};

const counterIn = ({ id, committed, reserved, folded, ends }: Row): StoredCounter => ({
  id: String(id),
  committed: committed as bigint,
  reserved: reserved as bigint,
  folded: folded as bigint,
  endsAt: ends === null ? undefined : Number(ends),
});

/** Numbers that follow each other, as first and last. */
function runsOf(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && number <= last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}
