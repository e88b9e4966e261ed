/**
 * What each form of a credential supplies: its caveats, its text and its proof of payment.
 * spec/1-credential.md.
 */
import type { PlaceIds } from "../caveat/index.ts";
import type { Binary, Bytes } from "../internal/bytes.ts";
import type { Descent } from "../ports/descent.ts";

/** A credential in one form, decoded and not verified. Immutable. */
export interface Body {
  /** The URL where the credential is spent: a hint that no signature covers. */
  readonly location: string;
  /** The origin of its issuer, in the public-key form: a claim, because no signature is checked. */
  readonly issuer?: string;
  /** Equal for every credential that was narrowed from the same minted one. */
  readonly rootId: string;
  /** Every caveat as it stands on the wire, root first. */
  readonly caveats: readonly Binary[];
  /** Hex. SHA-256 of the preimage that proves the payment. */
  readonly paymentHash: string;
  /** Whether the credential carries that preimage. */
  readonly isPaid: boolean;
  /**
   * The same with more caveats. Needs no secret.
   *
   * @throws TokenError `ERR_TOKEN_TOO_LARGE`
   */
  append(caveats: readonly string[]): Body;
  /**
   * The same, to which nobody can append; itself if nobody can already. Undefined in a form that
   * has no seal.
   *
   * @throws TokenError `ERR_TOKEN_TOO_LARGE`
   */
  sealed?(): Body;
  /**
   * 32 bytes that every holder of exactly this credential derives from `message`, and nobody else
   * can.
   */
  derive(message: string): Bytes;
  /**
   * What leads from `ancestor` to it, in a form that caveats do not tell it in. Undefined if it
   * does not descend from it.
   */
  descentFrom?(ancestor: Body): Descent | undefined;
  /** The secret text, in the one spelling that this library writes. */
  toText(): string;
  /** The same as an API key. */
  toKey(): string;
}

/** The places along a verified chain of caveats. Only a verifier can derive them. */
export interface Places extends PlaceIds {
  /**
   * The ids of the nodes that `descent` opens, one below the other.
   *
   * @param location of the verifier: what was narrowed to its origin when it was presented stands
   * for what it was made of. Undefined for a verifier without one
   * @throws TypeError, TokenError for one that the form does not have, or that does not follow
   */
  below(descent: Descent, location?: string): readonly string[];
}
