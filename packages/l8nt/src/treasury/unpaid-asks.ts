/**
 * How often a node may ask a service for a price and not pay: a service counts all agents of a
 * treasury as one client, so one agent could use up what is there for all. spec/4-purchase.md §3.
 */
import { formatOrigin } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { Shares, type Use } from "../internal/shares.ts";
import { begunAt, type Clock } from "../ports/clock.ts";
import type { Order } from "./order.ts";

/**
 * In a minute at one origin, of a node with all nodes below it, by its depth. A service gives one
 * client 60 challenges in a minute, and an agent derives as many nodes as it likes.
 */
const PER_MINUTE = [32, 16, 8, 4] as const;
/**
 * How many shares are kept at one time: those that something was taken from in the last minute.
 * None is dropped for another one, because an agent could then make its own forgotten.
 */
const MAX_KEPT = 10_000;
/** How many are looked at for each request: more than one makes. */
const SWEPT = 8;

/** One request for a price. */
export interface Ask {
  /** The service named a price. */
  priced(): void;
  /** A payment has begun. */
  paid(): void;
  /** Ends it: a price that nothing was paid for counts. */
  end(): void;
}

export class UnpaidAsks {
  readonly #clock: Clock;
  /** By node and origin; the one that was looked at last is the last. */
  readonly #shares = new Map<string, Share>();
  readonly #room = new Shares(MAX_KEPT, "prices that were asked for and not paid");
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits as long as the requests of a node that are under way could use up its share.
   *
   * @throws AdapterError `ERR_RATE_LIMITED`
   */
  async begin(order: Order): Promise<Ask> {
    for (;;) {
      this.#sweep(SWEPT);
      this.demand(order);
      const shares = this.#sharesOf(order, (nodes) => this.#roomFor(nodes));
      const full = shares.find((share) => share.isFull);
      if (full === undefined) return asking(shares);
      await full.freed();
    }
  }

  /** @throws AdapterError `ERR_RATE_LIMITED` if nothing is left */
  demand(order: Order): void {
    const now = this.#clock();
    const shares = keysOf(order).flatMap(({ key }) => this.#shares.get(key) ?? []);
    const waits = Math.max(0, ...shares.map((share) => share.waitSeconds(now)));
    if (waits > 0)
      throw new AdapterError(
        "ERR_RATE_LIMITED",
        `${formatOrigin(order.target.origin)} was asked for a price too often, and not paid, by this agent or agents of the same parent. Ask again in ${waits} s, with a budget that covers the price.`,
        { retryAfterSeconds: waits },
      );
  }

  /** A price that the service named to what was presented. It counts as any other. */
  refused(order: Order): void {
    // Each of these was paid for, so they need no bound.
    for (const share of this.#sharesOf(order, () => undefined)) share.lose();
  }

  /** How many shares are kept. */
  get size(): number {
    return this.#shares.size;
  }

  #sharesOf(order: Order, room: (nodes: readonly string[]) => Use | undefined): readonly Share[] {
    return keysOf(order).map(({ key, nodes }) => {
      const kept = this.#shares.get(key);
      if (kept !== undefined) return kept;
      const share = new Share(PER_MINUTE[nodes.length - 1]!, this.#clock(), room(nodes));
      this.#shares.set(key, share);
      return share;
    });
  }

  /** @throws AdapterError `ERR_RATE_LIMITED` if a node, with all below it, has too many */
  #roomFor(nodes: readonly string[]): Use {
    const use = this.#room.begin(nodes);
    try {
      use.more(1);
    } catch (error) {
      const now = this.#clock();
      // At most once a second, so that refused requests do not go through all of them.
      if (now < this.#sweptAt + 1 && now >= this.#sweptAt) throw error;
      this.#sweptAt = now;
      this.#sweep(this.#shares.size);
      use.more(1);
    }
    return use;
  }

  /** Forgets shares that are whole again. */
  #sweep(count: number): void {
    const now = this.#clock();
    let left = count;
    for (const [key, share] of this.#shares) {
      if (left-- <= 0) return;
      this.#shares.delete(key);
      if (share.isWhole(now)) share.use?.end();
      else this.#shares.set(key, share);
    }
  }
}

/**
 * The shares that a request takes from: of a node far from the root, those of the nodes above it,
 * which have no more than it.
 */
function keysOf({ verified, target }: Order): readonly ShareKey[] {
  const origin = formatOrigin(target.origin);
  const nodes = verified.nodes.slice(0, PER_MINUTE.length).map(({ id }) => id);
  return nodes.map((id, depth) => ({ key: `${id} ${origin}`, nodes: nodes.slice(0, depth + 1) }));
}

interface ShareKey {
  readonly key: string;
  /** The node and those above it, root first. */
  readonly nodes: readonly string[];
}

/** What is left to one node at one origin. */
class Share {
  readonly use: Use | undefined;
  readonly #perMinute: number;
  #left: number;
  /** Unix seconds. */
  #filledAt: number;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param use its place among the shares that are kept */
  constructor(perMinute: number, now: number, use: Use | undefined) {
    this.use = use;
    this.#filledAt = now;
    this.#perMinute = perMinute;
    this.#left = perMinute;
  }

  /** The seconds until there is something left; 0 if there is. */
  waitSeconds(now: number): number {
    this.#filledAt = begunAt(this.#filledAt, now);
    const passed = Math.max(0, now - this.#filledAt);
    this.#left = Math.min(this.#perMinute, this.#left + (passed * this.#perMinute) / 60);
    this.#filledAt = Math.max(now, this.#filledAt);
    return this.#left >= 1 ? 0 : Math.ceil(((1 - this.#left) * 60) / this.#perMinute);
  }

  /** Whether nothing of it is gone, so that it may be forgotten. */
  isWhole(now: number): boolean {
    this.waitSeconds(now);
    return this.#left >= this.#perMinute && this.#underWay === 0 && this.#waiting.length === 0;
  }

  /** Whether what is under way could use up the rest. */
  get isFull(): boolean {
    return this.#left - this.#underWay < 1;
  }

  lose(): void {
    this.#left = Math.max(0, this.#left - 1);
  }

  begin(): void {
    this.#underWay++;
  }

  end(isUnpaid: boolean): void {
    this.#underWay--;
    if (isUnpaid) this.#left--;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  freed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function asking(shares: readonly Share[]): Ask {
  let isPriced = false;
  let isOver = false;
  for (const share of shares) share.begin();
  const end = (isUnpaid: boolean) => {
    if (isOver) return;
    isOver = true;
    for (const share of shares) share.end(isUnpaid);
  };
  return {
    priced: () => {
      isPriced = true;
    },
    paid: () => end(false),
    end: () => end(isPriced),
  };
}
