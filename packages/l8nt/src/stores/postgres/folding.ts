/** Folds the journal of the Postgres store. spec/5-ledger.md §6. */
import { type Carried, EMPTY_CHECKPOINT, endedBy, type Fold, fold } from "../../ledger/index.ts";
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
    const [row] = await this.#database.read<{ body: string | null; forgottenUntil: number }>(
      `SELECT c.body, h.forgotten_until AS "forgottenUntil"
         FROM ${this.#in}.sigil_checkpoint c, ${this.#in}.sigil_head h`,
    );
    const { body, forgottenUntil } = row!;
    if (body === null) return { ...EMPTY_CHECKPOINT, forgottenUntil };
    const written = JSON.parse(body) as Checkpoint;
    return {
      ...written,
      uses: BigInt(written.uses),
      spent: written.spent.map(({ unit, value }) => ({ unit, value: BigInt(value) })),
      forgottenUntil,
    };
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
    const before = await this.checkpoint();
    const entries = await this.#entries(before.through, folding.limit);
    const known = await this.#carried(entries);
    let done: Fold;
    try {
      done = fold(before, entries, (id) => known.get(id), folding);
    } catch (error) {
      // What another process folds between two of these reads looks like entries that are missing.
      if ((await this.checkpoint()).through !== before.through) return false;
      throw error;
    }
    const { checkpoint, ended, counters, carried } = done;
    const { forgottenUntil: _, ...body } = checkpoint;
    const rows = [...counters.values()];
    const kept = [...carried];
    const [row] = await this.#database.write<{ gone: number | null }>(
      `SELECT ${this.#in}.sigil_fold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS gone`,
      [
        before.through,
        checkpoint.through,
        stringify(body),
        done.removed,
        done.dropped,
        kept.map(([id]) => id),
        kept.map(([, { entry }]) => entry),
        kept.map(([, { released }]) => released ?? null),
        ended.map(({ reservation }) => reservation.id),
        ended.map(({ reservation }) => reservation.at),
        rows.map(({ id }) => id),
        rows.map(({ committed }) => `${committed}`),
        rows.map(({ endsAt }) => endsAt),
        endedBy(folding),
        folding.limit,
      ],
    );
    const gone = row!.gone;
    if (gone === null) return false;
    return checkpoint.entries - before.entries >= folding.limit || gone >= folding.limit;
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
