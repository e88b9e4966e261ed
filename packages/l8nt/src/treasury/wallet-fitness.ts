/** What a wallet must be able to do before a treasury can use it. */
import { AdapterError } from "../errors.ts";
import type { Payer, Wallet, WalletFacts } from "../ports/wallet.ts";

/** Something that a wallet lacks, and what to do about it. */
export interface WalletFault {
  readonly point: "network" | "pays" | "finds";
  readonly found: string;
  readonly advice: string;
}

const RIGHTS =
  "Give the URL a credential with a treasury's rights: docs/guides/wallets.md lists them.";

/** Why a treasury cannot use a wallet with these facts. Empty if it can. */
export function walletFaults({ network, rights }: WalletFacts): readonly WalletFault[] {
  const faults: WalletFault[] = [];
  if (network === undefined)
    faults.push({
      point: "network",
      found: "the wallet does not say which network it is on",
      advice: "Give its credential the right to read the network, or use another wallet.",
    });
  if (!rights.pay)
    faults.push({ point: "pays", found: "the credential may not pay", advice: RIGHTS });
  if (!rights.find)
    faults.push({
      point: "finds",
      found: "the credential may not look up payments, so one without an answer would stay open",
      advice: RIGHTS,
    });
  return faults;
}

/**
 * Examines a wallet before a treasury uses it. A wallet that cannot be examined passes.
 *
 * @returns what the wallet says of itself; undefined if it says nothing
 * @throws AdapterError `ERR_WALLET` if a treasury cannot use it, or if it does not answer
 */
export async function examineWallet(wallet: Payer | Wallet): Promise<WalletFacts | undefined> {
  const facts = await ("examine" in wallet ? wallet.examine?.() : undefined);
  const [fault] = facts === undefined ? [] : walletFaults(facts);
  if (fault !== undefined)
    throw new AdapterError(
      "ERR_WALLET",
      `A treasury cannot use this wallet: ${fault.found}. ${fault.advice}`,
    );
  return facts;
}
