/**
 * How often a node may ask a service for a price and not pay: a service counts all agents of a
 * treasury as one client, so one agent could use up what is there for all. spec/4-purchase.md §3.
 */
import { formatOrigin } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { Lru } from "../internal/lru.ts";
import { begunAt, type Clock } from "../ports/clock.ts";
import type { Order } from "./order.ts";

/**
 * In a minute at one origin, of a node with all nodes below it, by its depth. A service gives one
 * client 60 challenges in a minute, and an agent derives as many nodes as it likes.
 */
const PER_MINUTE = [32, 16, 8, 4] as const;
const REMEMBERED = 10_000;

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
  /** By node and origin. */
  readonly #shares = new Lru<string, Share>(REMEMBERED);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits as long as the requests of a node that are under way could use up its share.
   *
   * @throws AdapterError `ERR_RATE_LIMITED`
   */
  async begin(order: Order): Promise<Ask> {
    const shares = this.#sharesOf(order);
    for (;;) {
      this.demand(order);
      const full = shares.find((share) => share.isFull);
      if (full === undefined) return asking(shares);
      await full.freed();
    }
  }

  /** @throws AdapterError `ERR_RATE_LIMITED` if nothing is left */
  demand(order: Order): void {
    const now = this.#clock();
    const waits = Math.max(...this.#sharesOf(order).map((share) => share.waitSeconds(now)));
    if (waits > 0)
      throw new AdapterError(
        "ERR_RATE_LIMITED",
        `${formatOrigin(order.target.origin)} was asked for a price too often, and not paid, by this agent or agents of the same parent. Ask again in ${waits} s, with a budget that covers the price.`,
        { retryAfterSeconds: waits },
      );
  }

  /** A price that the service named to what was presented. It counts as any other. */
  refused(order: Order): void {
    for (const share of this.#sharesOf(order)) share.lose();
  }

  #sharesOf({ verified, target }: Order): readonly Share[] {
    const origin = formatOrigin(target.origin);
    return verified.nodes.map(({ id }, depth) => this.#share(`${id} ${origin}`, depth));
  }

  #share(key: string, depth: number): Share {
    const share = this.#shares.get(key) ?? new Share(PER_MINUTE[depth] ?? PER_MINUTE.at(-1)!);
    this.#shares.set(key, share);
    return share;
  }
}

/** What is left to one node at one origin. */
class Share {
  readonly #perMinute: number;
  #left: number;
  /** Unix seconds. */
  #filledAt = 0;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(perMinute: number) {
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
