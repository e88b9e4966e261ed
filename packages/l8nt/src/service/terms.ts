/** What a route costs, and what a payment for it buys. */
import {
  type Duration,
  matchesEndpoint,
  readEndpoint,
  type Scope,
  type Target,
} from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type AmountText, readAmount } from "../invoice/index.ts";

/**
 * The price of one request. Called for every request, also for those without a credential, before
 * anything else is known about them: it must be cheap, and must not trust what it reads. A throw, a
 * number without a unit, NaN or a negative amount answers 503; `"0 sat"` is free.
 */
export type PriceFunction = (request: Request) => AmountText | Promise<AmountText>;

/** What one payment buys. With none of `uses`, `budget` and `validFor`: one request. */
export interface Grants {
  /** This many requests. */
  readonly uses?: number;
  /** Prepaid: the payment is this amount, and each request takes its price from it. */
  readonly budget?: AmountText;
  /** How long it holds, from the challenge on. An hour where it is not given. */
  readonly validFor?: Duration;
  /**
   * Paths here, such as `"GET /reports/*"`. Where it is not given: the requested method and path,
   * and nothing else.
   */
  readonly endpoints?: readonly string[];
}

export interface Terms {
  /** Without a price a route takes credentials that the authority minted, and sells none. */
  readonly price?: AmountText | PriceFunction;
  readonly grants?: Grants;
  /** What the request does, where the credentials name capabilities. */
  readonly capability?: string;
}

const DEFAULT_VALIDITY: Duration = "1h";

export const TERMS = { price: true, grants: true, capability: true } satisfies Keys<Terms>;
const GRANTS = { uses: true, budget: true, validFor: true, endpoints: true } satisfies Keys<Grants>;

/**
 * @throws TypeError for a fixed price that is no amount, and for grants that could never be minted
 */
export function checkTerms(terms: Terms, location: string): void {
  const { price, grants = {} } = terms;
  checkKeys(terms, TERMS, "a route");
  checkKeys(grants, GRANTS, "a route's grants");
  if (price !== undefined && typeof price !== "function" && readAmount(price) === undefined)
    throw new TypeError(
      'a price is an amount with its unit, such as "10 sat", or a function of the request',
    );
  if (grants.uses !== undefined && !(Number.isSafeInteger(grants.uses) && grants.uses > 0))
    throw new TypeError("grants.uses must be a whole number, 1 or more");
  if (grants.endpoints?.length === 0)
    throw new TypeError("grants.endpoints must name one path, or more");
  for (const entry of grants.endpoints ?? [])
    if (!/^\S+ \//.test(entry))
      throw new TypeError(
        `grants.endpoints has "${entry}"; write "GET /path" as seen at ${location}`,
      );
}

/** Reads a price in msat. @throws AdapterError `ERR_PRICE_FUNCTION` */
export function readPrice(price: unknown): bigint {
  const msat = readAmount(price);
  if (msat === undefined)
    throw new AdapterError(
      "ERR_PRICE_FUNCTION",
      'A price is an amount with its unit, such as "10 sat".',
    );
  return msat;
}

/** What a payment makes. */
export interface Sale {
  /** What the invoice asks for: the request's price, or the whole of a prepaid budget. */
  readonly amountMsat: bigint;
  /** What the credential allows. */
  readonly scope: Scope & { readonly endpoints: readonly string[] };
}

export function saleOf(
  { price, grants = {} }: Terms,
  target: Target,
  origin: string,
  priceMsat: bigint,
): Sale {
  const { uses, validFor, endpoints } = grants;
  // A prepaid budget below the price of the request that asks for it would be paid for nothing.
  const isTooSmall =
    grants.budget !== undefined && (readAmount(grants.budget) ?? priceMsat) < priceMsat;
  const budget = isTooSmall ? priceMsat : grants.budget;
  const bought = uses ?? (budget === undefined && validFor === undefined ? 1 : undefined);
  // Where each request has a price of its own, the payment for a cheap one must not buy a dear one.
  // [case 41] A path with a star in it would be read as a pattern, and sell more than itself: it
  // names no endpoint.
  const asked = target.path.includes("*") ? [] : [`${target.method} ${origin}${target.path}`];
  const isCapped = typeof price === "function" && budget === undefined;
  return {
    amountMsat: readAmount(budget) ?? priceMsat,
    scope: {
      endpoints: endpoints?.map((entry) => entry.replace(" /", ` ${origin}/`)) ?? asked,
      expiresIn: validFor ?? DEFAULT_VALIDITY,
      ...(bought !== undefined && { maxUses: bought }),
      ...(budget !== undefined && { budget }),
      ...(isCapped && { maxPrice: priceMsat }),
    },
  };
}

/**
 * Whether a sale covers the very request that asked for it, in patterns that a caveat can hold: not
 * where its path has a `*` or `;`, is longer than a caveat may be, or lies outside of
 * `grants.endpoints`.
 */
export function isSellable({ scope: { endpoints } }: Sale, target: Target): boolean {
  const patterns = endpoints.map((entry) =>
    entry.length <= MAX_ENDPOINT_CHARACTERS ? readEndpoint(entry) : undefined,
  );
  return (
    patterns.every((pattern) => pattern !== undefined) &&
    patterns.some((pattern) => matchesEndpoint(pattern, target))
  );
}

const MAX_ENDPOINT_CHARACTERS = 900;
