/**
 * Answers of relayed requests, kept for an order that is sent again because its answer was lost.
 * spec/4-purchase.md §4.6.
 */
import { FairShares } from "../internal/fair-shares.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentSummary } from "../ports/treasury.ts";

export interface KeptAnswer {
  /** The fingerprint of the request that it answers. */
  readonly request: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly payment: PaymentSummary | undefined;
}

/** The size of an answer that is kept. */
export const MAX_KEPT_BYTES = 65_536;
const MAX_ALL_BYTES = 16 * 1024 * 1024;
/** For how long an answer that was lost may be given again. */
export const KEPT_SECONDS = 600;
/** What an answer takes beside its body, roughly. */
const OVERHEAD_BYTES = 1024;

interface Entry {
  readonly answer: KeptAnswer;
  readonly until: number;
}

/** By order key, which begins with the node: no other node can ask for it. */
export class KeptAnswers {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #all = new Map<string, Entry>();
  readonly #shares = new FairShares();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Keeps an answer. If there are too many, the oldest of the agent with the most goes: an
   * agent that orders what costs nothing, also as nodes below it, drives out only its own.
   *
   * @param nodeIds of the order's node and its ancestors, root first
   */
  keep(order: string, nodeIds: readonly string[], answer: KeptAnswer): void {
    this.drop(order);
    const now = this.#clock();
    const fields = answer.headers.reduce(
      (sum, [name, value]) => sum + name.length + value.length,
      0,
    );
    const bytes = answer.body.length + fields + OVERHEAD_BYTES;
    this.#all.set(order, { answer, until: now + KEPT_SECONDS });
    this.#shares.add(order, nodeIds, bytes);
    for (const [oldest, { until }] of this.#all) {
      if (until > now) break;
      this.drop(oldest);
    }
    this.#shares.reduce(MAX_ALL_BYTES, (oldest) => this.drop(oldest));
  }

  of(order: string): KeptAnswer | undefined {
    const entry = this.#all.get(order);
    if (entry === undefined) return undefined;
    if (entry.until > this.#clock()) return entry.answer;
    this.drop(order);
    return undefined;
  }

  drop(order: string): void {
    this.#all.delete(order);
    this.#shares.remove(order);
  }
}

/** The answer as a response, as often as it is asked for. */
export const responseOf = ({ status, statusText, headers, body }: KeptAnswer): Response =>
  new Response(NO_BODY.has(status) ? null : body.slice(), {
    status,
    statusText,
    headers: headers.map(([name, value]) => [name, value] as [string, string]),
  });

/** No `Response` can be made with such a status and a body. */
const NO_BODY = new Set([204, 205, 304]);
