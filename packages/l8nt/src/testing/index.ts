/** What tests of Sigil stand on: the dev Lightning network, and one suite for each port. */
export { type DevAccount, DevNetwork, type DevNetworkOptions } from "./dev-network.ts";
export type { DevPayment, DevTotals } from "./dev-network-bank.ts";
export type { FaultKind, FaultRule, FaultTarget } from "./dev-network-faults.ts";
export { FakeInvoicer } from "./fake-invoicer.ts";
export {
  type ContractRoute,
  type PaywallContract,
  type PaywallHost,
  paywallContract,
  type Reply,
} from "./paywall-contract.ts";
export { type StoreContract, type StoreFixture, storeContract } from "./store-contract.ts";
export {
  type TestFunction,
  type WalletFixture,
  type WalletPowers,
  walletContract,
} from "./wallet-contract.ts";
