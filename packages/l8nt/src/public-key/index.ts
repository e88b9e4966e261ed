/**
 * `l8nt/biscuit`: credentials that anyone can verify with the public key of their issuer, the Sigil
 * profile of Biscuit v3. Once it is imported, `Credential.parse` reads them. spec/9-public-key.md.
 */
import "./form.ts";
import { Credential } from "../credential/index.ts";
import { TokenError } from "../errors.ts";
import { BiscuitBody } from "./body.ts";

/**
 * The same credential, to which nobody can append: what is presented to a service.
 *
 * @throws TokenError `ERR_TOKEN_SEALED` if it is sealed; `ERR_TOKEN_MALFORMED` for a macaroon
 */
export function seal({ body }: Credential): Credential {
  if (body instanceof BiscuitBody) return new Credential(body.seal());
  throw new TokenError("ERR_TOKEN_MALFORMED", "A macaroon cannot be sealed.");
}

export { IssuerDirectory, type IssuerDirectoryOptions } from "./directory.ts";
export {
  KeyRing,
  type KeyRingOptions,
  type NewKeyOptions,
  type RingKey,
  type RingMinterOptions,
} from "./key-ring.ts";
export interface Issued {
  /** The origin that publishes the key. */
  readonly issuer: string;
  /** The number of the key. */
  readonly keyId: number;
  /** Whether nobody can append to it. */
  readonly isSealed: boolean;
}

/** What a credential of this form says of its issuer, not verified; undefined for a macaroon. */
export const issuedOf = ({ body }: Credential): Issued | undefined =>
  body instanceof BiscuitBody
    ? { issuer: body.issuer, keyId: body.token.rootKeyId ?? 0, isSealed: body.isSealed }
    : undefined;

export {
  type BiscuitDatalogOptions,
  type BiscuitPackage,
  biscuitDatalog,
} from "./biscuit-datalog.ts";
export type { Datalog, DatalogFact } from "./datalog.ts";
export { KEYS_PATH } from "./key-page.ts";
export { Minter, type MinterOptions, type SeedOptions } from "./minter.ts";
export { type Limits, type SliceOptions, slice } from "./slice.ts";
export { BiscuitVerifier, type BiscuitVerifierOptions, type IssuerKeys } from "./verifier.ts";
