/**
 * The money of the dev network: accounts, invoices and payments, without sockets and timers. Every
 * change is one synchronous step.
 */

import { hexText, utf8 } from "../internal/bytes.ts";
import { hmacSha256, sha256 } from "../internal/crypto.ts";
import { Invoice } from "../invoice/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { InvoiceRequest, PaymentOutcome, WalletPayment } from "../ports/wallet.ts";

/** One attempt to pay. Amounts are 0 if the invoice is not of this network. */
export interface DevPayment {
  readonly paymentHash: string;
  readonly payer: string;
  /** Undefined if the invoice is not of this network. */
  readonly payee: string | undefined;
  readonly amountMsat: bigint;
  readonly feeMsat: bigint;
  readonly status: "paid" | "failed" | "in-flight";
  readonly reason?: string;
}

/** The sums of the dev network, in msat. */
export interface DevTotals {
  readonly fundedMsat: bigint;
  readonly balancesMsat: bigint;
  readonly inFlightMsat: bigint;
  readonly feesMsat: bigint;
}

interface Account {
  readonly name: string;
  readonly nodeKey: Uint8Array;
  balanceMsat: bigint;
}

interface Issued {
  readonly text: string;
  readonly payee: Account;
  readonly amountMsat: bigint;
  readonly expiresAt: number;
  readonly preimage: string;
  /** The payment that is in flight or paid. An invoice is paid once. */
  payment?: Payment;
}

/** One attempt, as the bank stores it. `ended` resolves once it is paid or failed. */
export interface Payment extends DevPayment {
  status: "paid" | "failed" | "in-flight";
  reason?: string;
  preimage: string;
  /** Unix seconds. */
  paidAt?: number;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

export interface PayOrder {
  readonly payer: string;
  readonly invoice: string;
  /** The amount that the payer expects; undefined for the amount of the invoice. */
  readonly amountMsat?: bigint | undefined;
  readonly maxFeeMsat: bigint;
  /**
   * Faults: charges this instead of the routing fee and ignores the cap; refuses with this reason;
   * returns this preimage.
   */
  readonly feeMsat?: bigint | undefined;
  readonly refusal?: string | undefined;
  readonly preimage?: string | undefined;
}

export interface BankOptions {
  readonly seed: Uint8Array;
  readonly clock: Clock;
  readonly routingFeePpm: bigint;
}

export class DevBank {
  readonly #options: BankOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #issued = new Map<string, Issued>();
  /** The payment hash of each issued invoice, by its text: to decode one takes a millisecond. */
  readonly #hashes = new Map<string, string>();
  readonly #attempts: Payment[] = [];
  #fundedMsat = 0n;
  #feesMsat = 0n;

  constructor(options: BankOptions) {
    this.#options = options;
  }

  open(name: string, balanceMsat: bigint): void {
    this.#accounts.set(name, { name, nodeKey: this.#derive(`node ${name}`), balanceMsat });
    this.#fundedMsat += balanceMsat;
  }

  has(name: string): boolean {
    return this.#accounts.has(name);
  }

  balanceMsat(name: string): bigint {
    return this.#account(name).balanceMsat;
  }

  /** Unix seconds of the bank's clock. */
  now(): number {
    return this.#options.clock();
  }

  createInvoice(name: string, request: InvoiceRequest): string {
    const payee = this.#account(name);
    const preimage = this.#derive(`preimage ${this.#issued.size}`);
    const paymentHash = hexText(sha256(preimage));
    const timestamp = Math.floor(this.#options.clock());
    const text = Invoice.encode(
      {
        network: "bcrt",
        amountMsat: request.amountMsat,
        timestamp,
        expirySeconds: request.expirySeconds,
        paymentHash,
        paymentSecret: hexText(this.#derive(`secret ${this.#issued.size}`)),
        description: request.description ?? "",
        minFinalCltvExpiryDelta: 18,
        features: [8, 14],
      },
      payee.nodeKey,
    );
    const expiresAt = timestamp + request.expirySeconds;
    const { amountMsat } = request;
    this.#issued.set(paymentHash, {
      text,
      payee,
      amountMsat,
      expiresAt,
      preimage: hexText(preimage),
    });
    this.#hashes.set(text, paymentHash);
    return text;
  }

  /** The payment hash of an invoice; undefined for any other text. */
  hashOf(invoice: string): string | undefined {
    return this.#read(invoice)?.paymentHash;
  }

  /**
   * Reserves amount and fee of the payer, or refuses and records the attempt as failed. A second
   * request of a payer whose payment is in flight joins that payment.
   */
  begin(order: PayOrder): { readonly payment: Payment; readonly joined: boolean } {
    const payer = this.#account(order.payer);
    const invoice = this.#read(order.invoice);
    const paymentHash = invoice?.paymentHash ?? "";
    const issued = this.#issued.get(paymentHash);
    const open = issued?.payment;
    if (open?.status === "in-flight" && open.payer === payer.name)
      return { payment: open, joined: true };
    const amountMsat = issued?.amountMsat ?? 0n;
    const routingFeeMsat = (amountMsat * this.#options.routingFeePpm + 999_999n) / 1_000_000n;
    const feeMsat = order.feeMsat ?? routingFeeMsat;

    const refusal = ((): string | undefined => {
      if (invoice === undefined) return "the invoice is malformed";
      if (invoice.network !== "bcrt") return "the invoice is for another network";
      if (issued === undefined || issued.text !== order.invoice.toLowerCase())
        return "no route: the invoice is not of this network";
      if (open !== undefined)
        return open.status === "paid" ? "already paid" : "another account is paying it";
      if (order.amountMsat !== undefined && order.amountMsat !== amountMsat)
        return "the invoice is for another amount";
      // A node that pays itself would give a preimage although no money moved. [case 74]
      if (issued.payee === payer) return "the invoice is the payer's own";
      if (this.#options.clock() >= issued.expiresAt) return "the invoice has expired";
      if (order.feeMsat === undefined && feeMsat > order.maxFeeMsat)
        return "no route within the fee cap";
      if (payer.balanceMsat < amountMsat + feeMsat) return "the balance is too small";
      return order.refusal;
    })();

    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const payment: Payment = {
      paymentHash,
      payer: payer.name,
      payee: issued?.payee.name,
      amountMsat,
      feeMsat,
      status: refusal === undefined ? "in-flight" : "failed",
      ...(refusal !== undefined && { reason: refusal }),
      preimage: order.preimage ?? issued?.preimage ?? "",
      ended,
      end,
    };
    this.#attempts.push(payment);
    if (refusal === undefined) {
      payer.balanceMsat -= amountMsat + feeMsat;
      issued!.payment = payment;
    } else end();
    return { payment, joined: false };
  }

  /** Settles a payment: the payee gets the amount. */
  settle(payment: Payment): void {
    if (payment.status !== "in-flight")
      throw new TypeError("only a payment in flight can be settled");
    this.#issued.get(payment.paymentHash)!.payee.balanceMsat += payment.amountMsat;
    this.#feesMsat += payment.feeMsat;
    payment.status = "paid";
    payment.paidAt = this.#options.clock();
    payment.end();
  }

  /** Fails a payment: the payer gets amount and fee back, and the invoice can be paid again. */
  fail(payment: Payment, reason: string): void {
    if (payment.status !== "in-flight") throw new TypeError("only a payment in flight can fail");
    this.#account(payment.payer).balanceMsat += payment.amountMsat + payment.feeMsat;
    delete this.#issued.get(payment.paymentHash)!.payment;
    payment.status = "failed";
    payment.reason = reason;
    payment.end();
  }

  inFlight(paymentHash: string): Payment {
    const payment = this.#issued.get(paymentHash)?.payment;
    if (payment?.status !== "in-flight")
      throw new TypeError("no payment with this hash is in flight");
    return payment;
  }

  /** This payer's payment of a hash: the one in flight or paid, else the last that failed. */
  find(payer: string, paymentHash: string): Payment | undefined {
    const live = this.#issued.get(paymentHash)?.payment;
    if (live?.payer === payer) return live;
    return this.#attempts.findLast(
      (attempt) => attempt.payer === payer && attempt.paymentHash === paymentHash,
    );
  }

  /** The payments of this payer that were made at `at` or later (Unix seconds). */
  paidSince(payer: string, at: number): readonly WalletPayment[] {
    return this.#attempts
      .filter(
        (attempt) => attempt.payer === payer && attempt.status === "paid" && attempt.paidAt! >= at,
      )
      .map(({ paymentHash, amountMsat, feeMsat, paidAt }) => ({
        paymentHash,
        amountMsat,
        feeMsat,
        at: paidAt!,
      }));
  }

  payments(): DevPayment[] {
    return this.#attempts.map(({ preimage: _, paidAt: ____, ended: __, end: ___, ...payment }) =>
      Object.freeze(payment),
    );
  }

  totals(): DevTotals {
    let balancesMsat = 0n;
    for (const { balanceMsat } of this.#accounts.values()) balancesMsat += balanceMsat;
    let inFlightMsat = 0n;
    for (const { status, amountMsat, feeMsat } of this.#attempts)
      if (status === "in-flight") inFlightMsat += amountMsat + feeMsat;
    return { fundedMsat: this.#fundedMsat, balancesMsat, inFlightMsat, feesMsat: this.#feesMsat };
  }

  #read(text: string): Pick<Invoice, "paymentHash" | "network"> | undefined {
    const paymentHash = this.#hashes.get(text.toLowerCase());
    if (paymentHash !== undefined) return { paymentHash, network: "bcrt" };
    try {
      return Invoice.decode(text);
    } catch {
      return undefined;
    }
  }

  #account(name: string): Account {
    const account = this.#accounts.get(name);
    if (account === undefined) throw new TypeError(`the dev network has no account "${name}"`);
    return account;
  }

  #derive(purpose: string): Uint8Array {
    return hmacSha256(this.#options.seed, utf8(purpose));
  }
}

/** The outcome of a payment for a wallet. */
export function outcomeOf(payment: Payment): PaymentOutcome {
  const { status, preimage, feeMsat, reason } = payment;
  if (status === "paid") return { status, preimage, feeMsat };
  if (status === "failed") return { status, reason: reason ?? "" };
  return { status: "unknown", reason: "the payment is in flight" };
}
