/**
 * The checks of a challenge before paying: it must be for this request, on the wallet's network,
 * and payable now. spec/4-purchase.md §3.
 */
import { type Amount, formatAmount, msat } from "../amount.ts";
import type { Target } from "../caveat/index.ts";
import { ChallengeError } from "../errors.ts";
import type { Invoice, InvoiceCurve, Network } from "../invoice/index.ts";
import { readInvoice } from "../invoice/read.ts";
import { type Offer, refusalsOnSale } from "../l402/challenge.ts";
import { MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import { endOfSale } from "./paid-credential.ts";

/** How much time a payment must have before its invoice expires. [case 67] */
const EXPIRY_MARGIN_SECONDS = 10;
/** How much time there must be to use what was paid for at the last moment. */
const USE_MARGIN_SECONDS = 10;
/** How far the payee's clock may be ahead of this one and of the service's. */
const MAX_AHEAD_SECONDS = 60;
/** `Date` has whole seconds, and takes a moment to arrive. */
const EXACT_SECONDS = 2;

export interface PayableInvoice {
  readonly invoice: Invoice;
  readonly amountMsat: bigint;
}

const refused = (code: ChallengeError["code"], why: string): ChallengeError =>
  new ChallengeError(code, `The service's invoice was not paid: ${why}.`);

/**
 * The offer that is paid: the cheapest of those that cover the request, and of equal ones the first
 * one. If none can be read and covers it, the first one, whose checks tell why.
 *
 * @param now Unix seconds by the service's clock
 */
export async function chooseOffer(
  offers: readonly Offer[],
  target: Target,
  now: number,
): Promise<Offer> {
  let chosen = offers[0]!;
  if (offers.length === 1) return chosen;
  let least: bigint | undefined;
  for (const offer of offers) {
    if (refusalsOnSale(offer, { now, target }).length > 0) continue;
    const amountMsat = amountIn(readInvoice, offer);
    if (amountMsat === undefined || (least !== undefined && amountMsat >= least)) continue;
    least = amountMsat;
    chosen = offer;
  }
  return chosen;
}

/** Undefined for an invoice that cannot be read, or that names no amount to compare. */
function amountIn(read: typeof readInvoice, { invoice }: Offer): bigint | undefined {
  try {
    return read(invoice).invoice.amountMsat || undefined;
  } catch (error) {
    if (error instanceof ChallengeError) return undefined;
    throw error;
  }
}

/** @throws ChallengeError with its own code for each reason */
export async function checkInvoice(
  offer: Offer,
  network: Network,
  now: number,
  skewSeconds: number,
  curve?: InvoiceCurve,
): Promise<PayableInvoice> {
  // Loaded at the first payment, because only payments need an elliptic curve.
  const { decode } = await import("../invoice/decode.ts");
  const invoice = decode(offer.invoice, curve);
  // Otherwise the payment would reveal another preimage than the credential needs. An opaque token
  // may commit to any, so only its service can tell. [case 65]
  const { token } = offer;
  if (token.form === "macaroon" && invoice.paymentHash !== token.identifier.paymentHash)
    throw refused("ERR_INVOICE_HASH", "its payment hash is not the one in the macaroon");
  // Compared whole, because `lnbcrt…` begins with `lnbc`. [case 66]
  if (invoice.network !== network)
    throw refused(
      "ERR_INVOICE_NETWORK",
      `it is for the network ln${invoice.network}, and the wallet is on ln${network}`,
    );
  // The payer would choose the amount of an amountless invoice, so no limit would hold. [case 48]
  if (invoice.amountMsat === undefined || invoice.amountMsat === 0n)
    throw refused("ERR_INVOICE_AMOUNTLESS", "it names no amount");
  // The payee's clock may go with the service's.
  if (invoice.timestamp > now + Math.max(0, skewSeconds) + MAX_AHEAD_SECONDS)
    throw refused("ERR_INVOICE_EXPIRED", "it is dated in the future");
  if (invoice.expiresAt < now + EXPIRY_MARGIN_SECONDS)
    throw refused("ERR_INVOICE_EXPIRED", "it has expired, or will before it can be paid");
  return { invoice, amountMsat: invoice.amountMsat };
}

export interface PayeePolicy {
  /** The payees that were paid or allowed at this origin; empty if it was never paid. */
  readonly payees: readonly string[];
  /** Whether only these payees may be paid. */
  readonly pinned: boolean;
  /** The most that an origin is paid the first time, in msat. */
  readonly maxFirstPaymentMsat: bigint | undefined;
}

/**
 * Checks who is paid: a new key at a known origin may belong to somebody else. [cases 70, 86]
 *
 * @throws ChallengeError `ERR_INVOICE_PAYEE`, `ERR_INVOICE_BLINDED`, `ERR_INVOICE_FIRST_PAYMENT`
 */
export function checkPayee({ invoice, amountMsat }: PayableInvoice, policy: PayeePolicy): void {
  const { payees, pinned, maxFirstPaymentMsat: most } = policy;
  // Such an invoice is signed with a key of its own, so each one would seem to pay another node.
  if (pinned && invoice.blindedPaths !== undefined)
    throw refused(
      "ERR_INVOICE_BLINDED",
      "it hides its payee behind blinded paths (bLIP 39), and this treasury pays known payees only (pinsPayees)",
    );
  if (pinned && payees.length > 0 && !payees.includes(invoice.payee))
    throw refused(
      "ERR_INVOICE_PAYEE",
      `it pays another node (${invoice.payee}) than the one that was paid for this service before. If the service changed its node, the treasury's owner can allow the new one`,
    );
  if (payees.length === 0 && most !== undefined && amountMsat > most)
    throw refused(
      "ERR_INVOICE_FIRST_PAYMENT",
      `it asks for ${formatAmount(msat(amountMsat))}, and a service that was never paid before is paid at most ${formatAmount(msat(most))} (maxFirstPayment)`,
    );
}

/**
 * The service's clock minus ours, in seconds, by the `Date` of its challenge: its caveats are
 * judged by its own clock. 0 if they are the same, or it does not say.
 *
 * @throws ChallengeError `ERR_CHALLENGE_CLOCK`
 */
export function readSkew({ headers }: Response, now: number): number {
  const date = Date.parse(headers.get("date") ?? "") / 1000;
  if (Number.isNaN(date)) return 0;
  const skew = Math.round(date - now);
  if (Math.abs(skew) > MAX_CLOCK_SKEW_SECONDS)
    throw new ChallengeError(
      "ERR_CHALLENGE_CLOCK",
      `The service's clock is ${Math.abs(skew)} s ${skew > 0 ? "ahead of" : "behind"} the treasury's, and ${MAX_CLOCK_SKEW_SECONDS} s are the most with which anything is bought. Nothing was paid. Set the clock that is wrong.`,
    );
  return Math.abs(skew) <= EXACT_SECONDS ? 0 : skew;
}

/**
 * Checks that the credential for sale covers the request, and will when it is paid for.
 *
 * @param now Unix seconds by the service's clock
 * @param timeoutSeconds how long the payment may take
 *
 * @throws ChallengeError `ERR_CHALLENGE_SCOPE`
 */
export function checkSale(offer: Offer, target: Target, now: number, timeoutSeconds: number): void {
  const end = endOfSale(offer.token);
  if (now < end && end < now + timeoutSeconds + USE_MARGIN_SECONDS)
    throw refused(
      "ERR_CHALLENGE_SCOPE",
      `what it sells ends in ${Math.floor(end - now)} s, and a payment may take ${timeoutSeconds} s, so it could end before it is used. The service should sell what lasts longer (validFor), or the treasury's owner should give payments less time (paymentTimeout)`,
    );
  const [first] = refusalsOnSale(offer, { now, target });
  if (first?.code === "ERR_EXPIRED")
    throw refused(
      "ERR_CHALLENGE_SCOPE",
      `what it sells has ended before it is paid for: ${first.condition} is ${first.have}. Report it to the service's operator; a service that was started long ago may need a restart`,
    );
  if (first !== undefined)
    throw refused(
      "ERR_CHALLENGE_SCOPE",
      `what it sells does not cover the request. Its ${first.condition} is ${first.have}, and the request needs ${first.need}. A paywall's location must be the URL that its clients use`,
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
