/**
 * Every check before paying: a challenge that passes here is for this request, on this network,
 * payable now. spec/4-purchase.md §3.
 */

import { type Amount, formatAmount, msat } from "../amount.ts";
import type { Target } from "../caveat/index.ts";
import { ChallengeError } from "../errors.ts";
import type { Invoice, Network } from "../invoice/index.ts";
import { refusalsOnSale } from "../l402/challenge.ts";
import type { Challenge } from "../l402/index.ts";

/** Time that a payment needs before the payee refuses it. [case 67] */
const EXPIRY_MARGIN_SECONDS = 10;
/** How far another clock may be ahead of ours. */
const MAX_SKEW_SECONDS = 60;

export interface PayableInvoice {
  readonly invoice: Invoice;
  readonly amountMsat: bigint;
}

const refused = (code: ChallengeError["code"], why: string): ChallengeError =>
  new ChallengeError(code, `The service's invoice was not paid: ${why}.`);

/** @throws ChallengeError with a code of its own for each reason */
export async function checkInvoice(
  challenge: Challenge,
  network: Network,
  now: number,
): Promise<PayableInvoice> {
  // Loaded at the first payment: whoever was handed a credential never needs an elliptic curve.
  const { decode } = await import("../invoice/decode.ts");
  const invoice = decode(challenge.invoice);
  // Otherwise the preimage that is paid for would not be the one that the credential needs. [case
  // 65]
  if (invoice.paymentHash !== challenge.identifier.paymentHash)
    throw refused("ERR_INVOICE_HASH", "its payment hash is not the one in the macaroon");
  // Exactly: `lnbcrt…` begins with `lnbc`. [case 66]
  if (invoice.network !== network)
    throw refused(
      "ERR_INVOICE_NETWORK",
      `it is for the network ln${invoice.network}, and the wallet is on ln${network}`,
    );
  // Amountless is not zero: the payer would choose, and every limit would be met. [case 48]
  if (invoice.amountMsat === undefined || invoice.amountMsat === 0n)
    throw refused("ERR_INVOICE_AMOUNTLESS", "it names no amount");
  if (invoice.timestamp > now + MAX_SKEW_SECONDS)
    throw refused("ERR_INVOICE_EXPIRED", "it is dated in the future");
  if (invoice.expiresAt < now + EXPIRY_MARGIN_SECONDS)
    throw refused("ERR_INVOICE_EXPIRED", "it has expired, or will before it can be paid");
  return { invoice, amountMsat: invoice.amountMsat };
}

export interface PayeePolicy {
  /** Those that may be paid at this origin; none where nobody was paid there yet. */
  readonly payees: readonly string[];
  /** Whether only they may. */
  readonly pinned: boolean;
  /** The most that an origin is paid the first time, in msat. */
  readonly maxFirstPaymentMsat: bigint | undefined;
}

/**
 * Whom an origin may have paid: a new key there may be somebody else's. [cases 70, 86] @throws
 * ChallengeError
 */
export function checkPayee({ invoice, amountMsat }: PayableInvoice, policy: PayeePolicy): void {
  const { payees, pinned, maxFirstPaymentMsat: most } = policy;
  if (pinned && payees.length > 0 && !payees.includes(invoice.payee))
    throw refused(
      "ERR_INVOICE_PAYEE",
      `it pays another node (${invoice.payee}) than this service had paid before. If its operator changed nodes, the treasury's owner can allow the new one`,
    );
  if (payees.length === 0 && most !== undefined && amountMsat > most)
    throw refused(
      "ERR_INVOICE_FIRST_PAYMENT",
      `it asks for ${formatAmount(msat(amountMsat))}, and a service that was never paid before is paid ${formatAmount(msat(most))} at most`,
    );
}

/**
 * What is for sale must be worth something for this very request. @throws ChallengeError
 * `ERR_CHALLENGE_SCOPE`
 */
export function checkSale(challenge: Challenge, target: Target, now: number): void {
  const [first] = refusalsOnSale(challenge, { now, target });
  if (first !== undefined)
    throw refused(
      "ERR_CHALLENGE_SCOPE",
      `what it sells does not cover the request. It has ${first.condition} ${first.have}, and this is ${first.need}. A paywall's location must be the address that it is called by`,
    );
}

/** "10 sat, and up to 3 sat of routing fee". */
export const formatCost = (amount: Amount, maxFee: Amount): string =>
  `${formatAmount(amount)}, and up to ${formatAmount(maxFee)} of routing fee`;

/**
 * A challenge is believed only if it comes from the very origin that was asked.
 *
 * @throws ChallengeError `ERR_CHALLENGE_ORIGIN`
 */
export function checkOrigin({ url }: Response, asked: URL): void {
  if (url !== "" && new URL(url).origin !== asked.origin)
    throw new ChallengeError(
      "ERR_CHALLENGE_ORIGIN",
      `${asked.origin} was asked, and the challenge came from another origin. Nothing was paid.`,
    );
}
