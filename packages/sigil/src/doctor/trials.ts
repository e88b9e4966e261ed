/**
 * What can be tried with a wallet, and moves nothing: an invoice that nobody pays, and a search for
 * a payment that nobody made.
 */
import { randomBytes } from "node:crypto";
import type { PaymentOutcome, Wallet } from "l8nt";
import { formatAmount, Invoice, msat, type Network } from "l8nt/invoice";
import type { Asked } from "./facts.ts";
import { type Finding, failing, ok, told, warning } from "./finding.ts";

const AMOUNT_MSAT = 1_000n;
const EXPIRY_SECONDS = 60;
const REPORT = "Report it: this wallet's adapter and its backend do not understand each other.";

export interface InvoiceTrial {
  readonly finding: Finding;
  readonly network?: Network;
  /** The backend's clock when it made it, Unix seconds. */
  readonly clock?: { readonly at: number; readonly asked: Asked };
}

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
    const advice = "Mend that at the wallet, or give its URL a credential that may make invoices.";
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
        `it made an invoice that cannot be read: ${reasonOf(error)}`,
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
    return ok("invoices", `it made ${wanted}, which says so`);
  const amount = amountMsat === undefined ? "no amount" : formatAmount(msat(amountMsat));
  return failing(
    "invoices",
    `asked for ${wanted}, it made one of ${amount} for ${expirySeconds} s`,
    "A service must not use it: it would ask its callers for what they do not owe.",
  );
}

export async function trySearch(wallet: Wallet): Promise<Finding> {
  let outcome: PaymentOutcome;
  try {
    outcome = await wallet.find(randomBytes(32).toString("hex"));
  } catch (error) {
    return failing(
      "finds",
      reasonOf(error),
      "Mend that at the wallet, or give its URL a treasury's credential.",
    );
  }
  switch (outcome.status) {
    case "never-sent":
    case "failed":
      return ok("finds", "it tells what it has paid from what it has not");
    case "unknown":
      if (outcome.askAgainInSeconds !== undefined)
        return ok(
          "finds",
          `it tells what it has paid; of what it has not, once nothing can be on its way (${outcome.askAgainInSeconds} s)`,
        );
      return warning(
        "finds",
        `asked for a payment that nobody made, it does not rule it out: ${told(outcome.reason)}`,
        "A payment whose answer is lost stays reserved until its owner gives it up: `sigil payments --status open` shows it.",
      );
    case "paid":
      return failing(
        "finds",
        "it says that it has made a payment that nobody can have made",
        REPORT,
      );
  }
}

const reasonOf = (error: unknown): string =>
  told(error instanceof Error ? error.message : String(error));
