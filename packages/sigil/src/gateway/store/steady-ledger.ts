/**
 * A ledger whose store may be away: requests are refused in bounded time meanwhile, and the end of
 * each request that was sent is written down once the store is back.
 */
import { AdapterError } from "l8nt";
import type { Ledger, Reservation, ReserveAnswer, Resolution, Usage } from "l8nt/ports";

export interface SteadyOptions {
  /** How long the store may take to answer. @default 5000 */
  readonly patienceMs?: number;
  /** Calls back once after so many milliseconds. Returns what stops it. @default setTimeout */
  readonly timer?: Timer;
  readonly alarm: (what: string, cause?: unknown) => void;
}

export type Timer = (ms: number, call: () => void) => () => void;

/** How long nothing is asked of a store that failed, and how often it is tried again. */
const PAUSE_MS = 1000;
/**
 * How often a reservation in doubt is given back. The statement that makes it may still be under
 * way in the database, for as long as its own limit allows.
 */
const MAX_UNDOS = 30;

const LATE = Symbol("late");

/** An end that the store does not have yet. */
interface Unwritten {
  write(): Promise<unknown>;
  /** Of a reservation that may never have been made: how often it is still looked for. */
  looks?: number;
}

export class SteadyLedger implements Ledger {
  readonly shared: boolean;
  readonly #ledger: Ledger;
  readonly #patienceMs: number;
  readonly #timer: Timer;
  readonly #alarm: SteadyOptions["alarm"];
  /** Calls that the store has had for longer than it may. */
  #overdue = 0;
  /** Its last answer was a failure. */
  #isSuspect = false;
  /** It has just failed, or one call finds out whether it is back. */
  #isWaiting = false;
  readonly #unwritten = new Map<string, Unwritten>();
  #writing: Promise<void> | undefined;
  #stop = (): void => {};
  #isClosed = false;

  constructor(ledger: Ledger, { patienceMs = 5000, timer = systemTimer, alarm }: SteadyOptions) {
    this.shared = ledger.shared;
    this.#ledger = ledger;
    this.#patienceMs = patienceMs;
    this.#timer = timer;
    this.#alarm = alarm;
  }

  /** How many ends the store does not have yet. */
  get unwritten(): number {
    return this.#unwritten.size;
  }

  async reserve(reservation: Reservation): Promise<ReserveAnswer> {
    if (this.#isAway()) throw away();
    if (this.#isSuspect) this.#isWaiting = true;
    const { id } = reservation;
    // Nothing is sent for it, so it is given back if it was made all the same.
    const undo = () =>
      this.#later(id, {
        write: () => this.#ledger.release(id, reservation.at),
        looks: MAX_UNDOS,
      });
    const reserving = this.#ledger.reserve(reservation);
    let answer: ReserveAnswer | typeof LATE;
    try {
      answer = await this.#inTime(reserving);
    } catch (error) {
      if (isOfStore(error)) {
        this.#failed(error);
        undo();
      } else this.#works();
      throw error;
    }
    if (answer === LATE) {
      reserving.then(({ reserved }) => reserved && undo(), undo);
      throw away();
    }
    this.#works();
    return answer;
  }

  commit(id: string, amount: Resolution["amount"], at: number): Promise<Resolution> {
    const resolution = { outcome: "committed", amount, uses: 1n } as const;
    return this.#end(id, resolution, () => this.#ledger.commit(id, amount, at));
  }

  release(id: string, at: number): Promise<Resolution> {
    const resolution = {
      outcome: "released",
      amount: { unit: "usd_micro", value: 0n },
      uses: 0n,
    } as const;
    return this.#end(id, resolution, () => this.#ledger.release(id, at));
  }

  async usage(...asked: Parameters<Ledger["usage"]>): Promise<readonly Usage[]> {
    if (this.#isAway()) throw away();
    const usage = await this.#inTime(this.#ledger.usage(...asked));
    if (usage === LATE) throw away();
    return usage;
  }

  abandoned(before: number): ReturnType<Ledger["abandoned"]> {
    return this.#ledger.abandoned(before);
  }

  /** Tries once more to write what is not written. What stays counts as its worst case. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop();
    await this.#writing;
    if (this.#unwritten.size > 0) await this.#inTime(this.#writeAll());
    if (this.#unwritten.size > 0)
      this.#alarm(
        `${this.#unwritten.size} requests could not be booked, because the store is away: each counts as its worst case, once it is found abandoned`,
      );
  }

  /** The answer of the vendor waits for the books no longer than it may. */
  async #end(
    id: string,
    resolution: Resolution,
    write: () => Promise<Resolution>,
  ): Promise<Resolution> {
    const later = () => this.#later(id, { write });
    if (this.#overdue > 0) {
      later();
      return resolution;
    }
    const writing = write();
    try {
      const answer = await this.#inTime(writing);
      if (answer !== LATE) return answer;
    } catch (error) {
      if (!isOfStore(error)) throw error;
      this.#failed(error);
      later();
      return resolution;
    }
    writing.catch((error) =>
      isOfStore(error) ? later() : this.#alarm("a request was not booked", error),
    );
    return resolution;
  }

  #isAway(): boolean {
    return this.#overdue > 0 || this.#isWaiting;
  }

  #works(): void {
    this.#isSuspect = false;
    this.#isWaiting = false;
  }

  #failed(cause?: unknown): void {
    if (!this.#isSuspect)
      this.#alarm("the store does not answer; metered requests are refused until it does", cause);
    this.#isSuspect = true;
    this.#isWaiting = true;
    this.#timer(PAUSE_MS, () => {
      this.#isWaiting = false;
    });
  }

  /** @throws what the call throws, if it does so in time */
  async #inTime<Answer>(call: Promise<Answer>): Promise<Answer | typeof LATE> {
    let stop = () => {};
    const late = new Promise<typeof LATE>((resolve) => {
      stop = this.#timer(this.#patienceMs, () => resolve(LATE));
    });
    try {
      const first = await Promise.race([call, late]);
      if (first === LATE) {
        this.#overdue++;
        const ended = () => {
          this.#overdue--;
        };
        call.then(ended, ended);
        this.#failed();
      }
      return first;
    } finally {
      stop();
    }
  }

  #later(id: string, unwritten: Unwritten): void {
    this.#unwritten.set(id, unwritten);
    this.#writing ??= this.#writeLater().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeLater(): Promise<void> {
    while (this.#unwritten.size > 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        const stop = this.#timer(PAUSE_MS, resolve);
        this.#stop = () => {
          stop();
          resolve();
        };
      });
      if (!this.#isClosed) await this.#writeAll();
    }
  }

  async #writeAll(): Promise<void> {
    for (const [id, unwritten] of [...this.#unwritten])
      try {
        await unwritten.write();
        this.#unwritten.delete(id);
      } catch (error) {
        if (isOfStore(error)) return;
        if (unwritten.looks !== undefined && --unwritten.looks > 0) continue;
        this.#unwritten.delete(id);
        if (unwritten.looks === undefined) this.#alarm("a request was not booked", error);
      }
  }
}

const systemTimer: Timer = (ms, call) => {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
};

const isOfStore = (error: unknown): boolean =>
  error instanceof AdapterError && error.code === "ERR_STORE";

const away = (): AdapterError =>
  new AdapterError("ERR_STORE", "The store of this gateway does not answer. Try again later.", {
    retryAfterSeconds: 1,
  });
