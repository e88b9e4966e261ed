/**
 * What this process knows of each purchase beside its record: by it a refusal is judged, and a lost
 * answer is asked for. spec/4-purchase.md §4.5, §4.6.
 */
import { Lru } from "../internal/lru.ts";
import type { Clock } from "../ports/clock.ts";
import { KEPT_SECONDS } from "./kept-answers.ts";

/** What a purchase was presented for, and by which `Idempotency-Key`. */
export interface Asked {
  /** The fingerprint of what is priced. */
  readonly request: string;
  readonly key: string;
}

const REMEMBERED = 10_000;
/** Of one purchase. Only whether there is another one is ever asked, which two tell. */
const MAX_HANDED = 2;

/** By payment hash, of the last purchases. A restart forgets it all. */
export class Evidence {
  readonly #clock: Clock;
  readonly #known = new Lru<string, PurchaseEvidence>(REMEMBERED);
  /** What is at a service at this moment is known however many others there are. */
  readonly #presented = new Map<string, PurchaseEvidence>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(paymentHash: string): PurchaseEvidence {
    const known =
      this.#known.get(paymentHash) ??
      this.#presented.get(paymentHash) ??
      new PurchaseEvidence(this.#clock);
    this.#known.set(paymentHash, known);
    return known;
  }

  /** Runs an exchange with a service, during which the purchase `isPresented`. */
  async presenting<Result>(paymentHash: string, exchange: () => Promise<Result>): Promise<Result> {
    const known = this.of(paymentHash);
    this.#presented.set(paymentHash, known);
    known.presentations++;
    try {
      return await exchange();
    } finally {
      if (--known.presentations === 0) this.#presented.delete(paymentHash);
    }
  }
}

export class PurchaseEvidence {
  readonly #clock: Clock;
  /** Whether the service may have served it. */
  mayBeUsed = false;
  /** Whether a connection with it was closed before a head, and not by this side. */
  unanswered = false;
  /** Whether the service refused it last. */
  isRefused = false;
  /** Whether the service answered last without consuming the use. */
  isGivenBack = false;
  /** How many exchanges with it are under way. */
  presentations = 0;
  /** The request that it had too little left for, until something is answered. */
  #tooLittleFor: string | undefined;
  #handedTo: readonly string[] = [];
  #isHandedAgain = false;
  #lost: (Asked & { readonly at: number }) | undefined;
  #answered: (Asked & { readonly order: string }) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The orders that it was handed over for, at most two of them. */
  get handedTo(): readonly string[] {
    return this.#handedTo;
  }

  /**
   * Whether one order had it twice: a process that died may have used it, and its successor, which
   * asks again, cannot know.
   */
  get isHandedAgain(): boolean {
    return this.#isHandedAgain;
  }

  noteHanded(order: string): void {
    if (this.#handedTo.includes(order)) this.#isHandedAgain = true;
    else if (this.#handedTo.length < MAX_HANDED) this.#handedTo = [...this.#handedTo, order];
  }

  /** Returns whether it had too little left for another request before. */
  hadTooLittle(request: string): boolean {
    this.#tooLittleFor ??= request;
    return this.#tooLittleFor !== request;
  }

  /** The first answer that was lost stays the one to ask for, until an order has had one. */
  noteLost({ request, key }: Asked): void {
    if (!this.#isLost()) this.#lost = { request, key, at: this.#clock() };
  }

  /** An order has an answer that consumed the use, so nobody else is given it. */
  noteAnswered(order: string, { request, key }: Asked): void {
    this.isGivenBack = false;
    this.#lost = undefined;
    this.#tooLittleFor = undefined;
    this.#answered = { order, request, key };
  }

  /** The key of an answer to this request that nobody received, and that is not old. */
  lostKey(request: string): string | undefined {
    return this.#isLost() && this.#lost?.request === request ? this.#lost.key : undefined;
  }

  /** The key by which the order was answered last. */
  answeredKey(order: string, request: string): string | undefined {
    const answered = this.#answered;
    return answered?.order === order && answered.request === request ? answered.key : undefined;
  }

  #isLost(): boolean {
    return this.#lost !== undefined && this.#clock() < this.#lost.at + KEPT_SECONDS;
  }
}
