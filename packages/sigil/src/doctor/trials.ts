/**
 * Trials that move no money: the wallet makes an invoice, and looks up a payment that was never
 * made.
 */
import { randomBytes } from "node:crypto";
import type { PaymentOutcome, Wallet } from "l8nt";
import { formatAmount, Invoice, msat, type Network } from "l8nt/invoice";
import type { Asked } from "./facts.ts";
import { type Finding, failing, ok, told, warning } from "./finding.ts";

const AMOUNT_MSAT = 1_000n;
const EXPIRY_SECONDS = 60;
const REPORT = "Report this as a bug: the wallet's adapter and its backend do not fit together.";

/** The result of making an invoice. */
export interface InvoiceTrial {
  readonly finding: Finding;
  readonly network?: Network;
  /** The backend's clock in the invoice, in Unix seconds. */
  readonly clock?: { readonly at: number; readonly asked: Asked };
}

/** Lets the wallet make an invoice of 1 sat that expires after a minute, and reads it. */
export async function tryInvoice(wallet: Wallet, now: () => number): Promise<InvoiceTrial> {
  const request = {
    amountMsat: AMOUNT_MSAT,
    expirySeconds: EXPIRY_SECONDS,
    description: "sigil doctor",
  };
  const from = now();
  let text: string;
  try {
    text = await wallet.createInvoice(request);
  } catch (error) {
    const advice =
      "Correct that at the wallet, or give its URL a credential that may make invoices.";
    return { finding: failing("invoices", reasonOf(error), advice) };
  }
  const asked = { from, to: now() };
  let invoice: Invoice;
  try {
    invoice = Invoice.decode(text);
  } catch (error) {
    return {
      finding: failing(
        "invoices",
        `the wallet made an invoice that cannot be read: ${reasonOf(error)}`,
        REPORT,
      ),
    };
  }
  const { network, timestamp, amountMsat, expirySeconds } = invoice;
  return { finding: readBack(amountMsat, expirySeconds), network, clock: { at: timestamp, asked } };
}

function readBack(amountMsat: bigint | undefined, expirySeconds: number): Finding {
  const wanted = `an invoice of ${formatAmount(msat(AMOUNT_MSAT))} for ${EXPIRY_SECONDS} s`;
  if (amountMsat === AMOUNT_MSAT && expirySeconds === EXPIRY_SECONDS)
    return ok("invoices", `the wallet made ${wanted}, as asked`);
  const amount = amountMsat === undefined ? "no amount" : formatAmount(msat(amountMsat));
  return failing(
    "invoices",
    `asked for ${wanted}, the wallet made one of ${amount} for ${expirySeconds} s`,
    "Do not use this wallet for a service: its invoices would not match the prices.",
  );
}

/** Looks up a payment that was never made. */
export async function trySearch(wallet: Wallet): Promise<Finding> {
  let outcome: PaymentOutcome;
  try {
    outcome = await wallet.find(randomBytes(32).toString("hex"));
  } catch (error) {
    return failing(
      "finds",
      reasonOf(error),
      "Correct that at the wallet, or give its URL a credential with a treasury's rights.",
    );
  }
  switch (outcome.status) {
    case "never-sent":
    case "failed":
      return ok("finds", "the wallet knows whether it made a payment");
    case "unknown":
      if (outcome.askAgainInSeconds !== undefined)
        return ok(
          "finds",
          `the wallet knows whether it made a payment, after ${outcome.askAgainInSeconds} s for one that it did not make`,
        );
      return warning(
        "finds",
        `the wallet cannot say that it did not make a payment: ${told(outcome.reason)}`,
        "A payment without an answer stays reserved until its owner gives it up; `sigil payments --status open` shows it.",
      );
    case "paid":
      return failing("finds", "the wallet says that it made a payment that does not exist", REPORT);
  }
}

/** Lists what the wallet paid in the last minute. */
export async function tryList(wallet: Wallet, now: () => number): Promise<Finding> {
  const unlisted = (why: string) =>
    warning(
      "lists",
      why,
      "A payment of the wallet that is in no book then goes unseen. After a restored backup, the treasury spends nothing until its owner confirms the books.",
    );
  if (wallet.paidSince === undefined) return unlisted("the wallet cannot list its payments");
  try {
    await wallet.paidSince(now() - 60);
    return ok("lists", "the wallet lists its payments, so the books can be compared with it");
  } catch (error) {
    return unlisted(`the wallet does not list its payments: ${reasonOf(error)}`);
  }
}

const reasonOf = (error: unknown): string =>
  told(error instanceof Error ? error.message : String(error));
