/**
 * Virtual time and the scheduler: every effect waits here for its turn, in an order of the seed.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Deed } from "./facts.ts";
import type { Random } from "./random.ts";

/** The action that an effect belongs to, carried across awaits. */
export const acting = new AsyncLocalStorage<Deed>();

/** The treasury's process that runs: its timers end with it. */
export const living = new AsyncLocalStorage<Life>();

/**
 * Far from any real date, so that code that reads the system's clock is noticed.
 */
export const START = 2_000_000_000;

/** One process of the treasury: what waits for its turn when it dies never gets it. */
export class Life {
  readonly name: string;
  /** Rejects when it dies: its callers' connections break. */
  readonly death: Promise<never>;
  isAlive = true;
  readonly #whose: string;
  #end!: (why: Error) => void;

  /** @param whose what its callers are told: `the treasury died` */
  constructor(name: string, whose = "the treasury") {
    this.name = name;
    this.#whose = whose;
    this.death = new Promise<never>((_, reject) => {
      this.#end = reject;
    });
    this.death.catch(() => {});
  }

  end(): void {
    this.isAlive = false;
    this.#end(new Error(`${this.#whose} died`));
  }
}

export interface Wait {
  readonly seconds?: number;
  readonly life?: Life;
  /** Runs if the process dies while the effect is on its way, because its bytes may have left. */
  readonly onDeath?: () => void;
  /** Runs if the process dies while the effect is on its way. */
  readonly onKilled?: () => void;
}

interface Entry extends Wait {
  readonly at: number;
  readonly label: string;
  readonly go: () => void;
}

export type Timer = Entry;

// Kept before a world puts its own clock in place of the timers.
const { setImmediate } = globalThis;
/** Lets everything run that waits for nothing but a promise. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

export class Schedule {
  now = START;
  steps = 0;
  readonly trace: string[] = [];
  readonly #random: Random;
  readonly #entries = new Set<Entry>();

  constructor(random: Random) {
    this.#random = random;
  }

  readonly clock = (): number => this.now;

  note(line: string): void {
    this.trace.push(`${(this.now - START).toFixed(3)} ${acting.getStore() ?? "-"} ${line}`);
  }

  /** Resolves when it is this effect's turn: after its delay, in an order that the seed decides. */
  turn(label: string, { seconds = 0, ...wait }: Wait = {}): Promise<void> {
    return new Promise((go) => {
      if (wait.life?.isAlive === false) return;
      const whose = acting.getStore() ?? "-";
      this.#entries.add({ ...wait, at: this.now + seconds, label: `${whose} ${label}`, go });
    });
  }

  /** Runs an action at a time, even if the process has died. */
  later(seconds: number, label: string, act: () => void): Timer {
    const entry: Entry = { at: this.now + seconds, label, go: act };
    this.#entries.add(entry);
    return entry;
  }

  cancel(timer: Timer): void {
    this.#entries.delete(timer);
  }

  /** Gives the next effect its turn; false where nothing waits. */
  async step(): Promise<boolean> {
    await settle();
    let earliest = Number.POSITIVE_INFINITY;
    for (const { at } of this.#entries) earliest = Math.min(earliest, at);
    if (earliest === Number.POSITIVE_INFINITY) return false;
    this.now = Math.max(this.now, earliest);
    const entry = this.#random.pick([...this.#entries].filter(({ at }) => at <= this.now));
    this.#entries.delete(entry);
    this.steps++;
    this.trace.push(`${(this.now - START).toFixed(3)} ${entry.label}`);
    entry.go();
    await settle();
    return true;
  }

  /** Ends a process. Effects that have left it may still arrive. */
  async kill(life: Life): Promise<void> {
    life.end();
    for (const entry of [...this.#entries].filter((one) => one.life === life)) {
      this.#entries.delete(entry);
      entry.onKilled?.();
      if (entry.onDeath === undefined || this.#random.chance(0.5)) continue;
      this.trace.push(`${(this.now - START).toFixed(3)} ${entry.label} (the last of ${life.name})`);
      entry.onDeath();
    }
    await settle();
  }
}
