/** `l8nt/l402`: credentials and challenges of the L402 scheme, their minter and their verifier. */
export type { Access } from "../caveat/index.ts";
export { targetAt, targetOfUrl } from "../caveat/index.ts";
export {
  type AttenuateOptions,
  RevocationList,
  type RevocationListOptions,
  type Verified,
  type Verifier,
} from "../credential/index.ts";
export { Authority, type AuthorityOptions } from "./authority.ts";
export { formatAuthorization, otherSchemes, readAuthorization } from "./authorization.ts";
export { Challenge } from "./challenge.ts";
export { Credential, macaroonOf } from "./credential.ts";
export type { MinterOptions } from "./credential-minter.ts";
export { CREDENTIAL_FIELDS } from "./fields.ts";
export { HmacVerifier, type HmacVerifierOptions } from "./hmac-verifier.ts";
export { Identifier } from "./identifier.ts";
export { Minter } from "./minter.ts";
export { authenticateFields, type Presented, prepareFields, presentedIn } from "./presented.ts";
export { withoutCredentials } from "./repeated.ts";
export type { Secret, SecretSource } from "./roots.ts";
