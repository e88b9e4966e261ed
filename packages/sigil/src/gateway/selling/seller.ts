/** What one service sells for sat: which of its routes, at what price, and what a payment buys. */
import type { IncomingMessage } from "node:http";
import type { Amount, Unit } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Grants, Paywall, Route } from "l8nt/service";
import { Bodies, type HeldBody } from "../core/body.ts";
import type { RoutesOptions, Rule, ServedRoute } from "../routes.ts";
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

/** How one route is sold. */
export interface Sale {
  /** Sells, at the price that it is given if it is metered. */
  readonly route: Route;
  /** Undefined of a metered route. */
  readonly flat: Amount | undefined;
}

/** Of bodies that are read to state a price before anything was paid. Chats are smaller. */
const SMALL_BYTES = 256 * 1024;
const MIB = 1024 * 1024;

/** Above it the paths of all routes leave no room for a challenge in 4 KiB. */
const MAX_ENDPOINTS_CHARACTERS = 600;

export class Seller {
  readonly terms: SaleTerms;
  readonly prices: SatPrices;
  /** What is held of requests that have not paid. Large ones leave the small ones their room. */
  readonly #small = new Bodies({ each: SMALL_BYTES, total: 16 * MIB });
  readonly #large = new Bodies({ total: 64 * MIB });
  readonly #metered: ReadonlyMap<Rule, Sale>;
  readonly #flat: ReadonlyMap<Rule, Sale>;

  /** @throws TypeError for a price or terms that could never be sold */
  constructor({
    paywall,
    terms,
    prices,
    rules,
    price: common,
  }: {
    readonly paywall: Paywall;
    readonly terms: SaleTerms;
    readonly prices: SatPrices;
    readonly rules: readonly Rule[];
    /** Of requests that neither a rule nor a meter has a price for. */
    readonly price: RoutesOptions["price"];
  }) {
    this.terms = terms;
    this.prices = prices;
    const sold = rules.filter(({ access }) => access === "paid");
    const endpoints = [...new Set(sold.map(pathOf))];
    // What is prepaid is good for all that is sold here, each at its price.
    const isShort = endpoints.join().length <= MAX_ENDPOINTS_CHARACTERS;
    const { validFor, prepaidMsat } = terms;
    const prepaid: Grants = {
      budget: `${prepaidMsat ?? 1n} msat`,
      validFor,
      ...(isShort && { endpoints }),
    };
    const once: Grants = { uses: 1, validFor };
    const ofRules = (sell: (rule: Rule) => Sale | undefined): ReadonlyMap<Rule, Sale> =>
      new Map(
        sold.flatMap((rule) => {
          const sale = sell(rule);
          return sale === undefined ? [] : [[rule, sale] as const];
        }),
      );
    this.#flat = ofRules((rule) => {
      const flat = rule.price === undefined || rule.price === "meter" ? common : rule.price;
      if (typeof flat !== "object" || flat.unit !== "msat") return undefined;
      const grants = prepaidMsat === undefined ? once : prepaid;
      const isWhole = flat.value % 1000n === 0n;
      const price = isWhole
        ? (`${flat.value / 1000n} sat` as const)
        : (`${flat.value} msat` as const);
      return { route: paywall.route({ price, path: pathOf(rule), grants }), flat };
    });
    this.#metered = ofRules((rule) => {
      if (rule.price !== undefined && rule.price !== "meter") return undefined;
      const metered = { price: unasked, metered: true, path: pathOf(rule), grants: prepaid };
      return { route: paywall.route(metered), flat: undefined };
    });
  }

  /** Undefined for a request that is not for sale. */
  saleOf({ rule, charge }: Pick<ServedRoute, "rule" | "charge">): Sale | undefined {
    if (charge.kind === "meter") return this.#metered.get(rule);
    return charge.kind === "flat" ? this.#flat.get(rule) : undefined;
  }

  /** Bytes that are held now of requests that have not paid. */
  get unpaidHeld(): number {
    return this.#small.held + this.#large.held;
  }

  /**
   * Reads a request that has not paid, for its price. What would not be read of one that has paid
   * is not read either.
   *
   * @throws UnreadBody
   */
  readUnpaid(incoming: IncomingMessage, holder: string): Promise<HeldBody> {
    const length = Number(incoming.headers["content-length"] ?? Number.NaN);
    return (length <= SMALL_BYTES ? this.#small : this.#large).read(incoming, holder);
  }

  /** What a payment for a request of that cost is, in msat: whole sat, which every wallet pays. */
  amountFor(msat: bigint): bigint {
    const { prepaidMsat = 0n, mostMsat } = this.terms;
    const whole = ((msat + 999n) / 1000n) * 1000n;
    const least = prepaidMsat > 1000n ? prepaidMsat : 1000n;
    const amount = whole < least ? least : whole;
    return amount < mostMsat ? amount : mostMsat;
  }
}

/** The gateway reads a request and says its price itself. */
const unasked = (): never => {
  throw new TypeError("a metered route was asked for its price");
};

/**
 * The unit that a credential pays in on a route that is for sale; undefined for one without a
 * budget. Its first budget says so: what a holder appends in another unit pays for nothing. What
 * was sold pays in msat, and a single call has no budget at all.
 */
export function unitPaid({ limits }: Pick<Verified, "limits">, isSold: boolean): Unit | undefined {
  const units = limits.flatMap(({ kind, unit }) => (kind === "spend" ? [unit] : []));
  if (!isSold) return units[0];
  return units.includes("msat") ? "msat" : undefined;
}

/** In the form of an endpoint, whose stars stand for whole segments. */
const pathOf = ({ methods, path }: Rule): string =>
  `${methods?.join("|") ?? "*"} ${path
    .split("/")
    .map((segment) => (/[{*]/.test(segment) && segment !== "**" ? "*" : segment))
    .join("/")}`;
