/**
 * What is shown of a credential to a service: nothing that a service which leaks it, or is
 * dishonest, could use at another origin. spec/9-public-key.md §10.
 */
import { caveatOf, endpoints, formatOrigin, type Origin } from "../caveat/index.ts";
import { TokenError } from "../errors.ts";
import { Lru } from "../internal/lru.ts";
import { Credential } from "./credential.ts";

const MAX_ORIGINS = 64;

/** One text for each credential and origin, which the service recognises. */
const made = new WeakMap<Credential, Lru<string, Credential>>();

/**
 * The credential as it is presented at `origin`: good there alone, and sealed if its form has a
 * seal.
 *
 * @throws TokenError `ERR_TOKEN_TOO_LARGE` for an open one that has no room for its seal
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

function narrowedTo(credential: Credential, origin: string): Credential {
  const { body, chain } = credential;
  const entry = `* ${origin}/**`;
  const whole = endpoints.parse(entry)!;
  const own = chain.valuesOf(endpoints);
  if (own.some((value) => endpoints.covers!(whole, value))) return credential;
  // A service of another implementation denies a condition that it does not know. One whose
  // credential has the condition already, or is of the public-key form, knows it.
  // And a treasury judges the endpoints of what it buys, not those of its own messages.
  const canSpend = chain.limits.some(({ kind }) => kind === "spend");
  if ((own.length === 0 || canSpend) && body.sealed === undefined) return credential;
  try {
    return credential.append([caveatOf(endpoints, entry)]);
  } catch (error) {
    // It was sealed by somebody else, or has no room: it is still good at this service.
    if (error instanceof TokenError) return credential;
    throw error;
  }
}
