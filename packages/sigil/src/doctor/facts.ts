/** Turns the facts of a wallet into findings for a treasury and for a service. */
import type { WalletFacts } from "l8nt";
import { formatAmount, type Network } from "l8nt/invoice";
import { walletFaults } from "l8nt/treasury";
import { type Finding, failing, ok, told, warning } from "./finding.ts";

/** The use of a wallet. */
export type Role = "treasury" | "service";

/** When the facts were requested and when they arrived, in Unix seconds of this machine. */
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

/** The software of the wallet, and its identity. */
export function accessFinding({ software, identity }: WalletFacts): Finding {
  // `told` would hide a node's public key, which is as long as a secret.
  const plain =
    identity !== undefined && /^[0-9a-zA-Z_-]{1,80}$/.test(identity) ? identity : undefined;
  const who =
    plain === undefined ? "" : `; node ${plain.length > 20 ? `${plain.slice(0, 16)}…` : plain}`;
  return ok("access", `${told(software)} accepts the credential${who}`);
}

/** The network of the wallet, compared with the expected one. */
export function networkFinding(found: Network | undefined, expected: Network | undefined): Finding {
  if (found === undefined)
    return failing(
      "network",
      "the wallet does not say which network it is on",
      "Give its credential the right to read the network, or use another wallet.",
    );
  const name = `${found} (${NETWORK_NAMES[found]})`;
  if (expected !== undefined && found !== expected)
    return failing(
      "network",
      `${name}, but ${expected} (${NETWORK_NAMES[expected]}) is expected`,
      "Give the URL of a wallet on that network.",
    );
  return ok("network", found === "bc" ? name : `${name}: play money`);
}

/** The difference of the clocks. The backend's is in whole seconds, read at a time in between. */
export function clockFinding(clock: number, { from, to }: Asked): Finding {
  const ahead = Math.max(0, Math.floor(clock) - to);
  const behind = Math.max(0, from - (Math.floor(clock) + 1));
  const skew = Math.floor(Math.max(ahead, behind));
  if (skew < SKEW_WARNING_SECONDS) return ok("clock", "within 5 s of this machine's clock");
  const found = `${skew} s ${ahead > 0 ? "ahead of" : "behind"} this machine's`;
  const advice =
    "Set both clocks by NTP: this machine's clock decides whether an invoice has expired.";
  return skew < SKEW_FAILING_SECONDS
    ? warning("clock", found, advice)
    : failing("clock", found, advice);
}

/** The findings that matter for both uses. */
export function commonFindings(facts: WalletFacts, asked: Asked): readonly Finding[] {
  const { synced, clock, excess = [] } = facts;
  const findings: Finding[] = [];
  if (synced !== undefined)
    findings.push(
      synced
        ? ok("sync", "the node knows the newest block")
        : failing(
            "sync",
            "the node does not know the newest block yet",
            "Wait until it does. If that takes long, check its Bitcoin backend and its peers.",
          ),
    );
  if (clock !== undefined) findings.push(clockFinding(clock, asked));
  if (excess.length > 0)
    findings.push(
      warning(
        "excess",
        `the credential may do more than needed: ${told(excess.join(", "))}`,
        "Make a credential with only the rights that docs/guides/wallets.md lists.",
      ),
    );
  return findings;
}

/** The findings that matter for a treasury. */
export function treasuryFindings(facts: WalletFacts): readonly Finding[] {
  const { rights, spendableMsat, preimagesUntried } = facts;
  return [
    faultOr(facts, ok("pays", "the credential may pay")),
    faultOr(facts, ok("finds", "the credential may look up payments")),
    ...(rights.pay
      ? [spendableFinding(spendableMsat), preimagesUntried ? UNTRIED : PREIMAGES]
      : []),
  ];
}

/** `fine`, unless the library finds a fault at this point. */
function faultOr(facts: WalletFacts, fine: Finding): Finding {
  const fault = walletFaults(facts).find(({ point }) => point === fine.point);
  return fault === undefined ? fine : failing(fault.point, fault.found, fault.advice);
}

/** `examine` reports a backend that does not return preimages. */
const PREIMAGES = ok("preimages", "the wallet returns the preimages of its payments");

const UNTRIED = warning(
  "preimages",
  "whether the wallet returns preimages shows only after its first payment",
  "Try it with a small payment first.",
);

function spendableFinding(msat: bigint | undefined): Finding {
  if (msat === undefined)
    return warning(
      "spendable",
      "the wallet does not say how much it can spend",
      "Check its balance yourself.",
    );
  const found = `${formatAmount({ unit: "msat", value: msat })} can be spent`;
  const advice = "Add money to the wallet, or open a channel from its node.";
  if (msat <= 0n) return failing("spendable", found, advice);
  return msat < LITTLE_MSAT
    ? warning(
        "spendable",
        `${found}, less than ${formatAmount({ unit: "msat", value: LITTLE_MSAT })}`,
        advice,
      )
    : ok("spendable", found);
}

/**
 * The findings that matter for a service.
 *
 * @param isAsked whether the wallet is meant for a service, and not only checked for it
 */
export function serviceFindings(
  { rights, receivableMsat }: WalletFacts,
  { isAsked }: { readonly isAsked: boolean },
): readonly Finding[] {
  const findings: Finding[] = [];
  if (!rights.invoice)
    findings.push(
      failing(
        "invoices",
        "the credential may not make invoices",
        "Give the URL a credential with a service's rights; docs/guides/wallets.md lists them.",
      ),
    );
  if (isAsked)
    findings.push(
      rights.pay
        ? warning(
            "pays",
            "the credential may pay, so an intruder in the service could spend all the money",
            "Give the service a credential that only makes invoices; docs/guides/wallets.md says how.",
          )
        : ok("pays", "the credential cannot pay, as it should be"),
    );
  if (receivableMsat !== undefined) findings.push(receivableFinding(receivableMsat));
  return findings;
}

function receivableFinding(msat: bigint): Finding {
  const found = `${formatAmount({ unit: "msat", value: msat })} can be received`;
  return msat > 0n
    ? ok("receivable", found)
    : failing(
        "receivable",
        found,
        "The node needs inbound capacity: let a peer open a channel to it, or spend some of its balance.",
      );
}
