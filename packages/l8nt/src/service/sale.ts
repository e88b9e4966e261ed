/** Selling a request: what a payment buys, and the challenge for it. spec/3-challenge.md §5. */
import { type Amount, msat, parseMsat } from "../amount.ts";
import {
  type Base,
  type Duration,
  durationSeconds,
  formatOrigin,
  matchesEndpoint,
  readEndpoint,
  type Scope,
  soldPriceCaveat,
  type Target,
  targetAt,
} from "../caveat/index.ts";
import { AdapterError, type SigilError } from "../errors.ts";
import { prefersNoInvoice } from "../http/prefer.ts";
import { readInvoice } from "../invoice/read.ts";
import { type Offer, Refused } from "../wire/problem.ts";
import type { Place } from "./challenge-limits.ts";
import type { PaywallContext } from "./context.ts";
import type { PricedRequest } from "./decision.ts";
import type { OpenRoutes } from "./open-routes.ts";
import type { Terms } from "./terms.ts";

const DEFAULT_VALIDITY: Duration = "1h";

/** What a payment buys. */
export interface Sale {
  /** What the invoice asks for: the request's price, or the whole of a prepaid budget. */
  readonly amountMsat: bigint;
  /** What the credential allows. */
  readonly scope: Scope & { readonly endpoints: readonly string[] };
  /** More caveats of the credential. */
  readonly caveats: readonly string[];
}

/** What else decides how a sale is bound to its price. */
export interface Bound {
  /** Hash of the request that was priced. */
  readonly hash?: () => string | undefined;
  /** Whether some open route may ask more than the price. */
  readonly hasDearer?: boolean;
}

export function saleOf(
  { price, grants = {} }: Terms,
  target: Target,
  base: Base,
  priceMsat: bigint,
  { hash = () => undefined, hasDearer = false }: Bound = {},
): Sale {
  const { uses, usesPerMinute, usesPerHour, usesPerDay, validFor, endpoints } = grants;
  // A prepaid budget below the price of the request that asks for it would be paid for nothing.
  const prepaid = parseMsat(grants.budget);
  const budget = prepaid !== undefined && prepaid < priceMsat ? priceMsat : prepaid;
  const bought = uses ?? (budget === undefined && validFor === undefined ? 1 : undefined);
  // The payment for a cheap request must not buy a dear one, and none that has a price in another
  // unit: if each request has a price of its own [case 41], and if a router leads requests of one
  // method and path to several routes, by a field. It buys the very request that was priced also if
  // the price has risen since the challenge. A path with a star in it would be read as a pattern
  // and sell more than itself, so it names no endpoint.
  const asked = target.path.includes("*")
    ? []
    : [`${target.method} ${formatOrigin(base.origin)}${target.path}`];
  // What is prepaid is spent on dear requests too, at their price, and the very request takes no
  // more than all of it. Its cap is all of it, and keeps it to its unit: a holder may append a
  // budget in another one, which nobody has paid for.
  const isByRequest = typeof price === "function";
  // Endpoints that are named are sold whatever their routes ask.
  const mayReachDearer = hasDearer && budget === undefined && endpoints === undefined;
  const request = isByRequest || mayReachDearer ? hash() : undefined;
  const isCapped = isByRequest || mayReachDearer || budget !== undefined;
  return {
    amountMsat: budget ?? priceMsat,
    scope: {
      endpoints: endpoints?.map((entry) => entry.replace(" /", ` ${base.text}/`)) ?? asked,
      expiresIn: validFor ?? DEFAULT_VALIDITY,
      ...(bought !== undefined && { maxUses: bought }),
      ...(usesPerMinute !== undefined && { maxUsesPerMinute: usesPerMinute }),
      ...(usesPerHour !== undefined && { maxUsesPerHour: usesPerHour }),
      ...(usesPerDay !== undefined && { maxUsesPerDay: usesPerDay }),
      ...(budget !== undefined && { budget: `${budget} msat` as const }),
    },
    caveats: isCapped ? [soldPriceCaveat(msat(budget ?? priceMsat), request)] : [],
  };
}

/**
 * Whether a sale covers the very request that asked for it, in patterns that a caveat can hold. It
 * does not if the path has a `*` or `;`, is longer than a caveat may be, or lies outside of
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
/** A node that restarts is often back within that time. */
const WALLET_RETRY_SECONDS = 10;

/** Offers requests on the terms of one route. */
export class Sales {
  readonly #terms: Terms;
  readonly #context: PaywallContext;
  readonly #open: OpenRoutes;

  /** @throws TypeError for terms that could never be minted: before the first customer */
  constructor(terms: Terms, context: PaywallContext, open: OpenRoutes) {
    this.#terms = terms;
    this.#context = context;
    this.#open = open;
    const sample = targetAt("GET", context.base.origin, "/")!;
    const { scope } = saleOf(terms, sample, context.base, 0n);
    context.authority.minter.check({ budget: "0 sat", ...scope });
  }

  /** Whether a request with this price is for sale. */
  sells({ unit }: Amount): boolean {
    const { price } = this.#terms;
    return price !== undefined && unit === "msat" && this.#context.invoicer !== undefined;
  }

  /** Refuses because of `why`, with an invoice that would buy the request. */
  offer(request: PricedRequest, why: SigilError): Refused | Promise<Refused> {
    return this.sells(request.price)
      ? this.#offer(request, why)
      : new Refused(why, { status: 401, ...this.#context.stated });
  }

  async #offer(request: PricedRequest, why: SigilError): Promise<Refused> {
    const { authority, clock, base, challenges, proxies } = this.#context;
    const { target, price } = request;
    // A credential that is bought now would not be let in.
    const standstill = authority.revocations.standstill(clock());
    if (standstill !== undefined) return new Refused(standstill);
    const { hash } = request;
    const hasDearer = this.#open.hasDearer(price);
    const sale = saleOf(this.#terms, target, base, price.value, { hash, hasDearer });
    if (!isSellable(sale, target)) return new Refused(notForSale());
    const unserved = await this.#unserved(sale);
    if (unserved !== undefined) return new Refused(unserved);
    if (prefersNoInvoice(request.facts.prefer))
      return new Refused(why, { uninvoiced: { at: clock() } });
    proxies.see(request.facts);
    const place = challenges.take(request.facts.clientAddress, clock());
    if (place.waitSeconds > 0) return new Refused(tooManyRequests(place));
    try {
      const offer = await challenges.making(() => this.#invoiced(sale));
      challenges.given(place, offer.invoice.paymentHash);
      return new Refused(why, { offer, ...this.#context.stated });
    } catch (cause) {
      this.#context.alarm("l8nt: the wallet made no invoice", cause);
      return new Refused(
        new AdapterError("ERR_WALLET", "No invoice could be made just now. Try again later.", {
          cause,
          retryAfterSeconds: WALLET_RETRY_SECONDS,
        }),
      );
    }
  }

  /**
   * Why the books would deny what is sold: a clock that was ahead may have made them forget what
   * ends as late. [case 109]
   */
  async #unserved({
    scope: { expiresIn = DEFAULT_VALIDITY, maxUses, budget },
  }: Sale): Promise<AdapterError | undefined> {
    if (maxUses === undefined && budget === undefined) return undefined;
    const { ledger, clock } = this.#context;
    const now = clock();
    const expiresAt = now + durationSeconds(expiresIn, "validFor");
    // A counter that nothing was ever counted in.
    const counted = { id: "sale", kind: "uses", max: 1n, expiresAt } as const;
    try {
      const [usage] = await ledger.usage([counted], now);
      return usage !== undefined && usage.used > 0n ? clockWasAhead() : undefined;
    } catch (cause) {
      if (cause instanceof AdapterError) return cause;
      throw cause;
    }
  }

  async #invoiced({ amountMsat, scope, caveats }: Sale): Promise<Offer> {
    const { authority, invoicer, invoiceExpirySeconds, invoiceDescription, clock } = this.#context;
    const text = await invoicer!.createInvoice({
      amountMsat,
      expirySeconds: invoiceExpirySeconds,
      description: invoiceDescription,
    });
    const { invoice } = readInvoice(text);
    if (invoice.amountMsat !== amountMsat)
      throw new AdapterError(
        "ERR_WALLET",
        "The wallet made an invoice for another amount than it was asked for.",
      );
    const at = clock();
    const endsAt = at + durationSeconds(scope.expiresIn ?? DEFAULT_VALIDITY, "validFor");
    const mark = this.#context.sold.marks.write(invoice.paymentHash, { amountMsat, endsAt });
    return { challenge: authority.minter.challenge(scope, invoice, caveats, mark), invoice, at };
  }
}

const notForSale = (): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    "No credential that is sold here would cover this request, so there is nothing to pay.",
  );

const clockWasAhead = (): AdapterError =>
  new AdapterError(
    "ERR_STORE",
    "Nothing is sold: this service's clock was ahead, and its books cannot tell what ends now from what was used up then. A sale that is valid for longer can be served.",
  );

const tooManyRequests = ({ waitSeconds: retryAfterSeconds, isBusy }: Place): AdapterError =>
  new AdapterError(
    "ERR_RATE_LIMITED",
    isBusy
      ? "The wallet is making as many invoices as it may at once. Wait, and send the request again."
      : "Too many challenges were requested and not paid. Pay one of them, or wait.",
    { retryAfterSeconds },
  );
