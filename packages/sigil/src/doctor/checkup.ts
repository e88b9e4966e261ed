/** A wallet from end to end: what it says of itself, what can be tried, and what it is fit for. */
import type { Wallet, WalletFacts } from "l8nt";
import type { Network } from "l8nt/invoice";
import {
  accessFinding,
  clockFinding,
  commonFindings,
  networkFinding,
  type Role,
  serviceFindings,
  treasuryFindings,
} from "./facts.ts";
import { faultFindings } from "./fault.ts";
import { type Finding, failing, isFailing, ok, told, warning } from "./finding.ts";
import { type InvoiceTrial, tryInvoice, trySearch } from "./trials.ts";

export interface CheckupOptions {
  /** What it is to be used for; both are judged where it is not said. */
  readonly role?: Role | undefined;
  readonly network?: Network | undefined;
  /** Unix seconds. */
  readonly now?: () => number;
}

export async function checkup(
  wallet: Wallet,
  { role, network: expected, now = () => Date.now() / 1000 }: CheckupOptions,
): Promise<readonly Finding[]> {
  if (wallet.examine === undefined) return withoutFacts(wallet, { role, network: expected, now });
  const from = now();
  let facts: WalletFacts;
  try {
    facts = await wallet.examine();
  } catch (error) {
    return faultFindings(error);
  }
  const asked = { from, to: now() };
  const { rights } = facts;
  const isTried = {
    treasury: role !== "service" && rights.find,
    service: role !== "treasury" && rights.invoice,
  };
  const search = isTried.treasury ? await trySearch(wallet) : undefined;
  const invoice = isTried.service ? await tryInvoice(wallet, now) : undefined;
  const common = [
    ok("reach", "it answers"),
    accessFinding(facts),
    networkOf(facts.network, invoice, expected),
    ...commonFindings(facts, asked),
    ...(facts.clock === undefined ? clockOf(invoice) : []),
  ];
  // What was tried says more than the right to try it.
  const treasury = treasuryFindings(facts).map((one) =>
    one.point === "finds" ? (search ?? one) : one,
  );
  const service = [
    ...serviceFindings(facts, { isAsked: role === "service" }),
    ...(invoice === undefined ? [] : [invoice.finding]),
  ];
  const notes = facts.limits.map((limit) => ok("note", told(limit)));
  if (role !== undefined)
    return [...common, ...(role === "treasury" ? treasury : service), ...notes];
  return [...common, ...judged(rights, common, treasury, service), ...notes];
}

/**
 * Both uses, by the rights that are there. What stands against one is no failing of a wallet that
 * is fit for the other.
 */
function judged(
  rights: WalletFacts["rights"],
  common: readonly Finding[],
  treasury: readonly Finding[],
  service: readonly Finding[],
): readonly Finding[] {
  const isWell = !common.some(isFailing);
  const fit = {
    treasury: isWell && rights.pay && !treasury.some(isFailing),
    service: isWell && rights.invoice && !service.some(isFailing),
  };
  const softened = (findings: readonly Finding[], otherIsFit: boolean) =>
    otherIsFit
      ? findings.map((one) =>
          one.state === "failing" ? warning(one.point, one.found, one.advice) : one,
        )
      : findings;
  // One that may do neither is told what it lacks for either.
  return [
    ...(rights.pay || !rights.invoice ? softened(treasury, fit.service) : []),
    ...(rights.invoice || !rights.pay ? softened(service, fit.treasury) : []),
    fitness(fit, rights.pay),
  ];
}

function fitness(fit: Readonly<Record<Role, boolean>>, pays: boolean): Finding {
  const butPays = "a service should hold one that makes invoices only";
  if (fit.treasury && fit.service)
    return ok("fit", `for a treasury; for a service too, but ${butPays}`);
  if (fit.treasury) return ok("fit", "for a treasury");
  if (fit.service)
    return ok(
      "fit",
      pays ? `for a service, but it may pay, and ${butPays}` : "for a service: it cannot pay",
    );
  return failing(
    "fit",
    "neither for a treasury nor for a service",
    "Mend what is failing above, or give the URL another credential: docs/guides/wallets.md lists the rights.",
  );
}

function networkOf(
  said: Network | undefined,
  invoice: InvoiceTrial | undefined,
  expected: Network | undefined,
): Finding {
  const made = invoice?.network;
  if (said !== undefined && made !== undefined && said !== made)
    return failing(
      "network",
      `it says ${said}, and makes invoices of ${made}`,
      "Do not use it: what one of the two says is wrong.",
    );
  return networkFinding(said ?? made, expected);
}

const clockOf = (invoice: InvoiceTrial | undefined): readonly Finding[] =>
  invoice?.clock === undefined ? [] : [clockFinding(invoice.clock.at, invoice.clock.asked)];

/** A wallet of somebody else's making: what the port alone can tell. */
async function withoutFacts(
  wallet: Wallet,
  { role, network: expected, now }: CheckupOptions & { readonly now: () => number },
): Promise<readonly Finding[]> {
  const invoice = role === "treasury" ? undefined : await tryInvoice(wallet, now);
  let said: Network | undefined;
  try {
    said = await wallet.network();
  } catch (error) {
    if (invoice?.network === undefined) return faultFindings(error);
  }
  return [
    ok("reach", "it answers"),
    warning(
      "access",
      "this wallet does not say what its credential may do, nor whether it gives preimages",
      "Try it with a small payment before it is trusted with more.",
    ),
    networkOf(said, invoice, expected),
    ...clockOf(invoice),
    ...(role === "service" ? [] : [await trySearch(wallet)]),
    ...(invoice === undefined ? [] : [invoice.finding]),
  ];
}
