/**
 * Group commit: events that arrive in one turn of the event loop, or while a batch is under way, go
 * out as one statement.
 */
import { AdapterError } from "../../errors.ts";
import { booksFull } from "../../ledger/index.ts";
import { encodeEvent, type StoreEvent } from "./codec.ts";
import type { Database } from "./database.ts";
import { Failure, storeError } from "./failure.ts";

interface Call {
  readonly event: StoreEvent;
  readonly row: object;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/**
 * Whether an event may be sent again if it is not known whether it was committed. A reservation, a
 * payment, and the end of either are repeatable by their ids, a taking by its taker, and a mark
 * because it is never undone. A note or a directive would be written twice, and a repeated freeze
 * could undo a thaw that came between.
 */
const isRepeatable = ({ event: { type } }: Call): boolean =>
  type !== "directive" && type !== "note" && type !== "payee";

const turn = () => new Promise<void>((done) => void setImmediate(done));

export interface BatchesOptions {
  /** The schema, quoted. */
  readonly schema: string;
  readonly maxBatch: number;
}

export class Batches {
  readonly #database: Database;
  readonly #statement: string;
  readonly #maxBatch: number;
  #waiting: Call[] = [];
  #underWay: Promise<void> | undefined;

  constructor(database: Database, { schema, maxBatch }: BatchesOptions) {
    this.#database = database;
    this.#statement = `SELECT ${schema}.sigil_apply($1::jsonb, $2)::text AS answers`;
    this.#maxBatch = maxBatch;
  }

  /**
   * Returns the answer once it is durable.
   *
   * @throws TypeError for an event that the rules refuse; AdapterError `ERR_STORE`
   */
  async add(event: StoreEvent): Promise<unknown> {
    const row = encodeEvent(event);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ event, row, resolve, reject });
      this.#underWay ??= this.#work();
    });
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.#underWay;
  }

  async #work(): Promise<void> {
    // A caller that was just answered sends its next event within this turn.
    for (await turn(); this.#waiting.length > 0; await turn()) {
      const calls = this.#waiting.splice(0, this.#maxBatch);
      await this.#send(calls).catch((error: unknown) => reject(calls, error));
    }
    this.#underWay = undefined;
  }

  async #send(calls: readonly Call[]): Promise<void> {
    try {
      await this.#apply(calls, false);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.isCollision) await this.#apply(calls, false);
      else if (error.isAboutValues && calls.length > 1)
        for (const call of calls) await this.#sendAlone(call);
      else if (error.fate === "unknown") await this.#sendAgain(calls, error);
      else throw error;
    }
  }

  async #sendAlone(call: Call): Promise<void> {
    await this.#send([call]).catch((error: unknown) => reject([call], error));
  }

  async #sendAgain(calls: readonly Call[], lost: Failure): Promise<void> {
    const again = calls.filter(isRepeatable);
    const once = calls.filter((call) => !isRepeatable(call));
    reject(once, lost);
    if (again.length === 0) return;
    // However the second attempt fails, the first may have been committed.
    await this.#apply(again, true).catch(() => reject(again, lost));
  }

  async #apply(calls: readonly Call[], again: boolean): Promise<void> {
    const batch = JSON.stringify(calls.map(({ row }) => row));
    const [row] = await this.#database.run<{ answers: string }>(this.#statement, [batch, again]);
    const answers = JSON.parse(row!.answers) as readonly unknown[];
    for (const [at, call] of calls.entries()) settle(call, answers[at]);
  }
}

function settle(call: Call, answer: unknown): void {
  const { error, full, lost } = (answer ?? {}) as {
    readonly error?: string;
    readonly full?: true;
    readonly lost?: true;
  };
  if (error !== undefined) call.reject(new TypeError(error));
  else if (full) call.reject(booksFull());
  else if (lost)
    call.reject(
      new AdapterError(
        "ERR_STORE",
        "The connection to Postgres was lost while a payment was begun, and somebody has ended it since. Nothing may be sent for it. Ask again.",
      ),
    );
  else call.resolve(answer);
}

function reject(calls: readonly Call[], error: unknown): void {
  const shown = error instanceof Failure ? storeError(error, "written to") : error;
  for (const call of calls) call.reject(shown);
}
