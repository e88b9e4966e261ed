/**
 * Group commit: what comes in one turn of the event loop, or while the disk is busy, shares one
 * transaction, and so one fsync.
 */
import type { DatabaseSync } from "node:sqlite";
import { AdapterError } from "../../errors.ts";
import { Checkpoints } from "./checkpoints.ts";
import { PAGES_BEFORE_CHECKPOINT } from "./database.ts";
import { isDoubtful, storeError } from "./faults.ts";
import type { WriteAheadLog } from "./log.ts";

interface Work {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export interface QueueOptions {
  readonly database: DatabaseSync;
  /** If a commit does not bring the log to the disk: what does. */
  readonly log: Pick<WriteAheadLog, "sync" | "checkpoint"> | undefined;
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

/** What a piece of work met before it wrote anything. It does not end the transaction. */
export class OwnError extends Error {
  override readonly cause: Error;

  constructor(cause: Error) {
    super(cause.message);
    this.cause = cause;
  }
}

const PATIENT_MS = 50;

export class CommitQueue {
  readonly #options: QueueOptions;
  #waiting: Work[] = [];
  /** A group is about to be committed, or on its way to the disk. */
  #isBusy = false;
  #syncing: Promise<void> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #broken: AdapterError | undefined;
  #idle: (() => void)[] = [];
  readonly #checkpoints: Checkpoints | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
    const checkpoint = options.log?.checkpoint;
    if (checkpoint === undefined) return;
    this.#checkpoints = new Checkpoints({ checkpoint, failed: (why) => this.#uncopied(why) });
    options.database.exec(`PRAGMA wal_autocheckpoint = ${4 * PAGES_BEFORE_CHECKPOINT}`);
  }

  /**
   * Runs `run` within a transaction, and gives its result once that is on the disk. An `OwnError`
   * of `run` rejects with its cause; every other error ends the whole transaction. Patient work
   * waits a moment for a transaction that comes anyway.
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
    if (this.#isBusy) return;
    this.#isBusy = true;
    setImmediate(() => {
      const group = this.#waiting.splice(0, this.#options.maxBatch);
      const done = this.#commit(group);
      if (done === undefined || this.#options.log === undefined) {
        for (const end of done ?? []) end();
        this.#next();
        return;
      }
      this.#syncing = this.#sync(this.#options.log, group, done);
      void this.#syncing
        .then(() => {
          this.#syncing = undefined;
          return this.#checkpoints?.after(group.length);
        })
        .then(() => this.#next());
    });
  }

  #next(): void {
    this.#isBusy = false;
    if (this.#waiting.length > 0) this.#schedule();
    else for (const done of this.#idle.splice(0)) done();
  }

  /** Resolves when no work waits. */
  drained(): Promise<void> {
    if (this.#waiting.length > 0) this.#schedule();
    return this.#isBusy ? new Promise((done) => this.#idle.push(done)) : Promise.resolve();
  }

  /**
   * Gives what was read once it is on the disk: a power cut must not take back what an answer was
   * made from.
   */
  onDisk<Result>(read: Result): Promise<Result> {
    return this.#syncing === undefined ? Promise.resolve(read) : this.#syncing.then(() => read);
  }

  /** Refuses new work from now on. */
  close(why: AdapterError): void {
    this.#broken ??= why;
  }

  /** Returns what tells the callers; undefined if the transaction was undone, and they know. */
  #commit(group: readonly Work[]): readonly (() => void)[] | undefined {
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
          if (!(error instanceof OwnError)) throw error;
          done.push(() => reject(error.cause));
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
      return undefined;
    }
    return done;
  }

  /** Resolves in any case. */
  async #sync(
    log: Pick<WriteAheadLog, "sync">,
    group: readonly Work[],
    done: readonly (() => void)[],
  ): Promise<void> {
    try {
      await log.sync();
    } catch (cause) {
      // Committed, and perhaps not on the disk: neither can be undone, so nothing more is written.
      this.#broken ??= storeError(cause);
      for (const { reject } of group) reject(this.#broken);
      return;
    }
    for (const end of done) end();
  }

  /**
   * If a page of the file could not be synced, the next attempt may not say so: then the log, which
   * has the page, must not begin anew. After any other failure SQLite checkpoints in a commit.
   */
  #uncopied(cause: unknown): void {
    if (isDoubtful(cause)) this.#broken ??= storeError(cause);
    else this.#options.database.exec(`PRAGMA wal_autocheckpoint = ${PAGES_BEFORE_CHECKPOINT}`);
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
