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
  /**
   * What has to be waited for before `authenticate(text)` knows all that it may: keys that are
   * fetched, signatures that the platform verifies later. Undefined if there is nothing. Never
   * rejects.
   */
  prepare?(text: string): Promise<void> | undefined;
  /** Whether this verifier proved it, and no other one. */
  proved(verified: Verified): boolean;
}
