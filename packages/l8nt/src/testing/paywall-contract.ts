/**
 * The laws that every paywall keeps, whatever framework it stands in: one suite over real sockets,
 * so that the test of a middleware is a few lines.
 */
import { challengeLaws } from "./paywall-challenge-laws.ts";
import { consumptionLaws } from "./paywall-consumption-laws.ts";
import { credentialLaws } from "./paywall-credential-laws.ts";
import { fieldLaws } from "./paywall-field-laws.ts";
import { lawsOf, type PaywallContract } from "./paywall-laws.ts";
import { meteredLaws } from "./paywall-metered-laws.ts";
import { priceLaws } from "./paywall-price-laws.ts";
import { repeatLaws } from "./paywall-repeat-laws.ts";
import { requestLaws } from "./paywall-request-laws.ts";
import { useLaws } from "./paywall-use-laws.ts";
import { wellKnownLaws } from "./paywall-well-known-laws.ts";
import type { TestFunction } from "./wallet-contract.ts";

export type { ContractRoute, PaywallContract, PaywallHost, Reply } from "./paywall-laws.ts";

/**
 * Registers the laws of a paywall with a test runner.
 *
 * @example
 * paywallContract(test, { name: "l8nt/hono", start: startHono });
 */
export function paywallContract(test: TestFunction, contract: PaywallContract): void {
  challengeLaws(lawsOf("challenge", test, contract));
  credentialLaws(lawsOf("credential", test, contract));
  fieldLaws(lawsOf("fields", test, contract));
  priceLaws(lawsOf("price", test, contract));
  requestLaws(lawsOf("request", test, contract));
  useLaws(lawsOf("use", test, contract));
  repeatLaws(lawsOf("repeat", test, contract));
  consumptionLaws(lawsOf("consumption", test, contract));
  meteredLaws(lawsOf("metered", test, contract));
  wellKnownLaws(lawsOf("well-known", test, contract));
}
