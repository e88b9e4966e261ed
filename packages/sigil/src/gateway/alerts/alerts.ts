/**
 * Soft limits: tells the owner once in each window when an agent's budget has reached a part of its
 * limit. Outside of the requests' way.
 */
import { randomUUID } from "node:crypto";
import type { Refusal } from "l8nt";
import type { Verified } from "l8nt/l402";
import type { Counted, Journal, Ledger } from "l8nt/ports";
import type { Paywall } from "l8nt/service";
import type { Denied } from "../denied.ts";
import { type Left, spendingOf } from "../meter/limits.ts";
import type { Observer, Row } from "../observer.ts";
import { alertOf, hasReached, sentenceOf } from "./alert.ts";
import type { Delivery } from "./delivery.ts";
import type { AlertFeed } from "./feed.ts";
import type { Outbox, Pending } from "./outbox.ts";
import { Pace } from "./pace.ts";

export interface AlertsOptions {
  /** In percent, such as 50, 80 and 100. */
  readonly thresholds: readonly number[];
  readonly ledger: Pick<Ledger, "usage" | "reserve" | "commit">;
  readonly journal: Pick<Journal, "note">;
  /** Of any service: all read the same top-ups. */
  readonly paywall: () => Pick<Paywall, "limits">;
  readonly outbox: Outbox;
  /** Undefined without a webhook. */
  readonly delivery: Pick<Delivery, "send" | "stop"> | undefined;
  readonly feed: AlertFeed;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly alarm: (what: string, cause?: unknown) => void;
}

/** A chain to look at: requests that end meanwhile are looked at once. */
interface Due {
  readonly verified: Verified;
  /** The limits that refused a request. */
  readonly refused: Set<string>;
}

const MAX_REMEMBERED = 50_000;
const NOTHING = { unit: "msat", value: 0n } as const;

export class Alerts implements Observer {
  readonly #options: AlertsOptions;
  readonly #due = new Map<string, Due>();
  /** Until when nothing is to be raised, in Unix seconds, by the counter of the alert. */
  readonly #quietUntil = new Map<string, number>();
  readonly #pace = new Pace();
  #looking: Promise<void> | undefined;

  constructor(options: AlertsOptions) {
    this.#options = options;
  }

  settled({ spent }: Pick<Row, "spent">, verified: Verified | undefined): void {
    if (verified !== undefined && spent !== undefined && spent > 0n) this.#look(verified, []);
  }

  denied(_row: unknown, { refusals }: Denied, verified: Verified | undefined): void {
    const ofBudget = refusals.filter(({ code }) => code === "ERR_BUDGET");
    if (verified !== undefined && ofBudget.length > 0) this.#look(verified, ofBudget);
  }

  /** Goes on with what a process before this one raised and did not deliver. */
  async start(): Promise<void> {
    for (const pending of this.#options.outbox.all()) await this.#claim(pending);
  }

  /** Resolves once every chain that was due has been looked at. */
  async idle(): Promise<void> {
    while (this.#looking !== undefined) await this.#looking;
  }

  async stop(): Promise<void> {
    await this.idle();
    this.#options.delivery?.stop();
    this.#options.feed.close();
  }

  #look(verified: Verified, refusals: readonly Refusal[]): void {
    const { id } = verified.node;
    const due = this.#due.get(id) ?? { verified, refused: new Set<string>() };
    this.#due.set(id, due);
    for (const { node, condition } of refusals) due.refused.add(limitOf(node?.id, condition));
    this.#looking ??= this.#lookAtAll().finally(() => {
      this.#looking = undefined;
      if (this.#due.size > 0) this.#look(verified, []);
    });
  }

  async #lookAtAll(): Promise<void> {
    for (const [id, due] of this.#due) {
      this.#due.delete(id);
      try {
        await this.#lookAt(due);
      } catch (error) {
        this.#options.alarm("alerts could not be raised", error);
      }
    }
  }

  async #lookAt({ verified, refused }: Due): Promise<void> {
    const { ledger, paywall, clock, thresholds } = this.#options;
    const at = clock();
    const limits = await spendingOf(paywall().limits(verified), ledger, at);
    for (const left of limits) {
      const isRefused = refused.has(limitOf(left.nodeId, left.condition));
      for (const threshold of thresholds)
        if (hasReached(left, threshold) || (isRefused && threshold === WHOLE))
          await this.#raise(left, threshold, verified, at);
    }
  }

  async #raise(left: Left, threshold: number, verified: Verified, at: number): Promise<void> {
    const counted = counterOf(left, threshold);
    if (at < (this.#quietUntil.get(counted.id) ?? 0)) return;
    const { nodes } = verified;
    const depth = nodes.findIndex(({ id }) => id === left.nodeId);
    const full = this.#pace.take(nodes.slice(0, depth + 1), at);
    if (full !== undefined) return full.isFirst ? this.#options.alarm(full.why) : undefined;
    const lineage = nodes.slice(0, depth + 1).flatMap(({ agent }) => agent ?? []);
    const id = `msg_${randomUUID().replaceAll("-", "")}`;
    const claim = { id: `alert.${id}`, at, amount: NOTHING, uses: 1n, counted: [counted] };
    const pending = { id, alert: alertOf(left, threshold, { lineage, at }), claim };
    // Before it is claimed: a process that dies in between leaves it for its next start.
    this.#options.outbox.put(pending);
    await this.#claim(pending);
    // Who was slower than another gateway does not ask again for each request.
    this.#remember(counted.id, at + (left.windowSeconds ?? Number.POSITIVE_INFINITY));
  }

  /** One gateway of all that share the store gets it. Claimed twice under one id, it is one. */
  async #claim(pending: Pending): Promise<void> {
    const { ledger, journal, outbox, delivery, feed, clock, alarm } = this.#options;
    const { id, alert, claim } = pending;
    const answer = await ledger.reserve(claim);
    if (!answer.reserved) return outbox.remove(id);
    const at = clock();
    await ledger.commit(claim.id, NOTHING, at);
    await journal.note(`alert ${id}: ${sentenceOf(alert)}`, at);
    feed.tell(id, alert);
    alarm(sentenceOf(alert));
    void delivery?.send(pending).catch((error) => alarm("an alert could not be sent", error));
  }

  #remember(counter: string, until: number): void {
    if (this.#quietUntil.size >= MAX_REMEMBERED) this.#quietUntil.clear();
    this.#quietUntil.set(counter, until);
  }
}

/** In percent: what a limit that refuses a request is told at, because its rest is too little. */
const WHOLE = 100;

/** A limit, as a refusal names it. */
const limitOf = (nodeId: string | undefined, condition: string): string => `${nodeId} ${condition}`;

/**
 * Counts one alert within any span of the window of the limit, as the limit itself is counted; once
 * for a limit without a window. A limit that was topped up is another one.
 */
function counterOf({ counted, max, windowSeconds }: Left, threshold: number) {
  const { expiresAt } = counted;
  return {
    id: `alert ${threshold} ${max} ${counted.id}`,
    kind: "uses",
    max: 1n,
    ...(windowSeconds !== undefined && { windowSeconds }),
    ...(expiresAt !== undefined && { expiresAt }),
  } as const satisfies Counted;
}
