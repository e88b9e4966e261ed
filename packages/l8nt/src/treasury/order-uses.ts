/**
 * The use of its chain's limits that an order claims: one, however often its answer is lost.
 * spec/4-purchase.md §4.2.
 */
import { msat } from "../amount.ts";
import { AdapterError, BudgetError } from "../errors.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { randomBytes, sha256 } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import { type Claim, claimId, claimUse, endAbandonedUses, notCounted } from "../ledger/claim.ts";
import type { Clock } from "../ports/clock.ts";
import type { Reservation, ReserveAnswer } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import type { Store } from "../ports/store.ts";
import type { SpendingGate } from "./gate.ts";
import { givenKeyOf, type Order } from "./order.ts";
import { paidCredentialOf } from "./paid-credential.ts";
import { CLAIMANT } from "./startup.ts";
import { answerLost } from "./undelivered.ts";

/** How many passes of one order may break off under one use. */
const MAX_BROKEN = 5n;
const REMEMBERED = 10_000;
/** No pass takes this long until its answer begins. */
const LONGEST_SILENCE_SECONDS = 900;

export interface OrderUsesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly gate: SpendingGate;
}

/** The use under which one pass of an order runs. */
export interface OrderUse {
  /**
   * Ends the claim of the pass. Never fails.
   *
   * @param mayBeServed false with proof that nothing was served
   */
  end(mayBeServed: boolean): Promise<void>;
}

/** The counters of an order's uses. They are the treasury's own, and no caveat names them. */
interface OwnCounters {
  /** One pass at a time, over all treasuries on the books: two would be two answers. */
  readonly pass: Counted;
  /** Passes that may have been served. */
  readonly broken: Counted;
}

/**
 * The books decide, so that neither a restart nor another treasury gives an order a second answer
 * for one use. The uses of an order have numbers. A use is over when an answer was passed on whole,
 * or after some that broke off: without that bound, an agent that hangs up before the last byte
 * would never use anything up. The next pass then claims the next use.
 */
export class OrderUses {
  readonly #options: OrderUsesOptions;
  readonly #writing = new Set<Promise<void>>();
  /** By order: what ends the use of its last pass in this process, as long as an answer is kept. */
  readonly #last = new Lru<string, () => Promise<void>>(REMEMBERED);

  constructor(options: OrderUsesOptions) {
    this.#options = options;
  }

  /**
   * Claims a use for a pass before the service is asked, unless an earlier pass of the order has
   * one that is not over. [case 88]
   *
   * @throws BudgetError if a limit is used up; AdapterError `ERR_STORE`; PaymentError
   * `ERR_ANSWER_LOST` if the order has paid, and may not be served again
   */
  async claim(order: Order): Promise<OrderUse> {
    const name = nameOf(order);
    const own = await this.#options.store.ordered(order.key).catch(throwNotCounted);
    if (own?.preimage === undefined) return this.#next(order, name);
    if (paidCredentialOf(own).isSingleUse) return this.#ofSingle(order, name);
    try {
      return await this.#next(order, name);
    } catch (error) {
      throw error instanceof BudgetError ? answerLost(order, own) : error;
    }
  }

  async #next(order: Order, name: string): Promise<OrderUse> {
    let isSwept = false;
    for (;;) {
      const use = `${name}.${await this.#numberOf(order, name)}`;
      // A refusal is not written down. An earlier pass of the order may have this use already.
      if (await this.#isUsedUp(order)) await this.#claim(order, use);
      const { pass, broken } = countersOf(order, use);
      const seat = this.#own(`${use}.${hexText(randomBytes(16))}`, [pass, broken]);
      const answer = await this.#reserve(seat);
      if (answer.reserved) return this.#inSeat(order, name, use, seat);
      // What has ended by a clock that was ahead is forgotten, and has no seats. [case 109]
      if (answer.refused.some(({ id, reserved }) => id === pass.id && reserved === 0n))
        return this.#alone(order);
      if (answer.refused.some(({ id }) => id === broken.id)) await this.#over(order, name, use);
      else if (isSwept) return this.#alone(order);
      else isSwept = await this.#sweep();
    }
  }

  /**
   * What the order has is good for one answer, and the order never pays again: so it counts once,
   * however often it is presented. It is committed first, so that no other pass gives it back.
   */
  async #ofSingle(order: Order, name: string): Promise<OrderUse> {
    for (;;) {
      const claim = await this.#claim(order, `${name}.0`);
      const { outcome } = await claim.commit(this.#options.clock()).catch(throwNotCounted);
      if (outcome === "committed") return { end: async () => {} };
    }
  }

  /**
   * The agent has the answer of its last pass, or is given the kept one: the next pass claims
   * another use. Never fails.
   */
  async answered(orderKey: string): Promise<void> {
    const over = this.#last.get(orderKey);
    if (over !== undefined) await this.#write(over);
  }

  /** Resolves when everything that is known of uses is written. */
  async written(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #inSeat(order: Order, name: string, use: string, seat: Reservation): Promise<OrderUse> {
    const { store, clock } = this.#options;
    let claim: Claim;
    try {
      claim = await this.#claim(order, use);
    } catch (error) {
      await store.release(seat.id, clock()).catch(() => {});
      throw error;
    }
    this.#last.set(order.key, () => this.#over(order, name, use));
    const finish = async () => {
      if (order.progress.reached) await this.#over(order, name, use);
      await store.commit(seat.id, seat.amount, clock());
    };
    return {
      end: async (mayBeServed) => {
        if (!mayBeServed)
          return this.#write(async () => {
            await claim.release(clock());
            await store.release(seat.id, clock());
          });
        await this.#write(() => claim.commit(clock()));
        const { progress } = order;
        let finished: Promise<void> | undefined;
        void progress.left.then(() => {
          finished = this.#write(finish);
        });
        // An answer that was read and has not left yet is kept, and the next pass is given that.
        progress.ended = progress.ended.then(() => finished);
      },
    };
  }

  /**
   * Ends what was claimed so long ago that its process is dead, or its answer has begun: the pass
   * of a process that died holds the use of its order no longer.
   */
  async #sweep(): Promise<true> {
    const at = this.#options.clock();
    const abandoned = { of: CLAIMANT, before: at - LONGEST_SILENCE_SECONDS, at };
    await endAbandonedUses(this.#options.store, abandoned).catch(throwNotCounted);
    return true;
  }

  /**
   * A pass beside that of another process, which nobody can tell from one that died, counts for
   * itself: otherwise two treasuries that are asked at once would give two answers for one use.
   *
   * @throws AdapterError `ERR_REQUEST_RUNNING` if there is no other use
   */
  async #alone(order: Order): Promise<OrderUse> {
    const { clock } = this.#options;
    let claim: Claim;
    try {
      claim = await this.#claim(order, undefined);
    } catch (error) {
      throw error instanceof BudgetError ? runsElsewhere() : error;
    }
    return {
      end: (mayBeServed) =>
        this.#write(() => (mayBeServed ? claim.commit(clock()) : claim.release(clock()))),
    };
  }

  async #isUsedUp({ verified }: Order): Promise<boolean> {
    const { store, clock } = this.#options;
    const uses = verified.limits.filter(({ kind }) => kind === "uses");
    const usages = await store.usage(uses, clock()).catch(throwNotCounted);
    return usages.some(({ used }, at) => used >= uses[at]!.max);
  }

  #claim({ verified: { limits } }: Order, id: string | undefined): Promise<Claim> {
    const { store, clock } = this.#options;
    return claimUse(store, {
      by: CLAIMANT,
      ...(id !== undefined && { id }),
      limits,
      amount: msat(0n),
      at: clock(),
    });
  }

  /** How many uses of the order are over. */
  async #numberOf(order: Order, name: string): Promise<bigint> {
    const { store, clock } = this.#options;
    const [usage] = await store.usage([overOf(order, name)], clock()).catch(throwNotCounted);
    return usage!.used;
  }

  /** Ends a use: the next pass claims another one. Any process may, and it counts once. */
  async #over(order: Order, name: string, use: string): Promise<void> {
    const { store, clock } = this.#options;
    const mark = this.#own(`${use}.over`, [overOf(order, name)]);
    await this.#reserve(mark);
    await store.commit(mark.id, mark.amount, clock()).catch(throwNotCounted);
  }

  #own(id: string, counted: readonly Counted[]): Reservation {
    const at = this.#options.clock();
    return { id: claimId(CLAIMANT, id), at, amount: msat(0n), uses: 1n, counted };
  }

  #reserve(reservation: Reservation): Promise<ReserveAnswer> {
    return this.#options.store.reserve(reservation).catch(throwNotCounted);
  }

  /**
   * If the store fails, the use stays counted until the next start, and the agent keeps its answer.
   * [case 108]
   */
  async #write(write: () => Promise<unknown>): Promise<void> {
    const writing = write().then(
      () => {},
      () => this.#options.gate.doubt("a use could not be written down"),
    );
    this.#writing.add(writing);
    await writing;
    this.#writing.delete(writing);
  }
}

const runsElsewhere = (): AdapterError =>
  new AdapterError(
    "ERR_REQUEST_RUNNING",
    `Another treasury on the same books is answering this order, or died while it did, and there is no other use left. Send the same order again later: after ${LONGEST_SILENCE_SECONDS / 60} minutes at the latest, it is answered under its use.`,
    { retryAfterSeconds: 10 },
  );

const throwNotCounted = (cause: unknown): never => {
  throw notCounted(cause);
};

const overOf = ({ verified }: Order, name: string): Counted => ({
  kind: "uses",
  id: `uses over ${name}`,
  ...expiryOf(verified),
});

const countersOf = ({ verified }: Order, use: string): OwnCounters => ({
  pass: { kind: "in-flight", id: `in-flight pass ${use}`, max: 1n, ...expiryOf(verified) },
  broken: { kind: "uses", id: `uses broken ${use}`, max: MAX_BROKEN, ...expiryOf(verified) },
});

/**
 * After the last of its limits has ended, no order of the agent is admitted. The credential itself
 * may end earlier than another one of the same node, which names the same orders.
 */
function expiryOf({ limits }: Order["verified"]): { readonly expiresAt?: number } {
  const ends = limits
    .filter(({ kind }) => kind === "uses")
    .map(({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt);
  const expiresAt = Math.max(...ends);
  return Number.isFinite(expiresAt) ? { expiresAt } : {};
}

/**
 * An order and its request. With another `Idempotency-Key` the service answers anew, so it is
 * another request here, unlike where it is priced.
 */
const nameOf = (order: Order): string => {
  const parts = [order.key, order.fingerprint, givenKeyOf(order) ?? null];
  return hexText(sha256(utf8(JSON.stringify(parts)))).slice(0, 32);
};
