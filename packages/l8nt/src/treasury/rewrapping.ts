/**
 * After the treasury's secret was replaced: wraps with the new one what the old one wrapped, while
 * orders go on. spec/4-purchase.md §4.7.
 */
import { nextTurn } from "../internal/timers.ts";
import type { PaidTexts, PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Digests } from "./digests.ts";
import { placeOf, type Wrapping } from "./wrapping.ts";

/** The fact that says with which secret everything in the books is wrapped. */
const WRAPPED_BY = "wrapped by";
const PAGE = 64;

export class Rewrapping {
  /** As it is written, wrapped. */
  readonly #store: Store | undefined;
  readonly #wrapping: Wrapping;
  readonly #digests: Digests;
  #isStopped = false;
  #work: Promise<void> = Promise.resolve();

  /** @param store undefined: nothing is wrapped */
  constructor(store: Store | undefined, wrapping: Wrapping, digests: Digests) {
    this.#store = store;
    this.#wrapping = wrapping;
    this.#digests = digests;
  }

  /** Returns at once. What is left undone is done after the next start. */
  begin(): void {
    const store = this.#store;
    if (store !== undefined) this.#work = this.#rewrap(store).catch(() => {});
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#work;
  }

  async #rewrap(store: Store): Promise<void> {
    const [id] = this.#wrapping.ids;
    if ((await store.fact(WRAPPED_BY)) === id) return;
    for (let after = ""; ; ) {
      const page = await store.paymentsAfter(after, PAGE);
      if (this.#isStopped) return;
      await Promise.all(page.map((record) => this.#one(store, record)));
      if (page.length < PAGE) break;
      after = page.at(-1)!.paymentHash;
      await nextTurn();
    }
    await this.#digests.dropPrevious();
    await store.setFact(WRAPPED_BY, id);
  }

  async #one(store: Store, record: PaymentRecord): Promise<void> {
    const { paymentHash, token, preimage } = record;
    const from: PaidTexts = { token, ...(preimage !== undefined && { preimage }) };
    const wrapping = this.#wrapping;
    const clear = await wrapping.unwrap(token, placeOf(record, "token"));
    const proof =
      preimage === undefined
        ? undefined
        : await wrapping.unwrap(preimage, placeOf(record, "preimage"));
    // What no secret opens stays as it is.
    if (clear === undefined || (preimage !== undefined && proof === undefined)) return;
    const to: PaidTexts = {
      token: await wrapping.wrap(clear, placeOf(record, "token")),
      ...(proof !== undefined && {
        preimage: await wrapping.wrap(proof, placeOf(record, "preimage")),
      }),
    };
    // It is false if the payment was settled meanwhile, with its texts wrapped anew.
    if (!(await store.rewrap(paymentHash, from, to))) {
      const now = await store.payment(paymentHash);
      if (now !== undefined && now.token === token) await this.#one(store, now);
    }
  }
}
