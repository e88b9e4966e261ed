/**
 * Orders under way: each has one place among those of its node, from its first request until
 * nothing of it is left, and one end. spec/4-purchase.md §4.2, §6.
 */
import type { RevocationList } from "../credential/index.ts";
import type { Shares, Use } from "../internal/shares.ts";

/** One order under way. */
export interface OrderEnd {
  /** Aborts when the agent has gone, or a node of its credential is revoked. */
  readonly signal: AbortSignal;
  readonly isRevoked: boolean;
  /**
   * Begins an exchange with a service, which keeps the order's place and ends when a node is
   * revoked. What is left of the one before ends now: an order has one connection at a time.
   *
   * @param abort ends the exchange
   * @returns what is called once its connection is free
   */
  exchange(abort: () => void): () => void;
  /** The order has its answer. @param away resolves when the answer has left this process */
  answered(away: Promise<void>): void;
  /** The order has failed. */
  failed(): void;
}

/**
 * Without it, an agent that hangs up or is revoked would keep its answers, and the connections of
 * its services, for as long as a service goes on sending, and use none of its share.
 */
export class OrderEnds {
  readonly #shares: Shares;
  readonly #revocations: RevocationList;
  readonly #all = new Set<UnderWay>();
  readonly #whenNone: (() => void)[] = [];

  constructor(revocations: RevocationList, shares: Shares) {
    this.#revocations = revocations;
    this.#shares = shares;
  }

  /**
   * @param nodeIds of the order's credential, root first
   * @param gone aborts when the agent has gone
   * @throws AdapterError `ERR_RATE_LIMITED` if a node has too many orders under way
   */
  begin(nodeIds: readonly string[], gone: AbortSignal | undefined): OrderEnd {
    const place = this.#shares.begin(nodeIds);
    place.more(1);
    const order: UnderWay = new UnderWay(place, gone, () => {
      unwatch();
      this.#over(order);
    });
    const unwatch = this.#revocations.watch(nodeIds, () => order.revoke());
    this.#all.add(order);
    return order;
  }

  /** Breaks off the answers that are on their way. Orders without one go on. */
  cutAnswers(): void {
    for (const order of this.#all) order.cutAnswer();
  }

  /** Resolves when no order is under way. */
  async none(): Promise<void> {
    if (this.#all.size > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
  }

  #over(order: UnderWay): void {
    this.#all.delete(order);
    if (this.#all.size > 0) return;
    for (const resolve of this.#whenNone.splice(0)) resolve();
  }
}

class UnderWay implements OrderEnd {
  isRevoked = false;
  readonly #ending = new AbortController();
  readonly #place: Use;
  readonly #gone: AbortSignal | undefined;
  readonly #over: () => void;
  readonly #end = (): void => this.#ending.abort();
  /** Ends the exchange that has not ended yet. */
  #abort: (() => void) | undefined;
  #isAnswered = false;
  /** The order itself, its exchanges, and its answer on its way to the agent. */
  #held = 1;

  constructor(place: Use, gone: AbortSignal | undefined, over: () => void) {
    this.#place = place;
    this.#gone = gone;
    this.#over = over;
    if (gone?.aborted) this.#end();
    else gone?.addEventListener("abort", this.#end, { once: true });
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  exchange(abort: () => void): () => void {
    this.#abort?.();
    this.#abort = abort;
    this.#held++;
    if (this.isRevoked) abort();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (this.#abort === abort) this.#abort = undefined;
      this.#free();
    };
  }

  answered(away: Promise<void>): void {
    this.#isAnswered = true;
    void away.then(() => this.#free());
  }

  failed(): void {
    this.#free();
  }

  revoke(): void {
    this.isRevoked = true;
    this.#end();
    this.#abort?.();
  }

  cutAnswer(): void {
    if (!this.#isAnswered) return;
    this.#end();
    this.#abort?.();
  }

  #free(): void {
    if (--this.#held > 0) return;
    this.#gone?.removeEventListener("abort", this.#end);
    this.#place.end();
    this.#over();
  }
}
