/** The option `mints`: for which services a treasury mints, in place of paying. */
import { type Base, formatOrigin, readBase } from "../caveat/index.ts";
import { checkTransport } from "../http/transport.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { KeyRing } from "../public-key/key-ring.ts";

export interface MintsOptions {
  /** Signs what is minted. The treasury serves its page at `/.well-known/biscuit-web-keys`. */
  readonly keys: KeyRing;
  /**
   * The locations of the services that credentials are minted for, such as `https://api.example`.
   * One is minted if the service says, too, that it trusts the issuer of the keys. A service is
   * never minted for because of its own word.
   */
  readonly services: readonly string[];
  /**
   * Whether a service that says that it trusts the issuer, and refuses what was minted, is paid.
   *
   * @default false: the order fails with `ERR_ISSUER_REFUSED`
   */
  readonly payIfRefused?: boolean;
}

const OPTIONS = { keys: true, services: true, payIfRefused: true } satisfies Keys<MintsOptions>;

/**
 * The bases of the services, by their origins.
 *
 * @throws TypeError for an option that is unknown or cannot work
 */
export function readMints(options: MintsOptions): ReadonlyMap<string, Base> {
  checkKeys(options, OPTIONS, "the `mints` of a treasury");
  const { keys, services, payIfRefused } = options;
  if (typeof keys?.minter !== "function")
    throw new TypeError("`keys` of `mints` must be a KeyRing of l8nt/biscuit");
  if (!Array.isArray(services) || services.length === 0)
    throw new TypeError("`services` of `mints` must list the locations of services");
  if (payIfRefused !== undefined && typeof payIfRefused !== "boolean")
    throw new TypeError("`payIfRefused` of `mints` must be true or false");
  const bases = new Map<string, Base>();
  for (const service of services) {
    const base = typeof service === "string" ? readBase(service) : undefined;
    if (base === undefined)
      throw new TypeError(
        'a service of `mints` must be its location, an http(s) URL such as "https://api.example"',
      );
    try {
      checkTransport(new URL(base.text));
    } catch (cause) {
      throw new TypeError(`a service of \`mints\`: ${(cause as Error).message}`, { cause });
    }
    const origin = formatOrigin(base.origin);
    if (bases.has(origin)) throw new TypeError(`\`mints\` names two services at ${origin}`);
    bases.set(origin, base);
  }
  return bases;
}
