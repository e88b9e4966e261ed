/**
 * `l8nt/testing`: a town to test a paid service in, the development Lightning network, and a
 * contract suite for each port.
 */
export { type DevClock, devClock } from "./dev-clock.ts";
export { type DevAccount, DevNetwork, type DevNetworkOptions } from "./dev-network.ts";
export type { DevPayment, DevTotals } from "./dev-network-bank.ts";
export type { FaultKind, FaultRule, FaultTarget } from "./dev-network-faults.ts";
export type {
  DevAnswer,
  DevPlace,
  DevRequest,
  DevServed,
  DevShop,
  DevShopOptions,
} from "./dev-shop.ts";
export { DEV_SCOPE, type DevTown, type DevTownOptions, devTown } from "./dev-town.ts";
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
  type StuckPayment,
  type TestFunction,
  type WalletFixture,
  type WalletPowers,
  walletContract,
} from "./wallet-contract.ts";
