/** The spending gate: may anything be spent now, and if not, why? spec/4-purchase.md §4. */
import { formatOrigin, type Node, refusal, type Target } from "../caveat/index.ts";
import { Freezes } from "../credential/freezes.ts";
import { AdapterError, denied, PaymentError, type Refusal } from "../errors.ts";
import type { Freezable } from "../feed/follow.ts";
import { Lru } from "../internal/lru.ts";
import type { Verified } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import { ALL_NODES } from "../ports/directives.ts";
import type { Closure, Payments } from "../ports/payments.ts";
import type { Alarm } from "./alarm.ts";
import { type Applied, UnexplainedPayments } from "./unexplained.ts";

const REMEMBERED = 10_000;

export interface SpendingGateOptions {
  readonly store: Pick<Payments, "closures">;
  readonly clock: Clock;
  readonly alarm: Alarm;
  /** How long a closure of an origin holds at most. */
  readonly quarantineSeconds: number;
  /** Whether an origin was doubted so often that it stays closed for longer. */
  readonly isDoubted?: (origin: string, nodeIds: readonly string[]) => boolean;
  /** Whether a payment that the books cannot explain stops spending. @default true */
  readonly stopsUnexplained?: boolean;
  /** Compares the books with the wallet, if that has not been done yet. */
  readonly compareOnce?: () => Promise<void>;
}

/**
 * The one place that stops spending. Freezes and doubts are reported to it; whatever spends asks
 * it. Revocation is not judged here: a revoked credential is denied before it gets this far.
 */
export class SpendingGate implements Freezable {
  readonly #options: SpendingGateOptions;
  readonly #frozen = new Freezes("a treasury");
  /** Payments of the wallet that the books cannot explain. As long as there is one, all stops. */
  readonly unexplained = new UnexplainedPayments();
  /** When this process first saw each closure, in Unix seconds. */
  readonly #seenAt = new Lru<string, number>(REMEMBERED);
  /** Why the owner has to look at the books. */
  #restored: string | undefined;
  #doubt: string | undefined;
  #doubts = 0;
  #freezeCount = 0;

  constructor(options: SpendingGateOptions) {
    this.#options = options;
  }

  /** Applies a freeze or a thaw. */
  apply(directive: Applied): void {
    if (this.unexplained.apply(directive)) return;
    const { kind, nodeId, reason } = directive;
    if (kind === "freeze") {
      this.#freezeCount++;
      this.#frozen.freeze(nodeId, reason);
    } else if (kind === "thaw") this.#frozen.thaw(nodeId);
  }

  /** How many freezes were ever applied, those of other processes too. */
  get freezeCount(): number {
    return this.#freezeCount;
  }

  /** Whether one of these nodes, or every node, is frozen. */
  isFrozen(nodeIds: readonly string[]): boolean {
    if (this.#unexplained > 0 || this.#restored !== undefined) return true;
    return this.#frozen.isFrozen(nodeIds);
  }

  /** Stops all spending on books that were restored or copied, until `release`. */
  hold(why: string): void {
    if (this.#restored === undefined) this.#options.alarm(`spending has stopped: ${why}`);
    this.#restored = why;
  }

  /** Ends a hold. */
  release(): void {
    this.#restored = undefined;
  }

  get isHeld(): boolean {
    return this.#restored !== undefined;
  }

  /** Stops all spending until the books and the wallet have been compared again. */
  doubt(why: string): void {
    if (this.#doubt === undefined) this.#options.alarm(`spending has stopped: ${why}`);
    this.#doubt = why;
    this.#doubts++;
  }

  /** How many payments stop spending because they cannot be explained. */
  get #unexplained(): number {
    return this.#options.stopsUnexplained === false ? 0 : this.unexplained.count;
  }

  /** How many doubts were ever reported. Read it before a comparison, and give it to `trust`. */
  get doubts(): number {
    return this.#doubts;
  }

  /** Ends the doubt, unless another one was reported after `doubts` was read. */
  trust(doubts: number): void {
    if (this.#doubts === doubts) this.#doubt = undefined;
  }

  /** Why nothing may be spent by anybody; undefined if spending is possible. */
  get reason(): string | undefined {
    const count = this.#unexplained;
    const unexplained =
      count === 0
        ? undefined
        : `${count === 1 ? "a payment" : `${count} payments`} of the wallet cannot be explained by the books; say what ${count === 1 ? "it was" : "they were"}`;
    return this.#doubt ?? unexplained ?? this.#restored ?? this.#frozen.reason;
  }

  /**
   * Asks whether a credential may spend. Ask again immediately before money moves.
   *
   * @throws DeniedError `ERR_FROZEN`; AdapterError `ERR_TREASURY_STOPPED`
   */
  demand(verified: Verified): void {
    const error = denied(this.#freezes(verified));
    if (error !== undefined) throw error;
    if (this.#doubt === undefined) return;
    throw new AdapterError(
      "ERR_TREASURY_STOPPED",
      `The treasury has stopped spending: ${this.#doubt}. It compares its books with the wallet again on each request; the reason is also in the owner's journal.`,
    );
  }

  /**
   * Also asks whether the credential may spend at this origin, which may be in quarantine.
   *
   * @throws PaymentError `ERR_ORIGIN_QUARANTINED`, and whatever `demand` throws
   */
  async demandAt(verified: Verified, target: Target): Promise<void> {
    await this.#options.compareOnce?.();
    this.demand(verified);
    const origin = formatOrigin(target.origin);
    const { store, clock, isDoubted } = this.#options;
    const nodeIds = verified.nodes.map(({ id }) => id);
    const closures = (await store.closures(origin, clock())).filter((closure) =>
      this.#holds(origin, closure),
    );
    const isClosed = closures.some(({ to }) => to === ALL_NODES || nodeIds.includes(to));
    // Asked in any case: after the clock was set back, a doubt begins again when it is first seen,
    // and that must not be when the closure has ended.
    const doubted = isDoubted?.(origin, nodeIds) ?? false;
    if (isClosed || doubted)
      throw new PaymentError(
        "ERR_ORIGIN_QUARANTINED",
        "no",
        `${origin} was paid and refused what it had sold, so it is not paid for now.`,
      );
  }

  /** The clock was turned back: the time for which a closure holds begins anew. */
  turnBack(): void {
    this.#seenAt.clear();
  }

  /** The end of a closure may be written by a clock that was far ahead, here or elsewhere. */
  #holds(origin: string, { to, until }: Closure): boolean {
    const { clock, quarantineSeconds } = this.#options;
    const key = `${origin} ${to} ${until}`;
    const seenAt = this.#seenAt.get(key) ?? clock();
    this.#seenAt.set(key, seenAt);
    return clock() < seenAt + quarantineSeconds;
  }

  #freezes(verified: Verified): readonly Refusal[] {
    const [root] = verified.nodes;
    // An agent does not learn what the owner's wallet paid.
    if (this.#unexplained > 0)
      return [stopped(root!, "a wallet that made a payment that the books cannot explain")];
    if (this.#restored !== undefined)
      return [
        stopped(root!, "books that were restored or copied, and not compared or confirmed yet"),
      ];
    return this.#frozen.refusals(() => verified.nodes);
  }
}

const stopped = (node: Node, have: string): Refusal =>
  refusal(node, "frozen", { code: "ERR_FROZEN", have, need: "the treasury's owner to explain it" });
