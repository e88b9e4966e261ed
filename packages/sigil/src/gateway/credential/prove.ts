/**
 * Proves the credential of a request: the one place where a text becomes what is judged, and where
 * a request is found to be signed by the key that its credential is bound to. spec/9-public-key.md
 * §9.
 */
import type { Verified, Verifier } from "l8nt/l402";
import type { Paywall, SignedFacts } from "l8nt/service";
import { headersOf, type Lines } from "../core/fields.ts";
import { credentialFieldsIn } from "./place.ts";

/** A request that presents a credential. */
export interface Presenting
  extends Pick<SignedFacts, "method" | "target" | "body" | "isOnlyAsked"> {
  readonly lines: Lines;
}

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

/**
 * The credential for this request, if it is signed as the credential asks for; else as it was, and
 * then it denies.
 *
 * @throws what `body` throws; AdapterError `ERR_RATE_LIMITED`
 */
export async function signed(
  paywall: Pick<Paywall, "signed">,
  verified: Verified,
  { lines, ...request }: Presenting,
): Promise<Verified> {
  if (verified.holders.length === 0) return verified;
  const credentialFields = credentialFieldsIn(lines);
  return paywall.signed(verified, { ...request, headers: headersOf(lines), credentialFields });
}

/**
 * The same, once nothing speaks against every request with it: its end, a revocation, a freeze, or
 * that another key signed this one. The body is not read before.
 *
 * @param clock Unix seconds
 * @throws DeniedError, and as `signed`
 */
export async function demanded(
  paywall: Pick<Paywall, "signed">,
  verified: Verified,
  request: Presenting,
  clock: () => number,
): Promise<Verified> {
  const [holder] = verified.holders;
  const demand = (of: Verified): void => of.demand({ now: clock(), target: "self" });
  demand(holder === undefined ? verified : verified.signedBy(holder));
  if (holder === undefined) return verified;
  const one = await signed(paywall, verified, request);
  demand(one);
  return one;
}
