/**
 * Recall: records what is handed over to which node, and when a node is revoked, revokes that at
 * the services as well; when it is frozen, what was minted for it. spec/4-purchase.md §6.
 */
import { opensNodes } from "../caveat/index.ts";
import type { Revocation } from "../credential/index.ts";
import { Lru } from "../internal/lru.ts";
import { every, nextTurn, type Timer } from "../internal/timers.ts";
import { type Clock, MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { Directive } from "../ports/directives.ts";
import type { Recall as RecallRow, Revoked } from "../ports/hand-overs.ts";
import type { RecallView } from "../ports/owner.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Directives } from "./directives.ts";
import type { SpendingGate } from "./gate.ts";
import { HandOverShares } from "./hand-over-shares.ts";
import { mintedNode, ownNode, ownNodes } from "./minted-nodes.ts";
import type { HandedOut } from "./narrowing.ts";
import { serviceTime } from "./paid-credential.ts";
import { type Minted, RecallQueue } from "./recall-queue.ts";

/** How long a handed-over credential holds: asking again costs no payment. */
const HAND_OVER_SECONDS = 300;
/** The same at a service that does not confirm revocations. */
const UNCONFIRMED_SECONDS = 60;
/** The end of a row is rounded up to a multiple of this, so that few repetitions write it again. */
const GRID_SECONDS = 60;
/** How much the clocks of the treasury and a service may drift apart during a hand-over. */
const DRIFT_SECONDS = 10;
/**
 * How much longer than its credential a row lasts: who revokes may have a clock that is ahead of
 * the service's, which ends the credential.
 */
const MARGIN_SECONDS = MAX_CLOCK_SKEW_SECONDS + DRIFT_SECONDS;
/** How many hand-overs the children of one node have at once. More are relayed. */
const MAX_BELOW = 1000;
/** How many rows are known to be written already. A row that is forgotten is written again. */
const REMEMBERED = 10_000;
/** How long a revocation waits for the services. They are told all the same after that. */
const PATIENCE_MS = 2000;
const TICK_MS = 1000;
/** By then another process that can read the store has read of a revocation. [case 111] */
const SOON_SECONDS = 2;
/** Recalls are shown for an hour after their end. */
const SHOWN_SECONDS = 3600;
const PRUNE_EVERY_SECONDS = 60;
/** How many rows one step of the store deletes. */
const BATCH = 250;
/** How many recalls one step of the store writes. */
const PART = 250;
/** How many revocations of before are recalled in one turn. */
const AT_ONCE = 16;
/** How many recalls are sent at once after the clock was turned back; the others at their time. */
const MAX_TURNED_BACK = 10_000;

/**
 * How long a revocation is recalled again by who starts: as long as a row can last that was written
 * when it was in force. The clocks of who wrote the row and of who revoked, and the service's as it
 * was measured, may each be off.
 */
const LONGEST_SECONDS =
  HAND_OVER_SECONDS + GRID_SECONDS + MARGIN_SECONDS + 2 * MAX_CLOCK_SKEW_SECONDS;

export interface RecallOptions {
  readonly fetch: typeof fetch;
  readonly store: Store;
  readonly directives: Directives;
  readonly clock: Clock;
  /** After that many seconds without news, other processes on the same store hand nothing over. */
  readonly maxSilenceSeconds: number;
  readonly gate: Pick<SpendingGate, "isFrozen">;
  /** Undefined if the treasury mints for no service. */
  readonly minted?: Minted | undefined;
}

/** A revocation, or a freeze, to recall again. */
interface Again {
  readonly revoked: Revoked;
  /** Unix seconds. */
  readonly at: number;
  /** The node that is frozen: after its thaw nothing more is recalled. */
  readonly frozen?: string;
}

export class Recall {
  readonly #options: RecallOptions;
  readonly #queue: RecallQueue;
  /** By node and payment: the end of the row that is in the store. */
  readonly #written = new Lru<string, number>(REMEMBERED);
  readonly #shares = new HandOverShares();
  /** By node and payment: rows that are being written. */
  readonly #underWay = new Map<string, Promise<boolean>>();
  /** Revocations to recall again, and when (Unix seconds). */
  #again: readonly Again[] = [];
  #timer: Timer | undefined;
  #prunedAt = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: RecallOptions) {
    this.#options = options;
    this.#queue = new RecallQueue(options);
  }

  /** How long a credential that is handed over at this origin holds, in seconds. */
  lifeSeconds({ enforced, origin }: Pick<PaymentRecord, "enforced" | "origin">): number {
    return opensNodes(enforced) && this.#queue.confirms(origin)
      ? HAND_OVER_SECONDS
      : UNCONFIRMED_SECONDS;
  }

  /**
   * Begins to record that the payer of a payment gets its credential. Called in one turn with the
   * settlement, so that a store writes both in one step if it can: the hand-over itself then finds
   * its row.
   */
  expect(record: PaymentRecord): void {
    if (!opensNodes(record.enforced)) return;
    const until = this.#options.clock() + this.lifeSeconds(record);
    // If it fails, the hand-over writes its row itself.
    void this.#write(record.nodeIds, record, until).catch(() => {});
  }

  /**
   * Records a hand-over. It is durable once the promise resolves, so that a revocation which comes
   * later recalls it; one that came meanwhile is for the caller to look at. Returns false if there
   * are too many below the node above, or one further up: the request must be relayed.
   *
   * @param nodeIds of the node that gets it, with those above, root first
   * @param until Unix seconds of the treasury's clock by which the credential ends
   * @throws AdapterError `ERR_STORE`
   */
  async handOver(nodeIds: readonly string[], record: HandedOut, until: number): Promise<boolean> {
    await this.#underWay.get(keyOf(nodeIds, record))?.catch(() => {});
    const isWritten = await this.#write(nodeIds, record, until);
    this.#prune();
    return isWritten;
  }

  /** Writes the rows of a hand-over, unless they are written and last long enough. */
  async #write(nodeIds: readonly string[], record: HandedOut, until: number): Promise<boolean> {
    const { store, clock } = this.#options;
    const { paymentHash, origin, enforced } = record;
    const key = keyOf(nodeIds, record);
    const needed = serviceTime(record, until) + MARGIN_SECONDS;
    if ((this.#written.get(key) ?? 0) >= needed) return true;
    const end = Math.ceil(needed / GRID_SECONDS) * GRID_SECONDS;
    const payer = record.nodeIds.at(-1)!;
    const recallable = opensNodes(enforced);
    const free = nodeIds.length - 1 - nodeIds.indexOf(payer);
    if (!this.#shares.take(key, ownNodes(nodeIds), free, end, clock())) return false;
    const writing = store.handOver(
      { paymentHash, origin, nodeIds, payer, recallable, until: end },
      // A row whose credential has ended takes no place from another one.
      { at: clock() + MARGIN_SECONDS, maxBelow: MAX_BELOW },
    );
    this.#underWay.set(key, writing);
    try {
      const isWritten = await writing;
      if (isWritten) this.#written.set(key, end);
      else this.#shares.release(key);
      return isWritten;
    } finally {
      if (this.#underWay.get(key) === writing) this.#underWay.delete(key);
    }
  }

  /**
   * Revokes a node and all below it: here, and at the services that were handed something for them.
   * Once the promise resolves, the revocation and the recalls are durable, and the services had two
   * seconds to confirm. Those that did not are told until what they were handed has ended.
   *
   * @throws AdapterError `ERR_STORE`; the revocation is in force in this process all the same
   */
  async revoke(
    node: Pick<Revocation, "nodeId"> & Partial<Revocation>,
    reason: string,
  ): Promise<void> {
    const at = this.#options.clock();
    const revoked = revokedOf(node, at);
    await this.#end({ kind: "revoke", at, reason, ...node }, [revoked, ...this.#minted(revoked)]);
    await this.told();
  }

  /**
   * Freezes a node, or all of them, and ends what was minted for it: that costs nothing, so another
   * one is minted after the thaw. What was paid for stays. Durable once the promise resolves.
   *
   * @throws AdapterError `ERR_STORE`; the freeze is in force in this process all the same
   */
  async freeze(nodeId: string, reason: string): Promise<void> {
    const at = this.#options.clock();
    const minted = this.#minted({ nodeId, at, rank: 0 });
    await this.#end({ kind: "freeze", nodeId, at, reason }, minted, nodeId);
  }

  /** The same of what was minted for the node and those below it, if anything ever is. */
  #minted({ nodeId, by, ...revoked }: Revoked): readonly Revoked[] {
    if (this.#options.minted === undefined) return [];
    const above = by === undefined ? {} : { by: mintedNode(by) };
    return [{ ...revoked, nodeId: mintedNode(nodeId), ...above }];
  }

  /** Gives the services two seconds to confirm what they are told. */
  told(): Promise<void> {
    return this.#queue.settled(PATIENCE_MS);
  }

  /** @param frozen the node, if it is frozen and not revoked */
  async #end(directive: Directive, all: readonly Revoked[], frozen?: string): Promise<void> {
    const { directives, store, maxSilenceSeconds } = this.#options;
    const { at } = directive;
    // All begin in one turn, so that a store writes them in one step if it can.
    const [issued, ...recalled] = await Promise.allSettled([
      directives.issue(directive),
      ...all.map((revoked) => this.#recall(revoked)),
    ]);
    const whenFrozen = frozen === undefined ? {} : { frozen };
    const again = (revoked: Revoked, when: number): Again => ({ revoked, at: when, ...whenFrozen });
    // Another process may hand something over before it reads of the directive: within a second
    // if all is well, and never once it has denied everything for lack of news.
    if (store.shared)
      this.#again = [
        ...this.#again,
        ...all.flatMap((revoked) => [
          again(revoked, at + SOON_SECONDS),
          again(revoked, at + maxSilenceSeconds + DRIFT_SECONDS),
          // That process's clock, or this one's, may have been set meanwhile.
          again(revoked, at + maxSilenceSeconds + MARGIN_SECONDS),
        ]),
      ];
    // The caller is told, and it is tried again all the same.
    for (const [index, one] of recalled.entries())
      if (one.status === "rejected") this.#again = [...this.#again, again(all[index]!, at)];
    this.#tick();
    for (const one of [issued!, ...recalled]) if (one.status === "rejected") throw one.reason;
  }

  /**
   * Takes up what the process before this one left: recalls that no service confirmed, and
   * revocations that it did not live to recall.
   */
  async start(): Promise<void> {
    const { store, clock, gate } = this.#options;
    const since = clock() - LONGEST_SECONDS;
    const recent = (await store.directives(0)).filter(({ at }) => at >= since);
    const ended = recent.flatMap((directive) => {
      const revoked = revokedOf(directive, clock());
      if (directive.kind === "revoke") return [revoked, ...this.#minted(revoked)];
      const isFrozen = directive.kind === "freeze" && gate.isFrozen([directive.nodeId]);
      return isFrozen ? this.#minted(revoked) : [];
    });
    await this.#recallAll(ended, clock());
    this.#tick();
    this.#prune();
  }

  /** The clock was turned back to `at`: what waits for a time after it is done now. */
  async turnBack(at: number): Promise<void> {
    const { store } = this.#options;
    this.#prunedAt = Number.NEGATIVE_INFINITY;
    this.#again = this.#again.map((again) => ({ ...again, at }));
    for (const recall of await store.recalls(undefined, MAX_TURNED_BACK))
      if (recall.acknowledgedAt === undefined) await store.postponeRecall(recall, at);
    this.#queue.turnBack();
    await this.start();
  }

  /**
   * In parts, each with a turn of the event loop and a commit of its own. The directive is in the
   * log by then, so what a killed process leaves is written by the next one. [case 118]
   */
  async #recall(revoked: Revoked): Promise<void> {
    const { store } = this.#options;
    let after = await store.recall(revoked, { limit: PART });
    while (after !== undefined) {
      this.#tick();
      await nextTurn();
      after = await store.recall(revoked, { after, limit: PART });
    }
  }

  async #recallAll(all: readonly Revoked[], at: number): Promise<void> {
    for (let from = 0; from < all.length; from += AT_ONCE)
      await Promise.all(
        all.slice(from, from + AT_ONCE).map((revoked) => this.#recall({ ...revoked, at })),
      );
  }

  /**
   * The recalls of a node and those below it, or all, the newest first. Sends what is due as well,
   * for an owner that watches it.
   */
  async views(nodeId: string | undefined, limit: number): Promise<readonly RecallView[]> {
    const { store, clock } = this.#options;
    const now = clock();
    await this.#look();
    const found = [...(await store.recalls(nodeId, limit))];
    if (nodeId !== undefined) {
      found.push(...(await store.recalls(mintedNode(nodeId), limit)));
      found.sort((one, other) => other.at - one.at);
    }
    return found.slice(0, limit).map((recall) => viewOf(recall, now));
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#queue.stop();
  }

  /** Sends what is due now, and each second for as long as something is pending. */
  #tick(): void {
    if (this.#isStopped) return;
    this.#queue.wake();
    this.#timer ??= every(TICK_MS, () => {
      void this.#look().catch(() => {});
    });
  }

  async #look(): Promise<void> {
    const { store, clock, gate } = this.#options;
    const now = clock();
    const stands = ({ frozen }: Again) => frozen === undefined || gate.isFrozen([frozen]);
    const due = this.#again.filter(({ at }) => at <= now).filter(stands);
    this.#again = this.#again.filter(({ at }) => at > now);
    try {
      await this.#recallAll(
        due.map(({ revoked }) => revoked),
        now,
      );
    } catch (error) {
      this.#again = [...due.map((again) => ({ ...again, at: now })), ...this.#again];
      throw error;
    }
    this.#queue.wake();
    if (this.#again.length > 0 || (await store.countPendingRecalls(now, 1)) > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Deletes what has ended, in batches, while orders go on. */
  #prune(): void {
    const { store, clock } = this.#options;
    const now = clock();
    if (now < this.#prunedAt + PRUNE_EVERY_SECONDS) return;
    this.#prunedAt = now;
    const ends = { handOvers: now, recalls: now - SHOWN_SECONDS };
    const prune = async () => {
      while (!this.#isStopped && (await store.forgetHandOvers(ends, BATCH)));
    };
    // What is left is deleted a minute later.
    void prune().catch(() => {});
  }
}

const keyOf = (nodeIds: readonly string[], { paymentHash }: HandedOut): string =>
  `${nodeIds.at(-1)} ${paymentHash}`;

function viewOf(recall: RecallRow, now: number): RecallView {
  const { paymentHash, origin, path, at, until, acknowledgedAt } = recall;
  return {
    ...{ paymentHash, origin, at, until },
    ...(path.length > 0 && { nodeId: ownNode(path.at(-1)!) }),
    ...(acknowledgedAt !== undefined && { confirmedAt: acknowledgedAt }),
    state:
      acknowledgedAt !== undefined
        ? "confirmed"
        : until <= now
          ? "ended"
          : path.length === 0
            ? "unsupported"
            : "pending",
  };
}

const revokedOf = (
  { nodeId, above, by }: Pick<Revocation, "nodeId"> & Partial<Revocation>,
  at: number,
): Revoked => ({
  nodeId,
  at,
  rank: by === undefined ? 0 : (above?.indexOf(by) ?? 0) + 1,
  ...(by !== undefined && { by }),
});
