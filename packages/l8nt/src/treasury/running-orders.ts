/** The orders that run in this process: each one runs once at a time. spec/4-purchase.md §4.2. */
import { AdapterError } from "../errors.ts";
import { FairMap } from "../internal/fair-map.ts";
import { Turns } from "../internal/turns.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import { hasGone, type Order } from "./order.ts";

/** What one pass of an order came to. */
export interface Passed<Result> {
  readonly result: Result;
  /** Resolves when nothing of it is under way any more: its answer may still be read. */
  readonly ended: Promise<void>;
}

interface Running {
  readonly fingerprint: string;
  readonly passes: Set<Order>;
  /** Resolves when no pass is left. */
  readonly ended: Promise<void>;
  readonly end: () => void;
  /** Whether an agent was there when a pass ended. */
  wasHeard: boolean;
}

/** In all. An agent that orders what costs nothing drives out only what is its own. */
const REMEMBERED = 10_000;

export class RunningOrders {
  readonly #turns = new Turns();
  /** The orders that ended when all of their agents had gone. */
  readonly #unheard = new FairMap<true>(REMEMBERED);
  /** The orders whose payment was settled while they did not run, and that did not run since. */
  readonly #settledApart = new FairMap<true>(REMEMBERED);
  readonly #running = new Map<string, Running>();
  /** Counts the beginnings and the ends of passes, to tell what came first. */
  #steps = 0;
  readonly #begunAt = new WeakMap<Order, number>();
  readonly #endedAt = new FairMap<number>(REMEMBERED);

  has(key: string): boolean {
    return this.#running.has(key);
  }

  /** Whether the order ended when all of its agents had gone, so that nothing reached them. */
  wasUnheard(key: string): boolean {
    return this.#unheard.get(key) ?? false;
  }

  /** Notes that the payment of an order, which was open, was found to be made. */
  settled({ order: key, nodeIds }: Pick<PaymentRecord, "order" | "nodeIds">): void {
    if (!this.has(key)) this.#settledApart.set(key, nodeIds, true);
  }

  /**
   * Whether nothing can have been handed over for the order: its payment was open when it ran last,
   * and was settled since by the reconciler or for another order. Its client may have named it as
   * under way before that.
   */
  wasSettledApart(key: string): boolean {
    return this.#settledApart.get(key) ?? false;
  }

  /**
   * Whether another order ended after this pass had begun. The client of this pass could not name
   * it as under way, and what was handed over for it may be on its way.
   */
  hasEndedBeside(key: string, order: Order): boolean {
    return (this.#endedAt.get(key) ?? 0) > (this.#begunAt.get(order) ?? 0);
  }

  /**
   * Resolves when an order has ended whose agents have all gone: what was bought for it is there
   * for another order then. Undefined if somebody waits for it, or it does not run.
   */
  abandoned(key: string): Promise<void> | undefined {
    const running = this.#running.get(key);
    return running !== undefined && [...running.passes].every(hasGone) ? running.ended : undefined;
  }

  /**
   * Runs a pass of the order after every earlier pass of it has ended.
   *
   * @throws AdapterError `ERR_REQUEST` if another request runs under its id
   */
  async run<Result>(order: Order, pass: () => Promise<Passed<Result>>): Promise<Result> {
    const { key, fingerprint } = order;
    const running = this.#running.get(key) ?? beginning(fingerprint);
    if (running.fingerprint !== fingerprint) throw anotherRequest();
    running.passes.add(order);
    this.#settledApart.delete(key);
    this.#running.set(key, running);
    this.#begunAt.set(order, ++this.#steps);
    return new Promise<Result>((resolve, reject) => {
      void this.#turns
        .take(key, async () => {
          const { result, ended } = await pass();
          resolve(result);
          await ended;
        })
        .catch(reject)
        .finally(() => {
          running.passes.delete(order);
          running.wasHeard ||= !hasGone(order);
          if (running.passes.size > 0) return;
          this.#running.delete(key);
          const nodeIds = order.verified.nodes.map(({ id }) => id);
          this.#endedAt.set(key, nodeIds, ++this.#steps);
          if (running.wasHeard) this.#unheard.delete(key);
          else this.#unheard.set(key, nodeIds, true);
          running.end();
        });
    });
  }
}

function beginning(fingerprint: string): Running {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { fingerprint, passes: new Set(), ended, end, wasHeard: false };
}

/** An id names one request. */
export const anotherRequest = (): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    "The id of this order names an order for another request. Give each request an id of its own; with an Idempotency-Key, a key of its own.",
  );
