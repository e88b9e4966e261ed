/** The credential of a request to a route that is for sale. spec/3-challenge.md §4. */
import { authenticateFields, prepareFields, type Verifier } from "l8nt/l402";
import { type Lines, valuesOf } from "../core/fields.ts";
import type { CredentialPlace } from "../presets/preset.ts";
import { isOurs, namedIn } from "./place.ts";
import { presentedKey } from "./present.ts";

/** What clients of L402 use beside an `Authorization` that is an SDK's own. */
const MACAROON_FIELDS = ["grpc-metadata-macaroon", "macaroon"] as const;

/**
 * The text of the credential; undefined if there is none. An API key that is none of ours, as an
 * SDK must be given some, counts as none: what it lacks can be bought here.
 *
 * @throws TokenError `ERR_TOKEN_AMBIGUOUS` for two different ones, and for what cannot be read in a
 * field that is for L402 alone
 */
export async function presentedToSale(
  places: readonly CredentialPlace[],
  lines: Lines,
  query: string,
  verifier: Verifier,
): Promise<string | undefined> {
  const key = presentedKey(places, lines, query);
  // What is broken, and meant for us, counts: its sender is told so, and buys no other one.
  const isMeant = key !== undefined && (isOurs(key) || namedIn(lines) !== undefined);
  const own = isMeant ? key : undefined;
  const macaroons = MACAROON_FIELDS.flatMap((name) => valuesOf(lines, name));
  if (macaroons.length === 0) return own;
  const macaroon = macaroons.join(", ");
  const authorization = own === undefined ? null : `L402 ${own}`;
  await prepareFields(verifier, { authorization, macaroon });
  return authenticateFields(verifier, { authorization, macaroon })?.credential.toString();
}
