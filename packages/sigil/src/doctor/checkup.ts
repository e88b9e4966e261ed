/** Checks a wallet: its own facts, harmless trials, and whether it fits a treasury or a service. */
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
import { type InvoiceTrial, tryInvoice, tryList, trySearch } from "./trials.ts";

/** Options of `checkup`. */
export interface CheckupOptions {
  /** The intended use of the wallet; undefined checks both. */
  readonly role?: Role | undefined;
  /** The expected network; undefined accepts any. */
  readonly network?: Network | undefined;
  /** Returns the time in Unix seconds. @default the system's clock */
  readonly now?: () => number;
}

/** Checks a wallet and returns all findings. Moves no money. */
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
  const lists = isTried.treasury ? [await tryList(wallet, now)] : [];
  const invoice = isTried.service ? await tryInvoice(wallet, now) : undefined;
  const common = [
    ok("reach", "the wallet answers"),
    accessFinding(facts),
    networkOf(facts.network, invoice, expected),
    ...commonFindings(facts, asked),
    ...(facts.clock === undefined ? clockOf(invoice) : []),
  ];
  // The outcome of the search says more than the right to search.
  const treasury = [
    ...treasuryFindings(facts).map((one) => (one.point === "finds" ? (search ?? one) : one)),
    ...lists,
  ];
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
 * Judges both uses. A finding against one use is only a warning if the wallet fits the other use.
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
  // A wallet that may neither pay nor make invoices gets the findings of both uses.
  return [
    ...(rights.pay || !rights.invoice ? softened(treasury, fit.service) : []),
    ...(rights.invoice || !rights.pay ? softened(service, fit.treasury) : []),
    fitness(fit, rights.pay),
  ];
}

function fitness(fit: Readonly<Record<Role, boolean>>, pays: boolean): Finding {
  const butPays = "a service should have a wallet that only makes invoices";
  if (fit.treasury && fit.service)
    return ok("fit", `for a treasury; for a service too, but ${butPays}`);
  if (fit.treasury) return ok("fit", "for a treasury");
  if (fit.service)
    return ok(
      "fit",
      pays ? `for a service, but it may pay; ${butPays}` : "for a service: it cannot pay",
    );
  return failing(
    "fit",
    "neither for a treasury nor for a service",
    "Mend the failing points above, or give the URL another credential; docs/guides/wallets.md lists the rights.",
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
      `the wallet says ${said}, but makes invoices of ${made}`,
      "Do not use this wallet: one of the two is wrong.",
    );
  return networkFinding(said ?? made, expected);
}

const clockOf = (invoice: InvoiceTrial | undefined): readonly Finding[] =>
  invoice?.clock === undefined ? [] : [clockFinding(invoice.clock.at, invoice.clock.asked)];

/** Checks a wallet without `examine`, which a user of the library may have written. */
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
    ok("reach", "the wallet answers"),
    warning(
      "access",
      "the wallet does not say what its credential may do, or whether it returns preimages",
      "Try it with a small payment first.",
    ),
    networkOf(said, invoice, expected),
    ...clockOf(invoice),
    ...(role === "service" ? [] : [await trySearch(wallet), await tryList(wallet, now)]),
    ...(invoice === undefined ? [] : [invoice.finding]),
  ];
}
