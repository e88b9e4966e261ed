/**
 * Shares the connections to a vendor. A holder has one more while it has less than three times what
 * is free: alone three quarters, and of several each less, so that some are left for one that has
 * none. Others wait, in turn.
 */
import { Shares } from "./shares.ts";

/** Nothing waits any more: too much does already. */
export class NoSlot extends Error {}

/** A connection, once `free` resolves. */
export interface Slot {
  /** Undefined: at once. */
  readonly free: Promise<void> | undefined;
  /** Gives it back, or waits for it no longer. */
  release(): void;
}

interface Waiting {
  readonly resolve: () => void;
  hasSlot: boolean;
}

const TIMES_FREE = 3;

export class Slots {
  readonly #shares: Shares;
  /** By holder; those who had their turn last are the last. */
  readonly #queues = new Map<string, Waiting[]>();
  readonly #maxWaiting: number;

  /** @param maxWaiting of one holder */
  constructor(total: number, maxWaiting = 4 * total) {
    this.#shares = new Shares(total);
    this.#maxWaiting = maxWaiting;
  }

  /** @throws NoSlot */
  take(holder: string): Slot {
    const queue = this.#queues.get(holder);
    if (queue === undefined && this.#isFree(holder)) {
      this.#shares.take(holder, 1);
      return { free: undefined, release: this.#giver(holder) };
    }
    if ((queue?.length ?? 0) >= this.#maxWaiting) throw new NoSlot();
    let waiting!: Waiting;
    const free = new Promise<void>((resolve) => {
      waiting = { resolve, hasSlot: false };
    });
    if (queue === undefined) this.#queues.set(holder, [waiting]);
    else queue.push(waiting);
    const give = this.#giver(holder);
    return { free, release: () => (waiting.hasSlot ? give() : this.#leave(holder, waiting)) };
  }

  #isFree(holder: string): boolean {
    const { held, total } = this.#shares;
    return this.#shares.of(holder) < TIMES_FREE * (total - held);
  }

  #giver(holder: string): () => void {
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      this.#shares.give(holder, 1);
      this.#next();
    };
  }

  #next(): void {
    for (const [holder, queue] of this.#queues) {
      if (!this.#isFree(holder)) continue;
      const waiting = queue.shift()!;
      this.#queues.delete(holder);
      if (queue.length > 0) this.#queues.set(holder, queue);
      this.#shares.take(holder, 1);
      waiting.hasSlot = true;
      waiting.resolve();
      return;
    }
  }

  #leave(holder: string, waiting: Waiting): void {
    const queue = this.#queues.get(holder);
    const at = queue?.indexOf(waiting) ?? -1;
    if (queue === undefined || at < 0) return;
    queue.splice(at, 1);
    if (queue.length === 0) this.#queues.delete(holder);
    waiting.resolve();
  }
}

/** A connection of a part of `outer` that is shared among holders of its own. */
export function takeInside(
  inner: { readonly slots: Slots; readonly holder: string },
  outer: { readonly slots: Slots; readonly holder: string },
): Slot {
  const first = inner.slots.take(inner.holder);
  let second: Slot | undefined;
  let isReleased = false;
  const release = (): void => {
    isReleased = true;
    second?.release();
    first.release();
  };
  const takeOuter = (): Promise<void> | undefined => {
    if (isReleased) return undefined;
    try {
      second = outer.slots.take(outer.holder);
    } catch (error) {
      first.release();
      throw error;
    }
    return second.free;
  };
  return { free: first.free === undefined ? takeOuter() : first.free.then(takeOuter), release };
}
