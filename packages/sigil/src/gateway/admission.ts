/** What is asked of every request before any of it is sent, whatever it is charged by. */
import { issuedOf } from "l8nt/biscuit";
import type { Unit } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Granted, RequestFacts, Route } from "l8nt/service";
import { type Lines, valuesOf } from "./core/fields.ts";
import type { Target } from "./core/request.ts";
import { strayKey } from "./credential/place.ts";
import { notForSale } from "./denials.ts";
import { Denied } from "./denied.ts";
import type { Preset } from "./presets/preset.ts";
import type { Service } from "./service.ts";

/**
 * What is asked for in fields is seen by no meter, and a credential in a place of its own reaches
 * the vendor.
 *
 * @throws Denied
 */
export function checkHead(
  { fieldsRefused = [], credentialPlaces }: Preset,
  lines: Lines,
  { path, query }: Target,
): void {
  const stray = strayKey(lines, path, query, credentialPlaces);
  if (stray !== undefined)
    throw new Denied({
      status: 400,
      code: "credential_misplaced",
      title: "A credential where none belongs",
      detail: `Sigil: ${stray} has an API key of this gateway in it, which would be sent to the vendor. Send the key only where the vendor's SDK puts it.`,
    });
  for (const { name, matches } of fieldsRefused)
    if (valuesOf(lines, name).some((value) => matches?.test(value) ?? true))
      throw new Denied({
        status: 403,
        code: "field_not_allowed",
        title: "Field not allowed",
        detail: `Sigil: the header field ${name}${matches === undefined ? "" : " with this value"} changes what the request costs, or who pays for it. Leave it out.`,
      });
}

/**
 * Refuses what was bought here, where nothing is for sale, or nothing any more. @throws Denied
 */
export function checkNotSold({ paywall }: Pick<Service, "paywall">, verified: Verified): void {
  if (paywall.isSold(verified)) throw notForSale();
}

/** Judges a request, and reserves what it may cost. @throws the error that it is refused for */
export async function grantedBy(route: Route, facts: RequestFacts): Promise<Granted> {
  const decision = await route.authorize(facts);
  if (decision.granted) return decision;
  if (decision.error === undefined) throw new TypeError("a request without a key was answered");
  throw decision.error;
}

export const hasBudget = ({ limits }: Verified, unit: Unit): boolean =>
  limits.some((limit) => limit.kind === "spend" && limit.unit === unit);

/**
 * What is shared fairly is shared among those who cannot make each other: the children of a root
 * that the owner of the gateway holds, and the credentials of an issuer, whose holders have roots.
 */
export const branchOf = ({ credential, nodes: [root, child = root] }: Verified): string =>
  issuedOf(credential) === undefined ? child!.id : root!.id;
