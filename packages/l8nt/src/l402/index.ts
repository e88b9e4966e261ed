/**
 * `l8nt/l402`: credentials and challenges of the L402 scheme, and the authority that mints and
 * verifies them.
 */
export type { Access, Scope } from "../caveat/index.ts";
export { targetAt, targetOfUrl } from "../caveat/index.ts";
export { Authority, type AuthorityOptions, type Verdict } from "./authority.ts";
export { formatAuthorization, mentionsCredential, readAuthorization } from "./authorization.ts";
export { Challenge, isLsatAlone } from "./challenge.ts";
export { type AttenuateOptions, Credential, isSingleUse, refusalsOnSale } from "./credential.ts";
export { Identifier } from "./identifier.ts";
export { formatMacaroonField, readMacaroonField } from "./macaroon-field.ts";
export { CREDENTIAL_FIELDS, type Presented, presentedIn, readPresented } from "./presented.ts";
export { withoutCredentials } from "./repeated.ts";
export { revokeAsAsked } from "./revocation-request.ts";
export type { Secret } from "./roots.ts";
export type { Verified } from "./verified.ts";
