/**
 * Credentials of the public-key form at services that say that they trust their issuers.
 * spec/9-public-key.md §10.
 */
import {
  type Access,
  formatOrigin,
  ledger,
  readOrigin,
  sameOrigin,
  type Target,
} from "../caveat/index.ts";
import { isPresentedAlone } from "../credential/index.ts";
import { Lru } from "../internal/lru.ts";
import type { Credential } from "../l402/credential.ts";
import { issuersIn } from "../l402/issuers.ts";
import type { CarriedCredentials } from "./carried.ts";
import { canPay } from "./choosing.ts";

type TargetAccess = Access & { readonly target: Target };

const MAX_ORIGINS = 256;

/** The issuers that each origin said it trusts, as the clients that carry these learned them. */
const learned = new WeakMap<CarriedCredentials, Lru<string, readonly string[]>>();

/** A ledger of another origin denies here. */
function isAt(location: string, { origin }: Target): boolean {
  const at = readOrigin(location);
  return at !== undefined && sameOrigin(at, origin);
}

const originOf = ({ target }: TargetAccess): string => formatOrigin(target.origin);

/** Whether there is such a credential, and the service has not said yet which issuers it trusts. */
export const mayBeTrusted = (carried: CarriedCredentials, access: TargetAccess): boolean =>
  carried.all.some(({ credential }) => !canPay(credential)) &&
  learned.get(carried)?.get(originOf(access)) === undefined;

/**
 * The credential for a service that said earlier that it trusts its issuer.
 *
 * @param strayed whether a redirect led there: nothing that is used up by a use is shown
 */
export function trustedAt(
  carried: CarriedCredentials,
  access: TargetAccess,
  strayed: boolean | undefined,
): Credential | undefined {
  const issuers = learned.get(carried)?.get(originOf(access)) ?? [];
  return carried.all
    .map(({ credential }) => credential)
    .find(
      (one) =>
        issuers.includes(one.body.issuer ?? "") &&
        !(strayed && one.chain.isUsedUpByUse) &&
        one.chain.valuesOf(ledger).every((at) => isAt(at, access.target)) &&
        one.certainRefusals(access).length === 0 &&
        // Any service can say that it trusts an issuer.
        isPresentedAlone(one, access.target.origin),
    );
}

/** The credential for a service whose answer says that it trusts its issuer. */
export function trustedBy(
  response: Response,
  carried: CarriedCredentials,
  access: TargetAccess,
  strayed: boolean | undefined,
): Credential | undefined {
  const isAsking = learn(response, carried, access);
  return isAsking ? trustedAt(carried, access, strayed) : undefined;
}

/** Remembers what a service that asks for a credential says. Returns whether it asks for one. */
export function learn(
  { status, headers }: Response,
  carried: CarriedCredentials,
  access: TargetAccess,
): boolean {
  if (status !== 401 && status !== 402) return false;
  const issuers = issuersIn([headers.get("www-authenticate") ?? ""]);
  const origins = learned.get(carried) ?? new Lru(MAX_ORIGINS);
  // An empty list replaces one that the service no longer says.
  origins.set(originOf(access), issuers);
  learned.set(carried, origins);
  return true;
}
