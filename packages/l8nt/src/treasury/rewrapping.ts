/**
 * After the treasury's secret was replaced: wraps with the new one what the old one wrapped, while
 * orders go on. spec/4-purchase.md §4.7.
 */
import { nextTurn } from "../internal/timers.ts";
import type { PaidTexts, PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Alarm } from "./alarm.ts";
import type { Digests } from "./digests.ts";
import { placeOf, type Wrapping } from "./wrapping.ts";

const PAGE = 64;

export class Rewrapping {
  /** As it is written, wrapped. */
  readonly #store: Store | undefined;
  readonly #wrapping: Wrapping;
  readonly #digests: Digests;
  readonly #alarm: Alarm;
  #isStopped = false;
  #isDone: boolean;
  #work: Promise<void> = Promise.resolve();

  /** @param store undefined: nothing is wrapped */
  constructor(store: Store | undefined, wrapping: Wrapping, digests: Digests, alarm: Alarm) {
    this.#store = store;
    this.#wrapping = wrapping;
    this.#digests = digests;
    this.#alarm = alarm;
    this.#isDone = store === undefined || wrapping.ids.length === 1;
  }

  /** Whether nothing needs a previous secret any more that another process does not write. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Returns at once. What is left undone is done after the next start. */
  begin(): void {
    const store = this.#store;
    if (store === undefined || this.#isDone) return;
    this.#work = this.#rewrap(store).catch((error: unknown) => {
      // A store that closes while the treasury stops is no failure.
      if (!this.#isStopped) this.#alarm(unfinished(error));
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#work;
  }

  async #rewrap(store: Store): Promise<void> {
    for (let after = ""; ; ) {
      const page = await store.paymentsAfter(after, PAGE);
      if (this.#isStopped) return;
      await Promise.all(page.map((record) => this.#one(store, record)));
      if (page.length < PAGE) break;
      after = page.at(-1)!.paymentHash;
      await nextTurn();
    }
    await this.#digests.dropPrevious();
    this.#isDone = true;
  }

  async #one(store: Store, record: PaymentRecord): Promise<void> {
    const { paymentHash, token, preimage } = record;
    const from: PaidTexts = { token, ...(preimage !== undefined && { preimage }) };
    const wrapping = this.#wrapping;
    const proof = preimage && (await wrapping.rewrapped(preimage, placeOf(record, "preimage")));
    const to: PaidTexts = {
      token: await wrapping.rewrapped(token, placeOf(record, "token")),
      ...(proof !== undefined && { preimage: proof }),
    };
    // By the present secret, or by none that is known.
    if (to.token === token && proof === preimage) return;
    // It is false if the payment was settled meanwhile, with its texts wrapped anew.
    if (!(await store.rewrap(paymentHash, from, to))) {
      const now = await store.payment(paymentHash);
      if (now !== undefined && now.token === token) await this.#one(store, now);
    }
  }
}

const unfinished = (error: unknown): string =>
  `the books still need previousSecrets: not everything could be wrapped with the new secret (${error instanceof Error ? error.message : String(error)}). Keep previousSecrets, and start the treasury again once its store works.`;
