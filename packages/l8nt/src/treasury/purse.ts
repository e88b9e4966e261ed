/** Pays one challenge for one node: reserve on every limit, write the intent, pay, check, commit. spec/4-purchase.md §4. */
import { formatOrigin, type Target } from "../caveat/index.ts";
import { PaymentError } from "../errors.ts";
import { base64Text, hexBytes, hexText } from "../internal/bytes.ts";
import { randomBytes, sha256 } from "../internal/crypto.ts";
import type { Challenge, Verified } from "../l402/index.ts";
import { budgetError } from "../ledger/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Counted } from "../ports/limit.ts";
import type { PaymentRecord, Store } from "../ports/store.ts";
import type { Network, Payer, PaymentOutcome } from "../ports/wallet.ts";
import { checkInvoice, checkSale, formatCost } from "./check.ts";

export interface PurseOptions {
  readonly wallet: () => Promise<Payer>;
  readonly store: Store;
  readonly clock: Clock;
  /** The most that routing one payment may cost, in msat. It is reserved, and handed to the node. */
  readonly maxFeeMsat: (amountMsat: bigint) => bigint;
  readonly paymentTimeoutSeconds: number;
  /** Told about what a person should look at: a fee over its cap, a preimage that is wrong, an outcome that stays unknown. */
  readonly alarm: (what: string) => void;
}

const SENDING: PaymentOutcome = { status: "unknown", reason: "it is being made" };

/** What stands against a node in all, beside its limits: what the tree shows. */
export const nodeCounters = (verified: Verified): readonly Counted[] =>
  verified.nodes.map(({ id }) => ({ id, kind: "spend" }));

export const intentOf = (verified: Verified, { method, origin, path }: Target): string =>
  `${verified.node.id} ${method} ${formatOrigin(origin)}${path}`;

export class Purse {
  readonly #options: PurseOptions;
  #network: Network | undefined;
  /** The hashes that are being paid right now: what the wallet has not seen yet is not what it never will. [case 59] */
  readonly #sending = new Set<string>();

  constructor(options: PurseOptions) {
    this.#options = options;
  }

  /**
   * @throws ChallengeError, DeniedError, BudgetError with nothing spent; PaymentError, whose `spent` says
   */
  async pay(verified: Verified, target: Target, challenge: Challenge): Promise<PaymentRecord> {
    const { clock, store, maxFeeMsat } = this.#options;
    const wallet = await this.#options.wallet();
    this.#network ??= await wallet.network();
    const now = clock();
    checkSale(challenge, target, now);
    const { invoice, amountMsat } = await checkInvoice(challenge, this.#network, now);
    verified.demand({ now, target, priceMsat: amountMsat, payee: invoice.payee });
    const record: PaymentRecord = {
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
      maxFeeMsat: maxFeeMsat(amountMsat),
      reservationId: hexText(randomBytes(16)),
      limitIds: verified.limits.filter(({ kind }) => kind === "spend").map(({ id }) => id),
      macaroon: base64Text(Macaroon.encode(challenge.macaroon)),
      enforced: challenge.enforced,
      status: "open",
      createdAt: now,
      delivered: false,
    };
    const need = {
      amountMsat: amountMsat + record.maxFeeMsat,
      uses: 0n,
      costText: formatCost(amountMsat, record.maxFeeMsat),
    };
    const counted = [...nodeCounters(verified), ...verified.limits];
    const { reservationId: id } = record;
    const begun = await store.begin({ id, at: now, counted, amountMsat: need.amountMsat, uses: 0n }, record);
    if (!begun.reserved) {
      if ("refused" in begun) throw budgetError(verified.limits, begun.refused, need);
      throw new PaymentError(
        "ERR_PAYMENT_REPEATED",
        "no",
        "The service asks for a payment that was made before, or is being made: the same payment hash. It was not paid again.",
      );
    }
    return this.#settle(record, await this.#send(wallet, record));
  }

  /** Asks the wallet what became of a payment whose outcome was not known. */
  async follow(record: PaymentRecord): Promise<PaymentRecord> {
    const outcome = this.#sending.has(record.paymentHash) ? SENDING : await this.#find(record);
    return this.#settle(record, outcome);
  }

  async #find({ paymentHash }: PaymentRecord): Promise<PaymentOutcome> {
    try {
      const wallet = await this.#options.wallet();
      return await wallet.find(paymentHash);
    } catch {
      return { status: "unknown", reason: "the wallet failed" };
    }
  }

  async #send(wallet: Payer, record: PaymentRecord): Promise<PaymentOutcome> {
    const { paymentTimeoutSeconds: timeoutSeconds } = this.#options;
    const { invoice, paymentHash, amountMsat, maxFeeMsat } = record;
    this.#sending.add(paymentHash);
    try {
      return await wallet.pay({ invoice, paymentHash, amountMsat, maxFeeMsat, timeoutSeconds });
    } catch {
      // A wallet should not throw here; if it does, nobody knows whether bytes left. [case 75]
      return { status: "unknown", reason: "the wallet failed" };
    } finally {
      this.#sending.delete(paymentHash);
    }
  }

  async #settle(record: PaymentRecord, outcome: PaymentOutcome): Promise<PaymentRecord> {
    const { store, clock, alarm } = this.#options;
    switch (outcome.status) {
      case "paid": {
        if (!provesPayment(outcome.preimage, record.paymentHash)) {
          alarm(`the wallet answered payment ${record.paymentHash} with a preimage that is not its own`);
          throw new PaymentError(
            "ERR_PAYMENT_PREIMAGE",
            "unknown",
            "The wallet says that it paid, and gives a preimage that does not prove it. The amount stays reserved until the wallet is asked again.",
          );
        }
        const paid: PaymentRecord = {
          ...record,
          status: "paid",
          preimage: outcome.preimage.toLowerCase(),
          feeMsat: outcome.feeMsat,
        };
        // The credential first: a crash after this line has lost nothing. [case 72]
        await store.record(paid);
        await store.commit(record.reservationId, record.amountMsat + outcome.feeMsat, clock());
        if (outcome.feeMsat > record.maxFeeMsat)
          alarm(
            `the wallet paid ${outcome.feeMsat} msat of routing fee for ${record.paymentHash}, over its cap of ${record.maxFeeMsat}`,
          );
        return paid;
      }
      case "failed":
      case "never-sent":
        await store.record({ ...record, status: "failed" });
        await store.release(record.reservationId, clock());
        throw new PaymentError("ERR_PAYMENT_FAILED", "no", `The payment was not made: ${outcome.reason}.`);
      case "unknown":
        // A time-out is not a failure: the reservation stays until the wallet knows. [cases 52, 57]
        throw new PaymentError(
          "ERR_PAYMENT_UNKNOWN",
          "unknown",
          `It is not known whether the payment was made: ${outcome.reason}. The amount stays reserved, and it is not paid again; ask again later.`,
        );
    }
  }
}

function provesPayment(preimage: string, paymentHash: string): boolean {
  const bytes = preimage.length === 64 ? hexBytes(preimage) : undefined;
  return bytes !== undefined && hexText(sha256(bytes)) === paymentHash;
}
