/** Whose key signed a request to a paywall. spec/9-public-key.md §9. */
import { type BoundCredential, signedPaths } from "../holder/proofs.ts";
import type { PaywallContext } from "./context.ts";

/** A request as it was sent, for `paywall.signed`. */
export interface SignedFacts {
  readonly method: string;
  /** Path and query, without the path of the paywall's location. */
  readonly target: string;
  /** All fields; several lines of one are joined by commas. */
  readonly headers: Headers;
  /**
   * The content as it was sent; undefined if it cannot be had, and then nothing is proven. Called
   * only once the signature is right.
   */
  readonly body: () => Promise<Uint8Array | undefined>;
  /**
   * Fields in which the credential stands beside those of L402, in lower case. The signature must
   * cover them.
   *
   * @default none
   */
  readonly credentialFields?: readonly string[];
  /**
   * Whether nobody is let through by the answer, so that the same signature may be asked about
   * before and after.
   *
   * @default false
   */
  readonly isOnlyAsked?: boolean;
}

/**
 * The thumbprint of the key; null if the signature proves nothing.
 *
 * @param of stands for the request, if it may be asked about again
 * @throws AdapterError for a body that is too large to be read, `ERR_RATE_LIMITED`; what `body`
 * throws
 */
export function signerOf(
  { holders, authority: { location }, base }: Signing,
  credential: BoundCredential,
  { target, ...request }: SignedFacts,
  of?: object,
): Promise<string | null> {
  const [, path = "", query = ""] = /^([^?]*)(.*)$/s.exec(target)!;
  return holders.prove(
    {
      ...request,
      authority: new URL(location).host,
      ...signedPaths(location, base, path),
      query: query || "?",
    },
    credential,
    of,
  );
}

type Signing = Pick<PaywallContext, "holders" | "authority" | "base">;
