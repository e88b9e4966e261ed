/** What one service sells for sat: which of its routes, at what price, and what a payment buys. */
import type { AmountText } from "l8nt";
import { type Amount, parseAmount, type Unit } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Grants, Paywall, Route } from "l8nt/service";
import { Bodies } from "../core/body.ts";
import type { PresetRoute } from "../presets/preset.ts";
import type { SatPrices } from "./sat-prices.ts";

/** Terms of everything that a gateway sells. */
export interface SaleTerms {
  /**
   * The least that a payment for metered or prepaid calls is, in msat: what is not used stays on
   * the credential. Undefined: the estimate of the request on metered routes, and one call on those
   * with a flat price.
   */
  readonly prepaidMsat: bigint | undefined;
  /**
   * The most that one payment is, in msat. A request that could cost more gets a lower output cap.
   */
  readonly mostMsat: bigint;
  /** How long what was bought is valid, from the challenge on. */
  readonly validFor: `${number}${"s" | "m" | "h" | "d"}`;
}

export const DEFAULT_TERMS: SaleTerms = {
  prepaidMsat: undefined,
  mostMsat: 10_000_000n,
  validFor: "30d",
};

/** A route that is for sale. */
export interface PricedRoute {
  readonly route: PresetRoute;
  /** Of each request; `meter`: what its tokens come to. */
  readonly price: AmountText | "meter";
}

/** How one route is sold. */
export interface Sale {
  /** Sells, at the price that it is given if it is metered. */
  readonly route: Route;
  /** Undefined of a metered route. */
  readonly flat: Amount | undefined;
}

/**
 * Bodies that are read to state a price before anything was paid: chats are smaller. A larger body
 * is not read, and gets the challenge for the prepaid amount.
 */
const UNPAID_BODIES = { each: 256 * 1024, total: 16 * 1024 * 1024 } as const;
/** Above it the paths of all routes leave no room for a challenge in 4 KiB. */
const MAX_ENDPOINTS_CHARACTERS = 600;

export class Seller {
  readonly terms: SaleTerms;
  readonly prices: SatPrices;
  /** What is held of requests that have not paid. */
  readonly unpaidBodies = new Bodies(UNPAID_BODIES);
  readonly #sales: ReadonlyMap<PresetRoute, Sale>;

  /** @throws TypeError for a price or terms that could never be sold */
  constructor({
    paywall,
    terms,
    prices,
    routes,
  }: {
    readonly paywall: Paywall;
    readonly terms: SaleTerms;
    readonly prices: SatPrices;
    readonly routes: readonly PricedRoute[];
  }) {
    this.terms = terms;
    this.prices = prices;
    const paths = routes.map(({ route }) => pathOf(route));
    const endpoints = [...new Set(paths)];
    // What is prepaid is good for all that is sold here, each at its price.
    const isShort = endpoints.join().length <= MAX_ENDPOINTS_CHARACTERS;
    const { validFor, prepaidMsat } = terms;
    const prepaid: Grants = {
      budget: `${prepaidMsat ?? 1n} msat`,
      validFor,
      ...(isShort && { endpoints }),
    };
    const once: Grants = { uses: 1, validFor };
    this.#sales = new Map(
      routes.map(({ route, price }, at): readonly [PresetRoute, Sale] => {
        const path = paths[at]!;
        if (price === "meter") {
          const metered = { price: unasked, metered: true, path, grants: prepaid };
          return [route, { route: paywall.route(metered), flat: undefined }];
        }
        const grants = prepaidMsat === undefined ? once : prepaid;
        return [route, { route: paywall.route({ price, path, grants }), flat: flatOf(price) }];
      }),
    );
  }

  /** Undefined for a route that is not for sale. */
  saleOf(route: PresetRoute): Sale | undefined {
    return this.#sales.get(route);
  }

  /** What a payment for a request of that cost is, in msat: whole sat, which every wallet pays. */
  amountFor(msat: bigint): bigint {
    const { prepaidMsat = 0n, mostMsat } = this.terms;
    const whole = ((msat + 999n) / 1000n) * 1000n;
    const least = prepaidMsat > 1000n ? prepaidMsat : 1000n;
    const amount = whole < least ? least : whole;
    return amount < mostMsat ? amount : mostMsat;
  }

  /** For a request that was not read. */
  get amountUnread(): bigint {
    return this.terms.prepaidMsat ?? this.terms.mostMsat;
  }
}

function flatOf(price: AmountText): Amount {
  const amount = parseAmount(price);
  if (amount?.unit !== "msat")
    throw new TypeError('the price of a route that is sold is an amount in sat, such as "10 sat"');
  return amount;
}

/** The gateway reads a request and says its price itself. */
const unasked = (): never => {
  throw new TypeError("a metered route was asked for its price");
};

/**
 * The unit that a credential pays in on a route that is for sale; undefined for one without a
 * budget. What was sold has a budget in msat and a `sold_price`, so that a budget in US dollars
 * that a holder appends pays for nothing.
 */
export const unitPaid = ({ limits }: Pick<Verified, "limits">): Unit | undefined => {
  const units = limits.flatMap(({ kind, unit }) => (kind === "spend" ? [unit] : []));
  return units.includes("msat") ? "msat" : units[0];
};

/** In the form of an endpoint, whose stars stand for whole segments. */
const pathOf = ({ method, path }: PresetRoute): string =>
  `${method} ${path
    .split("/")
    .map((segment) => (/[{*]/.test(segment) && segment !== "**" ? "*" : segment))
    .join("/")}`;
