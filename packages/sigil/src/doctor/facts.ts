/**
 * What a wallet's facts mean for a treasury, and for a service. No clock, no wallet: facts in,
 * findings out.
 */
import type { WalletFacts } from "l8nt";
import { formatAmount, type Network } from "l8nt/invoice";
import { walletFaults } from "l8nt/treasury";
import { type Finding, failing, ok, told, warning } from "./finding.ts";

export type Role = "treasury" | "service";

/** Unix seconds, of this machine: when the facts were asked for, and when they were there. */
export interface Asked {
  readonly from: number;
  readonly to: number;
}

const NETWORK_NAMES: Readonly<Record<Network, string>> = {
  bc: "mainnet",
  tb: "testnet",
  tbs: "signet",
  bcrt: "regtest",
  sb: "simnet",
};

const SKEW_WARNING_SECONDS = 5;
const SKEW_FAILING_SECONDS = 60;
const LITTLE_MSAT = 1_000_000n;

export function accessFinding({ software, identity }: WalletFacts): Finding {
  // A node's public key is no secret, and as long as one.
  const plain =
    identity !== undefined && /^[0-9a-zA-Z_-]{1,80}$/.test(identity) ? identity : undefined;
  const who =
    plain === undefined ? "" : `; it is ${plain.length > 20 ? `${plain.slice(0, 16)}…` : plain}`;
  return ok("access", `${told(software)} lets us in${who}`);
}

export function networkFinding(found: Network | undefined, expected: Network | undefined): Finding {
  if (found === undefined)
    return failing(
      "network",
      "it does not say which network it is on",
      "Give its credential the right to be asked for it, or use a wallet of a network that is known.",
    );
  const name = `${found} (${NETWORK_NAMES[found]})`;
  if (expected !== undefined && found !== expected)
    return failing(
      "network",
      `${name}, and ${expected} (${NETWORK_NAMES[expected]}) is expected`,
      "Give the URL of a wallet on that network.",
    );
  return ok("network", found === "bc" ? name : `${name}: its money is worth nothing`);
}

/** The backend's clock is known to the second, and was read at some time in between. */
export function clockFinding(clock: number, { from, to }: Asked): Finding {
  const ahead = Math.max(0, Math.floor(clock) - to);
  const behind = Math.max(0, from - (Math.floor(clock) + 1));
  const skew = Math.floor(Math.max(ahead, behind));
  if (skew < SKEW_WARNING_SECONDS) return ok("clock", "as this machine's, within 5 s");
  const found = `${skew} s ${ahead > 0 ? "ahead of" : "behind"} this machine's`;
  const advice =
    "Set both by NTP: whether an invoice has expired is judged by this machine's clock.";
  return skew < SKEW_FAILING_SECONDS
    ? warning("clock", found, advice)
    : failing("clock", found, advice);
}

/** What holds for whoever uses it. */
export function commonFindings(facts: WalletFacts, asked: Asked): readonly Finding[] {
  const { synced, clock, excess = [] } = facts;
  const findings: Finding[] = [];
  if (synced !== undefined)
    findings.push(
      synced
        ? ok("sync", "it knows the newest block")
        : failing(
            "sync",
            "it does not know the newest block yet",
            "Wait until it does. If that takes long, look at its Bitcoin backend and its peers.",
          ),
    );
  if (clock !== undefined) findings.push(clockFinding(clock, asked));
  if (excess.length > 0)
    findings.push(
      warning(
        "excess",
        `its credential may do more than is needed: ${told(excess.join(", "))}`,
        "Make one with the rights that docs/guides/wallets.md lists, and no more.",
      ),
    );
  return findings;
}

export function treasuryFindings(facts: WalletFacts): readonly Finding[] {
  const { rights, spendableMsat, preimagesUntried } = facts;
  return [
    faultOr(facts, ok("pays", "its credential may pay")),
    faultOr(facts, ok("finds", "its credential may look for payments")),
    ...(rights.pay
      ? [spendableFinding(spendableMsat), preimagesUntried ? UNTRIED : PREIMAGES]
      : []),
  ];
}

/** The library decides what a treasury needs of a wallet. */
function faultOr(facts: WalletFacts, fine: Finding): Finding {
  const fault = walletFaults(facts).find(({ point }) => point === fine.point);
  return fault === undefined ? fine : failing(fault.point, fault.found, fault.advice);
}

/** A backend that gives none says so when it is examined. */
const PREIMAGES = ok("preimages", "it gives the preimage of what it has paid");

const UNTRIED = warning(
  "preimages",
  "whether it gives the preimage of what it has paid shows only once it has paid something",
  "Try it with a small payment before it is trusted with more.",
);

function spendableFinding(msat: bigint | undefined): Finding {
  if (msat === undefined)
    return warning(
      "spendable",
      "it does not tell what it can spend",
      "Look there whether it is enough.",
    );
  const found = `${formatAmount({ unit: "msat", value: msat })} can be spent`;
  const advice = "Put money into it, or open a channel from it with some.";
  if (msat <= 0n) return failing("spendable", found, advice);
  return msat < LITTLE_MSAT ? warning("spendable", found, advice) : ok("spendable", found);
}

/** @param isAsked whether it is to be a service's, or it is only asked whether it could be */
export function serviceFindings(
  { rights, receivableMsat }: WalletFacts,
  { isAsked }: { readonly isAsked: boolean },
): readonly Finding[] {
  const findings: Finding[] = [];
  if (!rights.invoice)
    findings.push(
      failing(
        "invoices",
        "its credential may not make invoices",
        "Give the URL a credential with a service's rights: docs/guides/wallets.md lists them.",
      ),
    );
  if (isAsked)
    findings.push(
      rights.pay
        ? warning(
            "pays",
            "its credential may pay: whoever breaks into the service could spend all of it",
            "Give the service a credential that makes invoices only: docs/guides/wallets.md says how.",
          )
        : ok("pays", "its credential cannot pay, as it should be"),
    );
  if (receivableMsat !== undefined) findings.push(receivableFinding(receivableMsat));
  return findings;
}

function receivableFinding(msat: bigint): Finding {
  const found = `${formatAmount({ unit: "msat", value: msat })} can arrive`;
  return msat > 0n
    ? ok("receivable", found)
    : failing(
        "receivable",
        found,
        "It needs inbound capacity: have somebody open a channel to it, or spend some of what it holds.",
      );
}
