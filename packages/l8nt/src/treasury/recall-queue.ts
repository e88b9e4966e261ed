/**
 * The queue of recalls: tells services of revocations until they confirm them, a bounded number at
 * once. spec/4-purchase.md §6.
 */

import { type Base, formatOrigin, readBase } from "../caveat/index.ts";
import { discard } from "../http/discard.ts";
import { Lru } from "../internal/lru.ts";
import { later } from "../internal/timers.ts";
import type { Credential } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Recall } from "../ports/hand-overs.ts";
import type { Store } from "../ports/store.ts";
import { revocationRequest } from "../wire/revocation.ts";
import type { Grants } from "./grants.ts";
import { isMintedNode } from "./minted-nodes.ts";
import { openedBelow, recallCaveats, sealed } from "./narrowing.ts";
import { paidCredentialOf } from "./paid-credential.ts";

export interface RecallQueueOptions {
  readonly fetch: typeof fetch;
  readonly store: Store;
  readonly clock: Clock;
  readonly minted?: Minted | undefined;
}

/** What a treasury mints. */
export interface Minted {
  readonly grants: Pick<Grants, "again">;
  /** The services that the owner listed, by their origins. */
  readonly bases: ReadonlyMap<string, Base>;
}

/** How many requests are under way at once. */
const AT_ONCE = 16;
/** How many of them at origins that did not answer before: these leave places for the others. */
const AT_ONCE_FAILING = 8;
/** An origin that failed this often has at most half of those places. */
const OFTEN = 3;
const AT_ONCE_OFTEN = 4;
/** How many requests are under way at one origin. */
const AT_ONCE_BY_ORIGIN = 2;
/** How long an origin may take for its answer, and how long one that did not answer before may. */
const FIRST_MS = 2000;
const LATER_MS = 5000;
const FIRST_PAUSE_SECONDS = 1;
const LONGEST_PAUSE_SECONDS = 30;
/** How many origins are remembered. One that is forgotten is only asked sooner. */
const REMEMBERED = 10_000;

interface Failing {
  readonly origin: string;
  readonly times: number;
  /** Unix seconds before which nothing is sent there. */
  readonly until: number;
}

/** It has no timer of its own: {@link wake} sends what is due by then. */
export class RecallQueue {
  readonly #options: RecallQueueOptions;
  /** Keys of recalls, each with its origin. */
  readonly #underWay = new Map<string, string>();
  /** Origins that did not answer when they were last asked. */
  readonly #failing = new Lru<string, Failing>(REMEMBERED);
  /** Origins whose last answer was no confirmation. */
  readonly #unconfirmed = new Lru<string, true>(REMEMBERED);
  readonly #whenIdle = new Set<() => void>();
  #isLooking = false;
  #isNew = false;
  #isStopped = false;

  constructor(options: RecallQueueOptions) {
    this.#options = options;
  }

  /** Whether the origin confirmed the last recall, if any was sent there. */
  confirms(origin: string): boolean {
    return this.#unconfirmed.get(origin) === undefined;
  }

  /** Sends what is due, and does not wait for it. */
  wake(): void {
    this.#isNew = true;
    if (this.#isLooking || this.#isStopped) return;
    this.#isLooking = true;
    void this.#look().finally(() => {
      this.#isLooking = false;
      if (this.#isNew) this.wake();
      else if (this.#underWay.size === 0) for (const done of [...this.#whenIdle]) done();
    });
  }

  /** The clock was turned back: origins that did not answer are asked again. */
  turnBack(): void {
    this.#failing.clear();
  }

  /** Resolves once everything that is due was sent and answered, after `ms` at the latest. */
  settled(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#whenIdle.delete(done);
        resolve();
      };
      const timer = later(ms, done);
      this.#whenIdle.add(done);
      this.wake();
      if (this.#isStopped) done();
    });
  }

  /** Starts nothing more. What is pending is sent after the next start. */
  stop(): void {
    this.#isStopped = true;
    for (const done of [...this.#whenIdle]) done();
  }

  async #look(): Promise<void> {
    const { store, clock } = this.#options;
    let isDone = false;
    // What is under way wakes the queue when it ends, so a full queue has nothing to look for.
    this.#isNew = false;
    while (!isDone && !this.#isStopped && this.#underWay.size < AT_ONCE) {
      this.#isNew = false;
      const occupied = this.#occupied();
      const limit = AT_ONCE + this.#underWay.size;
      // The books cannot be read: they are read again when the queue is woken.
      const due = await store.pendingRecalls(clock(), occupied, limit).catch(() => []);
      // Each pass starts a recall or is the last: an origin that has its fill is left out of the
      // next one, so that it hides no other origin.
      isDone = due.map((recall) => this.#start(recall)).every((isStarted) => !isStarted);
    }
  }

  /** Origins that are sent nothing now. */
  #occupied(): readonly string[] {
    const now = this.#options.clock();
    const underWay = [...this.#underWay.values()];
    const full = underWay.filter((origin) => this.#countAt(origin) >= AT_ONCE_BY_ORIGIN);
    const areEnough = this.#failingUnderWay(1) >= AT_ONCE_FAILING;
    const areEnoughOften = this.#failingUnderWay(OFTEN) >= AT_ONCE_OFTEN;
    const resting = [...this.#failing.values()]
      .filter(({ until, times }) => areEnough || (areEnoughOften && times >= OFTEN) || until > now)
      .map(({ origin }) => origin);
    return [...new Set([...full, ...resting])];
  }

  #countAt(origin: string): number {
    return [...this.#underWay.values()].filter((other) => other === origin).length;
  }

  /** How many requests are under way at origins that failed `times` times or more. */
  #failingUnderWay(times: number): number {
    return [...this.#underWay.values()].filter((origin) => this.#timesFailed(origin) >= times)
      .length;
  }

  #timesFailed(origin: string): number {
    return this.#failing.get(origin)?.times ?? 0;
  }

  #start(recall: Recall): boolean {
    const { origin, paymentHash, path } = recall;
    const key = `${paymentHash} ${path.join(" ")}`;
    const times = this.#timesFailed(origin);
    if (
      this.#underWay.has(key) ||
      this.#underWay.size >= AT_ONCE ||
      this.#countAt(origin) >= (times > 0 ? 1 : AT_ONCE_BY_ORIGIN) ||
      (times > 0 && this.#failingUnderWay(1) >= AT_ONCE_FAILING) ||
      (times >= OFTEN && this.#failingUnderWay(OFTEN) >= AT_ONCE_OFTEN)
    )
      return false;
    this.#underWay.set(key, origin);
    // If the store fails, the recall is still pending, and sent again.
    void this.#send(recall)
      .catch(() => {})
      .finally(() => {
        this.#underWay.delete(key);
        this.wake();
      });
    return true;
  }

  async #send(recall: Recall): Promise<void> {
    const { store, clock } = this.#options;
    const { origin, path, at } = recall;
    const status = await this.#ask(recall);
    if (status === undefined || status >= 500) {
      const times = this.#timesFailed(origin) + 1;
      const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (times - 1));
      this.#failing.set(origin, { origin, times, until: clock() + pause });
      this.#unconfirmed.set(origin, true);
      return;
    }
    this.#failing.delete(origin);
    if (status >= 200 && status < 300) {
      this.#unconfirmed.delete(origin);
      await store.acknowledge(recall, clock());
    } else if (status === 429 && path.length > 1) {
      // The service has no room for one more entry. It always has room for a node with entries
      // below it, which then takes their place.
      await store.widenRecall(recall);
    } else {
      // This recall alone is refused, so the others of its origin do not wait for it. A purchase
      // that has ended revokes nothing any more, and its service refuses that rightly.
      if (!(await this.#hasEnded(recall))) this.#unconfirmed.set(origin, true);
      const pause = Math.min(LONGEST_PAUSE_SECONDS, Math.max(FIRST_PAUSE_SECONDS, clock() - at));
      await store.postponeRecall(recall, clock() + pause);
    }
  }

  async #hasEnded(recall: Recall): Promise<boolean> {
    const { store, clock } = this.#options;
    if (isMinted(recall)) {
      const end = (await this.#fullOf(recall))?.chain.validUntil;
      return end === undefined || clock() >= end;
    }
    const record = await store.payment(recall.paymentHash);
    return record?.preimage !== undefined && paidCredentialOf(record).isPastEnd(clock());
  }

  /** What the recall is of; undefined if the treasury does not have it any more. */
  async #fullOf({ paymentHash, origin, path }: Recall): Promise<Credential | undefined> {
    const { store, minted } = this.#options;
    if (isMinted({ path })) return minted?.grants.again(paymentHash, origin);
    const record = await store.payment(paymentHash);
    return record?.preimage === undefined ? undefined : paidCredentialOf(record).full;
  }

  /** The status of the service's answer; undefined if it did not answer. */
  async #ask(recall: Recall): Promise<number | undefined> {
    const { paymentHash, origin, path, presented } = recall;
    const { fetch: fetcher, minted } = this.#options;
    const full = await this.#fullOf(recall);
    if (full === undefined) return 404;
    const nodes = recallCaveats(path, paymentHash);
    const isFirst = this.#timesFailed(origin) === 0;
    // The service counts a revocation at the node that asks for it, so that a node which floods it
    // uses up nothing of the nodes above.
    const ancestor = openedBelow(full, nodes.slice(0, presented));
    const below = nodes.slice(presented);
    const descent = openedBelow(ancestor, below).body.descentFrom?.(ancestor.body) ?? below;
    const listed = isMinted(recall) ? minted?.bases.get(origin)?.text : undefined;
    const base = listed ?? baseOf(full, origin);
    const [url, init] = revocationRequest(base, sealed(ancestor).toString(), descent);
    try {
      const signal = AbortSignal.timeout(isFirst ? FIRST_MS : LATER_MS);
      const response = await fetcher(url, { ...init, signal });
      discard(response);
      return response.status;
    } catch {
      return undefined;
    }
  }
}

const isMinted = ({ path: [first = ""] }: Pick<Recall, "path">): boolean => isMintedNode(first);

/**
 * Where a service takes revocations: below its location, whose path a proxy may remove. Without a
 * location at the origin that was paid, at that origin.
 */
function baseOf({ location }: Credential, origin: string): string {
  const base = readBase(location);
  return base !== undefined && formatOrigin(base.origin) === origin ? base.text : origin;
}
