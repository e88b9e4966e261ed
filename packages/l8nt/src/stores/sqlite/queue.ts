/**
 * Group commit: what comes in one turn of the event loop shares one transaction, and so one fsync.
 */
import type { DatabaseSync } from "node:sqlite";
import { AdapterError } from "../../errors.ts";
import { isDoubtful, storeError } from "./faults.ts";

interface Work {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export interface QueueOptions {
  readonly database: DatabaseSync;
  /** How many pieces of work share a transaction: more would hold up the event loop for long. */
  readonly maxBatch: number;
  /** Why this process may not write any more; asked within each transaction. */
  readonly lost: () => string | undefined;
  /** Within each transaction, after the work. */
  readonly beforeCommit: () => void;
  /** Memory may hold rows of the transaction that was rolled back. */
  readonly afterRollback: () => void;
}

/** The books belong to another process, or are gone: nothing is written any more. */
export const givenUp = (why: string): AdapterError =>
  new AdapterError("ERR_STORE", `The store was given up: ${why}.`);

const PATIENT_MS = 50;

export class CommitQueue {
  readonly #options: QueueOptions;
  #waiting: Work[] = [];
  #isScheduled = false;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #broken: AdapterError | undefined;
  #idle: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /**
   * Runs `run` within a transaction, and gives its result once that is on the disk. A `TypeError`
   * of `run`, which must come before it writes anything, is its own; every other error ends the
   * whole transaction. Patient work waits a moment for a transaction that comes anyway.
   */
  add<Result>(run: () => Result, pace: "urgent" | "patient" = "urgent"): Promise<Result> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ run, resolve, reject });
      if (pace === "urgent") this.#schedule();
      else this.#patience ??= setTimeout(() => this.#schedule(), PATIENT_MS);
    });
  }

  #schedule(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#commit(this.#waiting.splice(0, this.#options.maxBatch));
      if (this.#waiting.length > 0) this.#schedule();
      else for (const done of this.#idle.splice(0)) done();
    });
  }

  /** Resolves when no work waits. */
  drained(): Promise<void> {
    if (this.#waiting.length > 0) this.#schedule();
    return this.#waiting.length === 0
      ? Promise.resolve()
      : new Promise((done) => this.#idle.push(done));
  }

  /** Refuses new work from now on. */
  close(why: AdapterError): void {
    this.#broken ??= why;
  }

  #commit(group: readonly Work[]): void {
    const { database, lost, beforeCommit, afterRollback } = this.#options;
    const done: (() => void)[] = [];
    try {
      if (this.#broken !== undefined) throw this.#broken;
      database.exec("BEGIN IMMEDIATE");
      const why = lost();
      if (why !== undefined) {
        this.#broken = givenUp(why);
        throw this.#broken;
      }
      for (const { run, resolve, reject } of group) {
        try {
          const result = run() as never;
          done.push(() => resolve(result));
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
          done.push(() => reject(error));
        }
      }
      beforeCommit();
      database.exec("COMMIT");
    } catch (cause) {
      const error = cause instanceof AdapterError ? cause : storeError(cause);
      const isUndone = this.#rollBack();
      if (isDoubtful(cause) || !isUndone) this.#broken ??= error;
      for (const { reject } of group) reject(error);
      try {
        afterRollback();
      } catch {
        // The rows cannot be read back, so the cache can no longer be trusted.
        this.#broken ??= error;
      }
      return;
    }
    for (const end of done) end();
  }

  #rollBack(): boolean {
    const { database } = this.#options;
    try {
      // SQLite may have rolled back by itself; then there is nothing left to undo.
      if (database.isTransaction) database.exec("ROLLBACK");
      return true;
    } catch {
      return false;
    }
  }
}
