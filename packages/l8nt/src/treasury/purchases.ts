/**
 * Runs an errand: gets one request answered, from what is held or by paying, and never pays twice
 * for it. spec/4-purchase.md §4-5.
 */
import { formatOrigin } from "../caveat/index.ts";
import { PaymentError } from "../errors.ts";
import { checkOrigin, discard, relayed } from "../http/outbound.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Turns } from "../internal/turns.ts";
import { Challenge } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary, Purchase, PurchaseRequest } from "../ports/treasury.ts";
import { claimFor, type Holding, type Holdings, holdingOf, mayServe } from "./bought.ts";
import {
  type Delivery,
  type Errand,
  EVERYONE,
  narrowed,
  notDelivered,
  type Running,
} from "./delivery.ts";
import { handoverCaveats } from "./narrowing.ts";
import { intentOf, type Purse } from "./payments.ts";
import type { Handovers } from "./recall.ts";
import type { Settler } from "./settler.ts";

export interface ErrandsOptions {
  readonly store: Store;
  readonly purse: Purse;
  readonly settler: Settler;
  readonly handovers: Handovers;
  readonly holdings: Holdings;
  readonly delivery: Delivery;
  readonly clock: Clock;
  /** Before the claims of this process. */
  readonly instance: string;
}

export class Errands {
  readonly #options: ErrandsOptions;
  readonly #holdings: Holdings;
  readonly #delivery: Delivery;
  readonly #turns = new Turns();

  constructor(options: ErrandsOptions) {
    this.#options = options;
    this.#holdings = options.holdings;
    this.#delivery = options.delivery;
  }

  async run(asked: Errand): Promise<Purchase> {
    const errand = { ...asked, by: `${this.#options.instance}.${hexText(randomBytes(8))}` };
    const { refused } = errand.request;
    const doubted = refused === undefined ? undefined : await this.#doubt(errand, refused);
    if (doubted !== undefined) return doubted;
    // What is held is used without waiting for anybody; only who has to pay waits for his turn.
    return (
      (await this.#fromHoldings(errand)) ??
      this.#turns.take(intentOf(errand.verified, errand.target), () => this.#inTurn(errand))
    );
  }

  async #inTurn(errand: Running): Promise<Purchase> {
    // He may have waited, and been revoked meanwhile.
    const { verified, target } = errand;
    verified.demand({ now: this.#options.clock(), target });
    await this.#settleOpen(errand);
    return (await this.#fromHoldings(errand)) ?? this.#ask(errand);
  }

  /**
   * What the agent says about a credential that it holds: used up, or paid for and never served.
   * Its word is not taken. The treasury asks the service itself, with nothing that this very
   * request is not covered by. [case 25]
   */
  async #doubt(
    errand: Running,
    { paymentHash, delivered }: NonNullable<PurchaseRequest["refused"]>,
  ): Promise<Purchase | undefined> {
    const { verified, target } = errand;
    const record = await this.#options.store.payment(paymentHash);
    const payer = record?.nodeIds.at(-1);
    const isTheirs = verified.nodes.some(({ id }) => id === payer);
    if (record?.preimage === undefined || !isTheirs) return undefined;
    // Another request is at it: who doubts it now would take it away, and an honest service would
    // seem not to deliver.
    if (this.#holdings.isInUse(record, this.#options.clock())) return undefined;
    const holding = holdingOf(record);
    const isGood =
      record.status !== "undelivered" && mayServe(holding, verified, target, this.#options.clock());
    if (!delivered) {
      if (!isGood) throw notDelivered(record.origin);
      return this.#delivery.deliver(errand, holding, verified.node.id);
    }
    if (!isGood || record.status !== "paid") return undefined;
    const response = await this.#delivery.use(errand, holding);
    if (response !== undefined) return { kind: "response", response: relayed(response) };
    await this.#holdings.usedUp(holding);
    return undefined;
  }

  /**
   * A payment for this intent whose outcome was not known: it is asked for before another is made.
   * [case 63]
   */
  async #settleOpen({ verified, target }: Errand): Promise<void> {
    const intent = intentOf(verified, target);
    for (const record of await this.#options.store.openPayments())
      if (record.intent === intent)
        await this.#options.purse.follow(record).catch(rethrowUnlessSettled);
  }

  async #fromHoldings(errand: Running): Promise<Purchase | undefined> {
    for (;;) {
      const { verified, target, by } = errand;
      const holding = await this.#holdings.take(verified, target, this.#options.clock(), by);
      if (holding === undefined) return undefined;
      const handed = await this.#handOver(errand, holding);
      if (handed !== undefined) return handed;
      try {
        const response = await this.#delivery.use(errand, holding);
        if (response !== undefined) return { kind: "response", response: relayed(response) };
      } catch (error) {
        await this.#holdings.giveBack(holding.record, by);
        throw error;
      }
      // Paid for by a request that never got an answer, and worth nothing: that is no reason to pay
      // again. [cases 62, 72] Unless another process had it: one that died may have used it up, and
      // nobody heard the answer.
      const { paymentHash, delivered } = holding.record;
      const isCertain =
        this.#options.settler.settledHere(paymentHash) && !this.#holdings.wasShared(holding.record);
      if (!delivered && isCertain) return this.#delivery.accuse(holding, EVERYONE);
      await this.#holdings.usedUp(holding);
    }
  }

  /** Fetches the challenge itself: nobody can hand it an invoice. [case 99] */
  async #ask(errand: Running): Promise<Purchase> {
    const response = await this.#delivery.send(errand);
    if (response.status !== 402) return { kind: "response", response: relayed(response) };
    discard(response);
    checkOrigin(response, errand.url);
    errand.demandSpending();
    await this.#checkQuarantine(errand);
    const challenge = Challenge.parse(response.headers.get("www-authenticate"));
    const record = await this.#pay(errand, challenge);
    const payment: PaymentSummary = {
      origin: record.origin,
      paymentHash: record.paymentHash,
      amountMsat: record.amountMsat,
      feeMsat: record.feeMsat ?? 0n,
    };
    const holding = holdingOf(record);
    const purchase =
      (await this.#handOver(errand, holding)) ??
      (await this.#delivery.deliver(errand, holding, EVERYONE));
    return { ...purchase, payment };
  }

  async #pay(
    { verified, target, by, demandSpending }: Running,
    challenge: Challenge,
  ): Promise<PaymentRecord> {
    const { purse, store, clock } = this.#options;
    const claim = claimFor(challenge.macaroon, by, clock());
    try {
      return await purse.pay(verified, target, challenge, { claim, demandSpending });
    } catch (error) {
      // Where it turns out later that it was paid, whoever asks next may have it. What another
      // request has stays with it.
      const isOpen = claim !== undefined && error instanceof PaymentError && error.spent !== "no";
      if (isOpen)
        await store.mark(challenge.identifier.paymentHash, { unclaim: by }).catch(() => {});
      throw error;
    }
  }

  async #handOver(
    { verified, target, by }: Running,
    holding: Holding,
  ): Promise<Purchase | undefined> {
    const now = this.#options.clock();
    const caveats = handoverCaveats(verified, target, holding.record, now);
    const credential = caveats === undefined ? undefined : narrowed(holding.full, caveats);
    if (caveats === undefined || credential === undefined) return undefined;
    // Paying takes its time: whoever was revoked meanwhile is handed nothing. [case 111]
    try {
      verified.demand({ now, target });
    } catch (error) {
      await this.#holdings.giveBack(holding.record, by);
      throw error;
    }
    // Before anything is waited for: a revocation that comes meanwhile recalls it too. [case 111]
    this.#options.handovers.add({
      origin: holding.record.origin,
      full: holding.full,
      caveats,
      nodeIds: verified.nodes.map(({ id }) => id),
      validUntil: credential.chain.validUntil ?? now,
    });
    await this.#holdings.handedOver(holding);
    return { kind: "credential", credential: credential.toString() };
  }

  async #checkQuarantine({ verified, target }: Errand): Promise<void> {
    const origin = formatOrigin(target.origin);
    const closed = await this.#options.store.closures(origin, this.#options.clock());
    if (closed.some((to) => to === EVERYONE || verified.nodes.some(({ id }) => id === to)))
      throw new PaymentError(
        "ERR_ORIGIN_QUARANTINED",
        "no",
        `${origin} took a payment and did not deliver, so it is paid nothing for now.`,
      );
  }
}

function rethrowUnlessSettled(error: unknown): void {
  if (error instanceof PaymentError && error.spent === "no") return;
  throw error;
}
