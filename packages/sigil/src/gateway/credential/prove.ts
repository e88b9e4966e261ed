/** Proves the credential of a request: the one place where a text becomes what is judged. */
import type { Verified, Verifier } from "l8nt/l402";

/**
 * Waits for keys of issuers that are not known yet.
 *
 * @throws TokenError for what proves nothing
 */
export async function proven(
  { verifier }: { readonly verifier: Verifier },
  text: string,
): Promise<Verified> {
  await verifier.prepare?.(text);
  return verifier.authenticate(text);
}
