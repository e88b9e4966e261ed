/** Folds the journal of the Postgres store. spec/5-ledger.md §6. */
import { shake256 } from "../../internal/noble-shake.ts";
import {
  type Carried,
  emptyCheckpoint,
  endedBy,
  type Fold,
  type FoldState,
  fold,
  type StoredCounter,
} from "../../ledger/index.ts";
import type { Checkpoint, FoldedCounter, Folding } from "../../ports/folding.ts";
import type { JournalEntry } from "../../ports/journal.ts";
import { decodeEntry, ENTRY, type JournalRow, stringify } from "./codec.ts";
import type { Database, Row } from "./database.ts";

export class PostgresFolding {
  readonly #database: Database;
  /** The schema, quoted. */
  readonly #in: string;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#in = schema;
  }

  async checkpoint(): Promise<Checkpoint> {
    return (await this.#kept()).checkpoint;
  }

  async #kept(): Promise<Pick<FoldState, "checkpoint" | "sum">> {
    const [row] = await this.#database.read<CheckpointRow>(
      `SELECT c.books, c.body, c.sum, h.folded::text AS through, h.forgotten_until AS "forgottenUntil"
         FROM ${this.#in}.sigil_checkpoint c, ${this.#in}.sigil_head h`,
    );
    return { checkpoint: checkpointIn(row!), sum: row!.sum };
  }

  async counters(after: string, limit: number): Promise<readonly FoldedCounter[]> {
    const rows = await this.#database.read<{ id: string; folded: string; ends: number }>(
      `SELECT id, folded::text, ends FROM ${this.#in}.sigil_counters
       WHERE id > $1 AND folded > 0 ORDER BY id LIMIT $2`,
      [after, limit],
    );
    return rows.map(({ id, folded, ends }) => ({ id, committed: BigInt(folded), endsAt: ends }));
  }

  /**
   * The entries are read and summed up here, because they never change, and written in one
   * statement that changes nothing if another process was faster.
   */
  async fold(folding: Folding): Promise<boolean> {
    const { checkpoint: before, sum } = await this.#kept();
    const entries = await this.#entries(before.through, folding.limit);
    const known = await this.#carried(entries);
    const counters = await this.#touched(entries, known);
    const ended = await this.#ended(endedBy(folding), folding.limit);
    let done: Fold | undefined;
    try {
      const find = {
        shake: shake256,
        carried: known.get.bind(known),
        counter: counters.get.bind(counters),
      };
      done = fold({ checkpoint: before, sum, entries, ended, ...find }, folding);
    } catch (error) {
      // What another process folds between two of these reads looks like entries that are missing.
      if ((await this.checkpoint()).seq !== before.seq) return false;
      throw error;
    }
    if (done === undefined) return false;
    for (const row of ended) counters.set(row.id, row);
    return (await this.#write(before.seq, done, counters)) && done.isFull;
  }

  async #write(
    expected: number,
    done: Fold,
    counters: ReadonlyMap<string, StoredCounter>,
  ): Promise<boolean> {
    const { checkpoint, ended, forgotten } = done;
    const kept = [...done.carried];
    const [row] = await this.#database.write<{ written: boolean }>(
      `SELECT ${this.#in}.sigil_fold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) AS written`,
      [
        expected,
        checkpoint.through,
        checkpoint.forgottenUntil,
        stringify(checkpoint),
        done.sum,
        done.removed,
        done.dropped,
        kept.map(([id]) => id),
        kept.map(([, { entry }]) => entry),
        kept.map(([, { released }]) => released ?? null),
        ended.map(({ reservation }) => reservation.id),
        ended.map(({ reservation }) => reservation.at),
        done.counters.map(({ id }) => id),
        done.counters.map(({ committed }) => `${committed}`),
        done.counters.map(({ endsAt }) => endsAt),
        forgotten,
        forgotten.map((id) => `${counters.get(id)!.committed}`),
      ],
    );
    return row!.written;
  }

  /** The counters that what ends with these entries counted on. */
  async #touched(
    entries: readonly JournalEntry[],
    known: ReadonlyMap<string, Carried>,
  ): Promise<Map<string, StoredCounter>> {
    const reservations = [...known.values()].map(({ reservation }) => reservation);
    for (const { event } of entries)
      if (event.type === "reserve") reservations.push(event.reservation);
    const ids = new Set(reservations.flatMap(({ counted }) => counted.map(({ id }) => id)));
    return new Map((await this.#stored("id = ANY ($1)", [[...ids]])).map((row) => [row.id, row]));
  }

  #ended(by: number, limit: number): Promise<readonly StoredCounter[]> {
    return this.#stored(
      "ends < 'Infinity' AND ends <= $1 AND reserved = 0 ORDER BY ends LIMIT $2",
      [by, limit],
    );
  }

  async #stored(where: string, values: readonly unknown[]): Promise<readonly StoredCounter[]> {
    const rows = await this.#database.read<CounterRow>(
      `SELECT id, committed::text, reserved::text, folded::text, ends FROM ${this.#in}.sigil_counters WHERE ${where}`,
      values,
    );
    return rows.map(({ id, committed, reserved, folded, ends }) => ({
      ...{ id, committed: BigInt(committed), reserved: BigInt(reserved), folded: BigInt(folded) },
      endsAt: ends ?? undefined,
    }));
  }

  async #entries(after: number, limit: number): Promise<readonly JournalEntry[]> {
    const rows = await this.#database.read<JournalRow & Row>(
      `SELECT ${ENTRY} FROM ${this.#in}.sigil_journal j WHERE j.seq > $1 ORDER BY j.seq LIMIT $2`,
      [after, limit],
    );
    return rows.map(decodeEntry);
  }

  async #carried(entries: readonly JournalEntry[]): Promise<ReadonlyMap<string, Carried>> {
    const ids = entries.flatMap(({ event }) => {
      if (event.type === "reserve") return [event.reservation.id];
      return event.type === "commit" || event.type === "release" ? [event.id] : [];
    });
    const rows = await this.#database.read<JournalRow & Row & { released: string | null }>(
      `SELECT ${ENTRY}, c.released::text
         FROM ${this.#in}.sigil_carried c JOIN ${this.#in}.sigil_journal j ON j.seq = c.entry
        WHERE c.id = ANY ($1)`,
      [[...new Set(ids)]],
    );
    return new Map(
      rows.map((row) => {
        const { seq, event } = decodeEntry(row);
        if (event.type !== "reserve") throw new TypeError("what is carried is a reservation");
        const { reservation } = event;
        const released = row.released === null ? {} : { released: Number(row.released) };
        return [reservation.id, { reservation, entry: seq, ...released }];
      }),
    );
  }
}

type CheckpointRow = Row & {
  readonly books: string;
  readonly body: string | null;
  readonly sum: Uint8Array;
  readonly through: string;
  readonly forgottenUntil: number;
};

type CounterRow = Row & {
  readonly id: string;
  readonly committed: string;
  readonly reserved: string;
  readonly folded: string;
  readonly ends: number | null;
};

/** What the law reads under its lock is what counts, not its copy in the text. */
function checkpointIn({ books, body, through, forgottenUntil }: CheckpointRow): Checkpoint {
  const columns = { books, through: Number(through), forgottenUntil };
  if (body === null) return { ...emptyCheckpoint(books), ...columns };
  const written = JSON.parse(body) as Checkpoint;
  return {
    ...written,
    uses: BigInt(written.uses),
    spent: written.spent.map(({ unit, value }) => ({ unit, value: BigInt(value) })),
    ...columns,
  };
}
