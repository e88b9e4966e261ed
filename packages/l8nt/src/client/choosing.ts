/**
 * Which credential of a client is used for a request. Loaded with the first request that may need
 * one. spec/4-purchase.md §2.
 */
import { type Access, readOrigin, sameOrigin, type Target } from "../caveat/index.ts";
import { denied } from "../errors.ts";
import type { Credential } from "../l402/credential.ts";
import type { Carried, CarriedCredentials } from "./carried.ts";

type TargetAccess = Access & { readonly target: Target };

/**
 * The first credential that covers the access; one that names the origin of the access goes before
 * others. Undefined if there is no credential at all.
 *
 * @throws DeniedError if there are credentials, and each one denies the access
 */
export function choose(
  { all }: CarriedCredentials,
  access: TargetAccess,
  among = (_: Credential) => true,
): Carried | undefined {
  const judged = all
    .filter(({ credential }) => among(credential))
    .map((carried) => ({ carried, refusals: carried.credential.certainRefusals(access) }));
  const willing = judged
    .filter(({ refusals }) => refusals.length === 0)
    .map(({ carried }) => carried);
  if (willing.length > 0)
    return willing.find(({ credential }) => isAtHome(credential, access.target)) ?? willing[0];
  const error = denied(judged[0]?.refusals ?? []);
  if (error !== undefined) throw error;
  return undefined;
}

/** Whether one of the credentials covers the access. */
export const covers = (
  { all }: CarriedCredentials,
  access: Access,
  among = (_: Credential) => true,
): boolean =>
  all.some(
    ({ credential }) => among(credential) && credential.certainRefusals(access).length === 0,
  );

/** Whether a treasury spends it: those of the public-key form are presented, and buy nothing. */
export const canPay = ({ body }: Credential): boolean => body.issuer === undefined;

/** The first credential that covers the access and can pay for it. */
export const payerOf = (carried: CarriedCredentials, access: TargetAccess): Carried | undefined =>
  covers(carried, access, canPay) ? choose(carried, access, canPay) : undefined;

/** Whether a credential names the origin of the target. It is presented there. */
export function isAtHome(credential: Credential, target: Target): boolean {
  const home = readOrigin(credential.location);
  return home !== undefined && sameOrigin(home, target.origin);
}
