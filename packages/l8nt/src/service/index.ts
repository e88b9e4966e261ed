/** `l8nt/service`: the paywall, on `Request` and `Response`. */
export { WELL_KNOWN_PATH } from "../wire/paths.ts";
export { concealed, type Refused } from "../wire/problem.ts";
export type { Answered } from "./answered.ts";
export type { Decision, Grant, Granted, RequestFacts } from "./decision.ts";
export { type GivenHeaders, headersWithoutCredential } from "./forwarded.ts";
export type { FreeQuota } from "./free-quota.ts";
export type { LlmsText } from "./llms-text.ts";
export { networksOf } from "./networks.ts";
export {
  type AuthorizeOptions,
  Paywall,
  type PaywallOptions,
  type TopUpOptions,
} from "./paywall.ts";
export type { PriceFacts, PriceFunction } from "./price.ts";
export type { Answer } from "./repeats.ts";
export type { RevocationsOption } from "./revoking.ts";
export type { Route } from "./route.ts";
export type { SalesQuery, SalesTotal, SalesTotalsQuery } from "./sales-list.ts";
export type { SignedFacts } from "./signing.ts";
export type { OnSale, Sale } from "./sold.ts";
export type { Grants, Terms } from "./terms.ts";
