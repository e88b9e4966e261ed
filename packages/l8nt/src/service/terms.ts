/** The terms of a route: what it costs, and what a payment for it buys. */
import { type AmountText, parseAmount, parseMsat, readMsatOption } from "../amount.ts";
import type { Duration } from "../caveat/index.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { checkQuota, type FreeQuota, quotaText, wholeQuota } from "./free-quota.ts";
import { readPathPattern } from "./path-pattern.ts";
import type { PriceFunction } from "./price.ts";

/** What one payment buys. With none of `uses`, a rate, `budget` and `validFor`: one request. */
export interface Grants {
  /** This many requests. */
  readonly uses?: number;
  /**
   * At most this many requests within any minute, hour or day: a plan, such as 1,000 a day for 30
   * days. It says how long with `validFor`.
   */
  readonly usesPerMinute?: number;
  readonly usesPerHour?: number;
  readonly usesPerDay?: number;
  /**
   * Prepaid: the payment is this amount, and each request takes its price from it. An amount of
   * bitcoin, because an invoice is paid in bitcoin.
   */
  readonly budget?: AmountText;
  /**
   * How long the credential is valid, from the challenge on.
   *
   * @default "1h"
   */
  readonly validFor?: Duration;
  /**
   * Paths of this service, such as `"GET /reports/*"`.
   *
   * @default the requested method and path
   */
  readonly endpoints?: readonly string[];
}

export interface Terms {
  /**
   * Without a price a route takes credentials that the authority minted, and sells none. So does a
   * route with a price in US dollars, because an invoice is paid in bitcoin and nothing converts:
   * it takes credentials that were minted with a budget in US dollars.
   */
  readonly price?: AmountText | PriceFunction;
  readonly grants?: Grants;
  /** What the request does, for credentials that name capabilities. */
  readonly capability?: string;
  /**
   * The price is the most that a request can come to. It is reserved, and what the handler says
   * with `grant.settle` is spent, at the latest when the response has ended; otherwise all of it.
   *
   * @default the price is spent with the head of the response
   */
  readonly metered?: boolean;
  /** Requests that are served before anything is sold. */
  readonly free?: FreeQuota;
  /**
   * Where the route stands, such as `"GET /history/*"`, in the form of `grants.endpoints`. It is
   * what `/.well-known/l402` says, and decides nothing.
   *
   * @default the paths that `checkRoutes` finds in an app; otherwise none is listed
   */
  readonly path?: string;
}

/** The terms that a paywall has for all of its routes. */
export type CommonTerms = Omit<Terms, "path">;

export const COMMON_TERMS = {
  price: true,
  grants: true,
  capability: true,
  metered: true,
  free: true,
} satisfies Keys<CommonTerms>;
export const TERMS = { ...COMMON_TERMS, path: true } satisfies Keys<Terms>;
const GRANTS = {
  uses: true,
  usesPerMinute: true,
  usesPerHour: true,
  usesPerDay: true,
  budget: true,
  validFor: true,
  endpoints: true,
} satisfies Keys<Grants>;
const RATES = ["usesPerMinute", "usesPerHour", "usesPerDay"] as const;

/** Whether a purchase is a number of requests in each minute, hour or day. */
export const hasRate = (grants: Grants): boolean =>
  RATES.some((rate) => grants[rate] !== undefined);

/** Whether two routes offer the same. */
export const sameTerms = (one: Terms, other: Terms): boolean =>
  one.price === other.price && textOf(one) === textOf(other);

const textOf = ({ grants, capability, metered = false, free }: Terms): string =>
  JSON.stringify([
    Object.entries(grants ?? {}).sort(),
    capability,
    metered,
    free && quotaText(wholeQuota(free)),
  ]);

/**
 * Whether requests on these terms are counted: they cost something, and what is sold for it is not
 * a pass that is valid for a time alone, or some of them are free.
 */
export function isCounting({ price, free, grants = {} }: Terms): boolean {
  const { uses, budget, validFor } = grants;
  if (free !== undefined) return true;
  if (price === undefined || (typeof price !== "function" && parseAmount(price)?.value === 0n))
    return false;
  return uses !== undefined || budget !== undefined || validFor === undefined || hasRate(grants);
}

/** Whether terms may sell a credential: not without a price, and not at a price in US dollars. */
export const maySell = ({ price }: Terms): boolean =>
  typeof price === "function" || parseMsat(price) !== undefined;

/**
 * @throws TypeError for a fixed price that is no amount, and for grants that could never be minted
 */
export function checkTerms(terms: Terms, location: string): void {
  const { price, grants = {}, path } = terms;
  checkKeys(terms, TERMS, "a route");
  checkKeys(grants, GRANTS, "a route's grants");
  if (price !== undefined && typeof price !== "function" && parseAmount(price) === undefined)
    throw new TypeError(
      'a price is an amount with its unit, such as "10 sat" or "0.02 usd", or a function of the request',
    );
  if (path !== undefined && readPathPattern(path) === undefined)
    throw new TypeError(
      `a route's path is "${path}"; write "GET /path", as seen at ${location}, with * for one segment and ** for all that follow`,
    );
  if (terms.free !== undefined) checkQuota(terms.free);
  if (grants.budget !== undefined) readMsatOption(grants.budget, "grants.budget");
  for (const name of ["uses", ...RATES] as const) {
    const count = grants[name];
    if (count !== undefined && !(Number.isSafeInteger(count) && count > 0))
      throw new TypeError(`grants.${name} must be a whole number, 1 or more`);
  }
  if (hasRate(grants) && grants.validFor === undefined)
    throw new TypeError(
      'a rate in grants needs grants.validFor, such as "30d": how long it is sold',
    );
  if (grants.endpoints?.length === 0)
    throw new TypeError("grants.endpoints must name one path, or more");
  for (const entry of grants.endpoints ?? [])
    if (!/^\S+ \//.test(entry))
      throw new TypeError(
        `grants.endpoints has "${entry}"; write "GET /path" as seen at ${location}`,
      );
}
