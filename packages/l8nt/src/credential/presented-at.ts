/**
 * What is shown of a credential to a service: nothing that a service which leaks it, or is
 * dishonest, could use at another origin. spec/9-public-key.md §10.
 */
import { caveatOf, endpoints, formatOrigin, type Origin } from "../caveat/index.ts";
import { AdapterError, TokenError } from "../errors.ts";
import { Lru } from "../internal/lru.ts";
import { Credential } from "./credential.ts";

const MAX_ORIGINS = 64;

/** The caveat that a credential is presented with: it is good at one origin alone. */
export const onlyAt = (origin: string): string => caveatOf(endpoints, entryOf(origin));

const entryOf = (origin: string): string => `* ${origin}/**`;

/** One text for each credential and origin, which the service recognises. */
const made = new WeakMap<Credential, Lru<string, Credential>>();

/**
 * The credential as it is presented at `origin`: good there alone, and sealed if its form has a
 * seal.
 *
 * @throws TokenError `ERR_TOKEN_TOO_LARGE` for an open one that has no room for its seal;
 * AdapterError `ERR_REQUEST` for an origin whose host no endpoint can name
 */
export function presentedAt(credential: Credential, origin: Origin): Credential {
  const at = formatOrigin(origin);
  const kept = made.get(credential) ?? new Lru<string, Credential>(MAX_ORIGINS);
  const known = kept.get(at);
  if (known !== undefined) return known;
  const narrowed = narrowedTo(credential, at);
  const body = narrowed.body.sealed?.() ?? narrowed.body;
  const presented = body === narrowed.body ? narrowed : new Credential(body);
  kept.set(at, presented);
  made.set(credential, kept);
  return presented;
}

/** Whether what is presented at `origin` is good nowhere else. @throws as `presentedAt` */
export function isPresentedAlone(credential: Credential, origin: Origin): boolean {
  const whole = endpoints.parse(entryOf(formatOrigin(origin)));
  const { chain } = presentedAt(credential, origin);
  return (
    whole !== undefined && chain.valuesOf(endpoints).some((own) => endpoints.covers!(whole, own))
  );
}

function narrowedTo(credential: Credential, origin: string): Credential {
  const { body, chain } = credential;
  const whole = endpoints.parse(entryOf(origin));
  const own = chain.valuesOf(endpoints);
  // `URL` takes hosts that no entry can name, and a star that an entry reads as every host.
  if (whole === undefined || origin.includes("*")) {
    if (own.length === 0 && body.sealed === undefined) return credential;
    throw new AdapterError(
      "ERR_REQUEST",
      `No credential is sent to ${origin}: an endpoint cannot name that host, so it could not be narrowed to it.`,
    );
  }
  if (own.some((value) => endpoints.covers!(whole, value))) return credential;
  // A service of another implementation denies a condition that it does not know. One whose
  // credential has the condition already, or is of the public-key form, knows it.
  // And a treasury judges the endpoints of what it buys, not those of its own messages.
  const canSpend = chain.limits.some(({ kind }) => kind === "spend");
  if ((own.length === 0 || canSpend) && body.sealed === undefined) return credential;
  try {
    return credential.append([onlyAt(origin)]);
  } catch (error) {
    // It was sealed by somebody else, or has no room: it is still good at this service.
    if (error instanceof TokenError) return credential;
    throw error;
  }
}
