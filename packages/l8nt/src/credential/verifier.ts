/** The port that every verifier of credentials implements, whatever their form. */
import type { Credential } from "./credential.ts";
import type { Verified } from "./verified.ts";

export interface Verifier {
  /**
   * Proves the signature and the payment. Says nothing about an access: {@link Verified} judges it.
   *
   * @throws TokenError if the credential is malformed, forged, unpaid or from another issuer
   */
  authenticate(credential: Credential | string): Verified;
  /** What was proven before about exactly this text; undefined if it has to be read. */
  known(text: string): Verified | undefined;
  /** Whether this verifier proved it, and no other one. */
  proved(verified: Verified): boolean;
}
