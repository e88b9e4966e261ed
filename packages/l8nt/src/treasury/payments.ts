/**
 * Pays one challenge for one node: reserve on every limit, write the intent, pay, check, commit.
 * spec/4-purchase.md §4.
 */
import { msat } from "../amount.ts";
import {
  countersOf,
  formatOrigin,
  type Target,
  uncountedSpend,
  withUncounted,
} from "../caveat/index.ts";
import { denied, PaymentError } from "../errors.ts";
import { Turns } from "../internal/turns.ts";
import type { InvoiceCurve } from "../invoice/index.ts";
import type { Offer } from "../l402/challenge.ts";
import type { Verified } from "../l402/index.ts";
import { budgetError, nodeTotal, withResets } from "../ledger/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Network, Payer, PaymentOutcome } from "../ports/wallet.ts";
import { checkInvoice, checkPayee, checkSale, formatCost, type PayableInvoice } from "./check.ts";
import type { SpendingGate } from "./gate.ts";
import { firstPaymentLimit, inFlightLimits } from "./in-flight.ts";
import type { SpendingPolicy } from "./limits.ts";
import type { NodeDirectory } from "./nodes.ts";
import { newAttemptId } from "./order.ts";
import { coversOthers } from "./paid-credential.ts";
import type { Sending } from "./payment-lookup.ts";
import type { Settler } from "./settler.ts";

export interface OutgoingPaymentsOptions {
  readonly wallet: () => Promise<Payer>;
  readonly store: Store;
  readonly clock: Clock;
  readonly policy: SpendingPolicy;
  readonly nodes: Pick<NodeDirectory, "spent">;
  readonly gate: SpendingGate;
  readonly settler: Settler;
  readonly sending: Sending;
  readonly curve: InvoiceCurve | undefined;
}

/** One payment that is asked for. */
export interface PaymentRequest {
  readonly verified: Verified;
  readonly target: Target;
  readonly offer: Offer;
  /** The key of the order that pays. */
  readonly order: string;
  /** The fingerprint of what was priced. */
  readonly request: string;
  /** The service's clock minus ours. */
  readonly skewSeconds: number;
  /** Called when the payment is written down, before it is sent. */
  readonly begun: () => void;
}

/** What a payment is for. At most one payment of an intent is open at a time. [case 63] */
export const intentOf = (verified: Verified, { method, origin, path }: Target): string =>
  `${verified.node.id} ${method} ${formatOrigin(origin)}${path}`;

export class OutgoingPayments {
  readonly #options: OutgoingPaymentsOptions;
  /** The wallet's answer from the first time it was asked. */
  #network: Network | undefined;
  /** Makes payments to an origin that was never paid one by one. [cases 70, 86] */
  readonly #first = new Turns();

  constructor(options: OutgoingPaymentsOptions) {
    this.#options = options;
  }

  /**
   * Pays, unless a limit, the policy or the spending gate is against it. Undefined if the order has
   * a payment already.
   *
   * @throws ChallengeError, DeniedError, BudgetError with nothing spent; PaymentError, whose
   * `spent` says whether money moved
   */
  async pay(request: PaymentRequest): Promise<PaymentRecord | undefined> {
    const origin = formatOrigin(request.target.origin);
    const { store, policy } = this.#options;
    const isAnyPayeeFine = !policy.pinsPayees && policy.maxFirstPaymentMsat === undefined;
    for (;;) {
      const payees = await store.payees(origin);
      if (isAnyPayeeFine || payees.length > 0) return this.#attempt(request, payees, false);
      // The books allow one at a time; those of this process wait instead of being refused.
      const first = await this.#first.take(origin, async () => {
        const now = await store.payees(origin);
        return now.length > 0 ? undefined : { record: await this.#attempt(request, now, true) };
      });
      if (first !== undefined) return first.record;
    }
  }

  /** @param isFirst whether no payee of the origin is known */
  async #attempt(
    request: PaymentRequest,
    payees: readonly string[],
    isFirst: boolean,
  ): Promise<PaymentRecord | undefined> {
    const { verified, target, offer, skewSeconds } = request;
    const { clock, store, nodes, settler, gate, sending, policy, curve } = this.#options;
    const wallet = await this.#options.wallet();
    // Asked for each payment, because another node may answer at the wallet's URL by now. The other
    // checks run meanwhile.
    const identity = wallet.identity?.();
    identity?.catch(() => {});
    this.#network ??= await wallet.network();
    const now = clock();
    checkSale(offer, target, now + skewSeconds, policy.paymentTimeoutSeconds);
    const payable = await checkInvoice(offer, this.#network, now, skewSeconds, curve);
    const { invoice, amountMsat } = payable;
    const price = msat(amountMsat);
    const refusals = verified.judge({ now, target, price, payee: invoice.payee });
    const uncounted = uncountedSpend(verified.chain, price, "spending");
    const error = denied(withUncounted(refusals, uncounted, price));
    if (error !== undefined) throw error;
    const payeePolicy = {
      pinned: policy.pinsPayees,
      maxFirstPaymentMsat: policy.maxFirstPaymentMsat,
    };
    checkPayee(payable, { ...payeePolicy, payees });
    const origin = formatOrigin(target.origin);
    const record = this.#recordOf(request, payable, await identity);
    const limits = [
      ...verified.limits,
      ...inFlightLimits(verified, record.origin, policy.maxInFlight),
      ...(isFirst ? [firstPaymentLimit(verified, record.origin)] : []),
    ];
    const need = {
      amount: msat(amountMsat + record.maxFee.value),
      uses: 0n,
      costText: formatCost(record.amount, record.maxFee),
    };
    const { unit } = record.amount;
    // Each node's own total, which the tree shows, and its limits.
    const counted = [...verified.nodes.map(({ id }) => nodeTotal(id, unit)), ...countersOf(limits)];
    // Asked again: the agent may have been revoked or frozen while the invoice was checked, or
    // while the payment was written down. [cases 50, 111]
    const demand = () => {
      verified.demand({ now: clock(), target, price, payee: invoice.payee });
      gate.demand(verified);
    };
    demand();
    sending.begin(record.paymentHash);
    try {
      const again = (await store.payment(record.paymentHash)) !== undefined;
      const begun = await store.begin(
        { id: record.attemptId, at: now, counted, amount: need.amount, uses: 0n },
        record,
      );
      if (!begun.reserved) {
        if ("refused" in begun)
          throw budgetError(limits, await withResets(store, begun.refused, counted, now), need);
        if ("ordered" in begun) return undefined;
        throw "open" in begun ? underWay() : repeated();
      }
      request.begun();
      await nodes.spent(verified);
      try {
        demand();
        // Another treasury may have made the first payment since the payees were read.
        if (isFirst) checkPayee(payable, { ...payeePolicy, payees: await store.payees(origin) });
      } catch (error) {
        await settler.fail(record);
        throw error;
      }
      return await settler.settle(record, await this.#send(wallet, record, again));
    } finally {
      sending.end(record.paymentHash);
    }
  }

  #recordOf(
    { verified, target, offer, order, request, skewSeconds }: PaymentRequest,
    { invoice, amountMsat }: PayableInvoice,
    wallet: string | undefined,
  ): PaymentRecord {
    const createdAt = this.#options.clock();
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
      amount: msat(amountMsat),
      maxFee: msat(this.#options.policy.maxFeeMsat(amountMsat)),
      attemptId: newAttemptId(order, createdAt),
      order,
      request,
      anyPath: coversOthers(offer.token, target),
      limitIds: verified.limits.filter(({ kind }) => kind === "spend").map(({ id }) => id),
      token: offer.token.text,
      enforced: offer.enforced,
      status: "open",
      createdAt,
      delivered: false,
      ...(skewSeconds !== 0 && { skewSeconds }),
      ...(wallet !== undefined && { wallet }),
    };
  }

  async #send(wallet: Payer, record: PaymentRecord, again: boolean): Promise<PaymentOutcome> {
    const { policy, store, clock } = this.#options;
    const timeoutSeconds = policy.paymentTimeoutSeconds;
    const { invoice, paymentHash } = record;
    const [amountMsat, maxFeeMsat] = [record.amount.value, record.maxFee.value];
    // This process may have slept. Another one may have looked for the payment by now, and released
    // its amount.
    if (store.shared && clock() > record.createdAt + timeoutSeconds)
      return { status: "unknown", reason: "it was not sent in time" };
    try {
      await store.held?.();
    } catch {
      // Another process has taken the books over, and may have found this payment not sent.
      return { status: "unknown", reason: "the books belong to another process" };
    }
    try {
      const request = { invoice, paymentHash, amountMsat, maxFeeMsat, timeoutSeconds };
      return await wallet.pay(again ? { ...request, again } : request);
    } catch {
      // The request may have left before the wallet failed. [case 75]
      return { status: "unknown", reason: "the wallet failed" };
    }
  }
}

export const underWay = (): PaymentError =>
  new PaymentError(
    "ERR_PAYMENT_UNKNOWN",
    "unknown",
    "A payment for the same request is being made by another process. It is not paid twice; ask again in a moment.",
  );

const repeated = (): PaymentError =>
  new PaymentError(
    "ERR_PAYMENT_REPEATED",
    "no",
    "The service asks for a payment that was made before, or is being made: the same payment hash. It was not paid again.",
  );
