/**
 * The books: a durable row for each request, written off its way. Nothing waits for them, and a
 * failure of them fails no request: money is counted by the ledger alone.
 */
import type { Observer, Row } from "../observer.ts";
import type { BooksDatabase, Statement } from "./database.ts";
import { foldRows, type Retention, USUAL_RETENTION } from "./retention.ts";
import { addToDays, dayOf, NO_KEY, putRow } from "./rows.ts";

export interface BooksOptions {
  readonly database: BooksDatabase;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly alarm: (what: string, cause?: unknown) => void;
  readonly retention?: Retention;
  /** @default setTimeout, which does not keep the process alive */
  readonly later?: (ms: number, act: () => void) => void;
}

/** Ends and denials wait for each other. */
const PATIENCE_MS = 100;
const RETRY_MS = 1_000;
/** Rows in one transaction. */
const BATCH = 500;
/** Rows that wait while the books cannot be written: some 20 MB. */
const MAX_WAITING = 20_000;
/** Of denials without a proven credential, which cost anyone who makes them nothing. */
const MAX_UNPROVEN_PER_MINUTE = 600;
const FOLD_EVERY_MS = 60_000;

export class Books implements Observer {
  readonly #options: BooksOptions;
  /** By id, so that what begins and ends between two writes is written once. */
  #waiting = new Map<string, Row>();
  /** Denials that get no row of their own, by day and service. */
  #counted = new Map<string, { day: string; service: string; denied: number }>();
  #unproven = { minute: 0, count: 0 };
  #lost = 0;
  #isSoon = false;
  #isLater = false;
  #writing: Promise<void> | undefined;
  #foldedAt = 0;
  #isFailing = false;
  #isClosed = false;

  constructor(options: BooksOptions) {
    this.#options = options;
  }

  /**
   * Written in this turn of the event loop, as the reservation is: with SQLite it is in the file
   * before the vendor gets anything.
   */
  opened(row: Row): void {
    this.#put(row);
    if (this.#isSoon || this.#isFailing) return;
    this.#isSoon = true;
    setImmediate(() => void this.#flush());
  }

  settled(row: Row): void {
    this.#add(row);
  }

  denied(row: Row): void {
    if (row.nodeId === undefined && this.#isFlood(row)) {
      const [day, service] = [dayOf(row.at), row.service ?? ""];
      const key = `${day} ${service}`;
      const { denied = 0 } = this.#counted.get(key) ?? {};
      this.#counted.set(key, { day, service, denied: denied + 1 });
      this.#patiently();
      return;
    }
    this.#add(row);
  }

  /** Writes everything that waits, as far as the database takes it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    while (this.#hasWork()) {
      const before = this.#waiting.size + this.#counted.size;
      await this.#flush();
      if (this.#waiting.size + this.#counted.size >= before) break;
    }
    if (this.#waiting.size > 0)
      this.#options.alarm(`the books end without ${this.#waiting.size} requests`);
    await this.#options.database.close();
  }

  #hasWork(): boolean {
    return this.#waiting.size + this.#counted.size > 0;
  }

  #isFlood({ at }: Row): boolean {
    const minute = Math.floor(at / 60_000);
    if (this.#unproven.minute !== minute) this.#unproven = { minute, count: 0 };
    return ++this.#unproven.count > MAX_UNPROVEN_PER_MINUTE;
  }

  #add(row: Row): void {
    this.#put(row);
    this.#patiently();
  }

  #put(row: Row): void {
    if (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(row.id)) {
      if (this.#lost++ === 0)
        this.#options.alarm("rows of the books are lost: they could not be written for too long");
      const [oldest] = this.#waiting.keys();
      this.#waiting.delete(oldest!);
    }
    this.#waiting.set(row.id, row);
  }

  #patiently(ms = PATIENCE_MS): void {
    if (this.#isLater || this.#isClosed) return;
    this.#isLater = true;
    const { later = unref } = this.#options;
    later(ms, () => {
      this.#isLater = false;
      void this.#flush();
    });
  }

  #flush(): Promise<void> {
    this.#isSoon = false;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#hasWork()) this.#patiently(this.#isFailing ? RETRY_MS : 0);
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { database, alarm, clock, retention = USUAL_RETENTION } = this.#options;
    const rows: Row[] = [];
    for (const row of this.#waiting.values()) if (rows.push(row) === BATCH) break;
    // In one order, or two gateways that add to the same days could wait for each other.
    const counted = [...this.#counted].sort(([a], [b]) => (a < b ? -1 : 1));
    try {
      await database.write([...rows.map(putRow), ...counted.map(([, one]) => addDenied(one))]);
      // What became known meanwhile is written next.
      for (const row of rows) if (this.#waiting.get(row.id) === row) this.#waiting.delete(row.id);
      for (const [key, { denied }] of counted) {
        const now = this.#counted.get(key)!;
        if (now.denied === denied) this.#counted.delete(key);
        else this.#counted.set(key, { ...now, denied: now.denied - denied });
      }
      this.#isFailing = false;
      const now = clock() * 1000;
      if (Math.abs(now - this.#foldedAt) < FOLD_EVERY_MS) return;
      if (!(await foldRows(database, retention, now))) this.#foldedAt = now;
    } catch (error) {
      if (!this.#isFailing)
        alarm("the books cannot be written; requests go on, and their rows wait", error);
      this.#isFailing = true;
    }
  }
}

function unref(ms: number, act: () => void): void {
  setTimeout(act, ms).unref();
}

const addDenied = ({
  day,
  service,
  denied,
}: {
  readonly day: string;
  readonly service: string;
  readonly denied: number;
}): Statement => ({
  sql: addToDays("VALUES ($1, $2, $4, '', '', 0, $3, 0, 0, 0, 0, 0, 0, 0, 0)"),
  values: [day, service, denied, NO_KEY],
});
