/**
 * Pays one challenge for one node: reserve on every limit, write the intent, pay, check, commit.
 * spec/4-purchase.md §4.
 */
import { countersOf, formatOrigin, type Target } from "../caveat/index.ts";
import { PaymentError } from "../errors.ts";
import { base64Text, hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Turns } from "../internal/turns.ts";
import type { Challenge, Verified } from "../l402/index.ts";
import { budgetError } from "../ledger/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Counted } from "../ports/limit.ts";
import type { BeginAnswer, PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Network, Payer, PaymentOutcome } from "../ports/wallet.ts";
import { checkInvoice, checkPayee, checkSale, formatCost, type PayableInvoice } from "./check.ts";
import { type InFlightCaps, inFlightLimits } from "./in-flight.ts";
import type { Settler } from "./settler.ts";

export interface OutgoingPaymentsOptions {
  readonly wallet: () => Promise<Payer>;
  readonly store: Store;
  readonly clock: Clock;
  /**
   * The most that routing one payment may cost, in msat. It is reserved, and handed to the node.
   */
  readonly maxFeeMsat: (amountMsat: bigint) => bigint;
  readonly paymentTimeoutSeconds: number;
  readonly maxInFlight: InFlightCaps;
  readonly pinsPayees: boolean;
  readonly maxFirstPaymentMsat: bigint | undefined;
  readonly settler: Settler;
}

export interface PaymentTerms {
  /** Who has what is bought, where it buys a single request. */
  readonly claim: PaymentRecord["claim"];
  /** @throws SigilError where nothing may be spent now */
  readonly demandSpending: () => void;
}

/**
 * Beyond the time that a payment may take: what another process began before that is nobody's any
 * more. A wallet may look twice before it hands a payment over (15 s each), and its node take a
 * minute to begin, or to make the last try.
 */
const ABANDONED_SECONDS = 120;

/** It never saw the payment, which proves nothing: the other one may have made it. [case 59] */
const ANOTHER_WALLET: PaymentOutcome = {
  status: "unknown",
  reason: "it was begun from another wallet than the one that is asked",
};

const SENDING: PaymentOutcome = { status: "unknown", reason: "it is being made" };

/** What stands against a node in all, beside its limits: what the tree shows. */
const nodeCounters = (verified: Verified): readonly Counted[] =>
  verified.nodes.map(({ id }) => ({ id, kind: "spend" }));

export const intentOf = (verified: Verified, { method, origin, path }: Target): string =>
  `${verified.node.id} ${method} ${formatOrigin(origin)}${path}`;

export class OutgoingPayments {
  readonly #options: OutgoingPaymentsOptions;
  /** What the wallet said when it was first asked. */
  #network: Network | undefined;
  /**
   * The hashes that are being paid right now: what the wallet has not seen yet is not what it never
   * will. [case 59]
   */
  readonly #sending = new Map<string, number>();
  /**
   * By origin: the payments of those who find it never paid come one by one, so that there is one
   * first one. [cases 70, 86]
   */
  readonly #first = new Turns();

  constructor(options: OutgoingPaymentsOptions) {
    this.#options = options;
  }

  /**
   * Pays, if nothing is against it, also at the last moment before.
   *
   * @throws ChallengeError, DeniedError, BudgetError with nothing spent; PaymentError, whose
   * `spent` says
   */
  async pay(
    verified: Verified,
    target: Target,
    challenge: Challenge,
    terms: PaymentTerms,
  ): Promise<PaymentRecord> {
    const origin = formatOrigin(target.origin);
    const { store, pinsPayees, maxFirstPaymentMsat } = this.#options;
    const isAnyFine = !pinsPayees && maxFirstPaymentMsat === undefined;
    const attempt = (payees: readonly string[]) =>
      this.#attempt(verified, target, challenge, terms, payees);
    for (;;) {
      const payees = await store.payees(origin);
      if (isAnyFine || payees.length > 0) return attempt(payees);
      const first = await this.#first.take(origin, async () => {
        const now = await store.payees(origin);
        return now.length > 0 ? undefined : { record: await attempt(now) };
      });
      if (first !== undefined) return first.record;
    }
  }

  async #attempt(
    verified: Verified,
    target: Target,
    challenge: Challenge,
    { claim, demandSpending }: PaymentTerms,
    payees: readonly string[],
  ): Promise<PaymentRecord> {
    const { clock, store, settler } = this.#options;
    const wallet = await this.#options.wallet();
    // For each payment: behind its URL there may be another node than there was. While it answers,
    // the rest is looked at.
    const identity = wallet.identity?.();
    identity?.catch(() => {});
    this.#network ??= await wallet.network();
    const now = clock();
    checkSale(challenge, target, now);
    const payable = await checkInvoice(challenge, this.#network, now);
    const { invoice, amountMsat } = payable;
    verified.demand({ now, target, priceMsat: amountMsat, payee: invoice.payee });
    checkPayee(payable, {
      payees,
      pinned: this.#options.pinsPayees,
      maxFirstPaymentMsat: this.#options.maxFirstPaymentMsat,
    });
    const record = this.#recordOf(verified, target, challenge, payable, claim, await identity);
    const limits = [
      ...verified.limits,
      ...inFlightLimits(verified, record.origin, this.#options.maxInFlight),
    ];
    const need = {
      amountMsat: amountMsat + record.maxFeeMsat,
      uses: 0n,
      costText: formatCost(amountMsat, record.maxFeeMsat),
    };
    const counted = [...nodeCounters(verified), ...countersOf(limits)];
    // Whoever was stopped while this looked around is paid nothing for. [cases 50, 111]
    const demand = () => {
      verified.demand({ now: clock(), target, priceMsat: amountMsat, payee: invoice.payee });
      demandSpending();
    };
    demand();
    this.#beginSending(record);
    try {
      const again = (await store.payment(record.paymentHash)) !== undefined;
      const begun = await store.begin(
        { id: record.reservationId, at: now, counted, amountMsat: need.amountMsat, uses: 0n },
        record,
      );
      if (!begun.reserved) {
        if ("refused" in begun) throw budgetError(limits, begun.refused, need);
        throw underWay(begun);
      }
      try {
        demand();
      } catch (error) {
        await settler.fail(record);
        throw error;
      }
      return await settler.settle(record, await this.#send(wallet, record, again));
    } finally {
      this.#endSending(record);
    }
  }

  /**
   * Counted: a second attempt at one hash is refused, and must not take the first one's mark with
   * it.
   */
  #beginSending({ paymentHash }: PaymentRecord): void {
    this.#sending.set(paymentHash, (this.#sending.get(paymentHash) ?? 0) + 1);
  }

  #endSending({ paymentHash }: PaymentRecord): void {
    const left = (this.#sending.get(paymentHash) ?? 1) - 1;
    if (left > 0) this.#sending.set(paymentHash, left);
    else this.#sending.delete(paymentHash);
  }

  /** Whether this process is paying it at this moment. */
  isSending(paymentHash: string): boolean {
    return this.#sending.has(paymentHash);
  }

  #recordOf(
    verified: Verified,
    target: Target,
    challenge: Challenge,
    { invoice, amountMsat }: PayableInvoice,
    claim: PaymentRecord["claim"],
    wallet: string | undefined,
  ): PaymentRecord {
    return {
      paymentHash: invoice.paymentHash,
      intent: intentOf(verified, target),
      nodeIds: verified.nodes.map(({ id }) => id),
      lineage: verified.lineage,
      method: target.method,
      origin: formatOrigin(target.origin),
      path: target.path,
      invoice: invoice.text,
      payee: invoice.payee,
      amountMsat,
      maxFeeMsat: this.#options.maxFeeMsat(amountMsat),
      reservationId: hexText(randomBytes(16)),
      limitIds: verified.limits.filter(({ kind }) => kind === "spend").map(({ id }) => id),
      macaroon: base64Text(Macaroon.encode(challenge.macaroon)),
      enforced: challenge.enforced,
      status: "open",
      createdAt: this.#options.clock(),
      delivered: false,
      ...(wallet !== undefined && { wallet }),
      ...(claim !== undefined && { claim }),
    };
  }

  /**
   * Asks the wallet what became of a payment whose outcome was not known. @throws PaymentError
   * unless it was paid
   */
  async follow(record: PaymentRecord): Promise<PaymentRecord> {
    const outcome = this.#isBeingMade(record) ? SENDING : await this.#find(record);
    const isAnEnd = outcome.status === "failed" || outcome.status === "never-sent";
    return this.#options.settler.settle(
      record,
      isAnEnd && (await this.#isAnother(record)) ? SENDING : outcome,
    );
  }

  /**
   * A failed hash may be begun anew: that the wallet never made the first attempt says nothing of
   * the second.
   */
  async #isAnother({ paymentHash, reservationId }: PaymentRecord): Promise<boolean> {
    const now = await this.#options.store.payment(paymentHash);
    return this.isSending(paymentHash) || now?.reservationId !== reservationId;
  }

  /**
   * Here, or, where others write to the same books, by one of them: what its wallet has not seen
   * yet may still be sent.
   */
  #isBeingMade({ paymentHash, createdAt }: PaymentRecord): boolean {
    const { store, clock, paymentTimeoutSeconds } = this.#options;
    if (this.#sending.has(paymentHash)) return true;
    return store.shared && clock() < createdAt + paymentTimeoutSeconds + ABANDONED_SECONDS;
  }

  async #find(record: PaymentRecord): Promise<PaymentOutcome> {
    try {
      const wallet = await this.#options.wallet();
      const outcome = await wallet.find(record.paymentHash);
      const isNoEnd = outcome.status === "paid" || outcome.status === "unknown";
      return isNoEnd || (await wallet.identity?.()) === record.wallet ? outcome : ANOTHER_WALLET;
    } catch {
      return { status: "unknown", reason: "the wallet failed" };
    }
  }

  async #send(wallet: Payer, record: PaymentRecord, again: boolean): Promise<PaymentOutcome> {
    const { paymentTimeoutSeconds: timeoutSeconds, store, clock } = this.#options;
    const { invoice, paymentHash, amountMsat, maxFeeMsat } = record;
    // Slept through its time: another process may have looked for it, and given its amount back.
    if (store.shared && clock() > record.createdAt + timeoutSeconds)
      return { status: "unknown", reason: "it was not sent in time" };
    try {
      const request = { invoice, paymentHash, amountMsat, maxFeeMsat, timeoutSeconds };
      return await wallet.pay(again ? { ...request, again } : request);
    } catch {
      // A wallet should not throw here; if it does, nobody knows whether bytes left. [case 75]
      return { status: "unknown", reason: "the wallet failed" };
    }
  }
}

function underWay(
  begun: Exclude<BeginAnswer, { reserved: true } | { refused: unknown }>,
): PaymentError {
  return "open" in begun
    ? new PaymentError(
        "ERR_PAYMENT_UNKNOWN",
        "unknown",
        "A payment for the same request is being made by another process. It is not paid twice; ask again in a moment.",
      )
    : new PaymentError(
        "ERR_PAYMENT_REPEATED",
        "no",
        "The service asks for a payment that was made before, or is being made: the same payment hash. It was not paid again.",
      );
}
