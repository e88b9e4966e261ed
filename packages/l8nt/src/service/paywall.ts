/**
 * A paywall: what stands in front of a service's routes. Holds the power to mint and to invoice;
 * never the power to pay.
 */
import { formatOrigin, readOrigin } from "../caveat/index.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { Authority, presentedIn, type Secret } from "../l402/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { Invoicer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import type { Decision, RequestFacts } from "./decision.ts";
import { discovery } from "./discovery.ts";
import { Limiter } from "./limiter.ts";
import { type RevocationsOption, Revoking } from "./revoking.ts";
import { Route, type RouteContext } from "./route.ts";
import { checkTerms, TERMS, type Terms } from "./terms.ts";

export interface PaywallOptions extends Terms {
  /**
   * What mints and verifies. Or `secret` and `location`, for an authority of this paywall's own.
   */
  readonly authority?: Authority;
  /** 32 random bytes or more, or their hex. */
  readonly secret?: Secret | undefined;
  /** The public URL of this service. Only its origin is believed; a `Host` header is not. */
  readonly location?: string;
  /** Makes the invoices. Without one nothing is sold, and only minted credentials are let in. */
  readonly invoicer?: Invoicer;
  /**
   * Counts uses and prepaid budgets. In memory where it is not given: then a restart forgets what
   * was used.
   */
  readonly store?: Ledger;
  /**
   * Where revocations are kept and heard of. In memory where it is not given: then a restart
   * forgets them, and others do not hear.
   */
  readonly revocations?: RevocationsOption;
  readonly clock?: Clock;
  /** Unpaid challenges a minute: for one client address (an IPv6 /64), and in all. */
  readonly challengesPerMinute?: { readonly perClient?: number; readonly total?: number };
  /** How long an invoice can be paid. */
  readonly invoiceExpirySeconds?: number;
  /** Seen by payers and their wallets. */
  readonly invoiceDescription?: string;
  /**
   * Told what its owner should look at: a price function or a wallet that fails. The console, where
   * it is not given.
   */
  readonly alarm?: (what: string, cause: unknown) => void;
}

const OPTIONS = {
  authority: true,
  secret: true,
  location: true,
  invoicer: true,
  store: true,
  revocations: true,
  clock: true,
  challengesPerMinute: true,
  invoiceExpirySeconds: true,
  invoiceDescription: true,
  alarm: true,
  ...TERMS,
} satisfies Keys<PaywallOptions>;

/** How many client addresses the rate is kept for. */
const CLIENTS = 10_000;

/**
 * Asks for an L402 credential, judges it, counts it.
 *
 * @example
 * const paywall = new Paywall({ secret, location: "https://api.weather.example", invoicer: wallet });
 * app.get("/forecast", paid(paywall, { price: "10 sat" }), (c) => c.json(forecast()));
 */
export class Paywall {
  readonly authority: Authority;
  readonly #context: RouteContext;
  readonly #routes: Route[] = [];
  readonly #defaults: Terms;
  readonly #revoking: Revoking;
  #own: Route | undefined;

  /** @throws TypeError for options that could not work: they fail here, not at the first request */
  constructor(options: PaywallOptions) {
    const { price, grants, capability, invoicer, clock = systemClock } = options;
    const {
      challengesPerMinute: { perClient = 60, total = 6000 } = {},
      invoiceExpirySeconds = 600,
    } = options;
    checkKeys(options, OPTIONS, "a paywall");
    for (const rate of [perClient, total, invoiceExpirySeconds])
      if (!(Number.isSafeInteger(rate) && rate > 0))
        throw new TypeError(
          "challengesPerMinute and invoiceExpirySeconds are whole numbers, 1 or more",
        );
    this.authority = options.authority ?? ownAuthority(options, clock);
    const origin = readOrigin(this.authority.location)!;
    const alarm = options.alarm ?? console.error;
    this.#context = {
      authority: this.authority,
      origin,
      originText: formatOrigin(origin),
      ledger: options.store ?? new MemoryStore(),
      invoicer,
      clock,
      perClient: new Limiter(perClient, CLIENTS),
      total: new Limiter(total, 1),
      invoiceExpirySeconds,
      invoiceDescription: options.invoiceDescription ?? "L402",
      alarm,
    };
    this.#defaults = {
      ...(price !== undefined && { price }),
      ...(grants !== undefined && { grants }),
      ...(capability !== undefined && { capability }),
    };
    checkTerms(this.#defaults, this.authority.location);
    // Last: what it follows goes on until it is closed.
    this.#revoking = new Revoking(options.revocations, { authority: this.authority, clock, alarm });
  }

  /** Resolves once it is known what was revoked. Until then every answer to a credential is 503. */
  ready(): Promise<void> {
    return this.#revoking.ready();
  }

  /**
   * The owner's: kills a node and everything below it, here at once and at every other instance
   * within a second.
   *
   * @param endsAt Unix seconds after which nothing below it can be valid
   * @throws TypeError for what is no node id; AdapterError `ERR_STORE`: then it holds here alone
   */
  revoke(nodeId: string, endsAt?: number): Promise<void> {
    return this.#revoking.node(nodeId, endsAt);
  }

  /**
   * Hears of no more revocations. One that followed any lets nobody in, once the silence is too
   * long.
   */
  close(): void {
    this.#revoking.stop();
  }

  /**
   * A route on terms of its own; what is not given is the paywall's.
   *
   * @throws TypeError for terms that could not be sold, or a price without an invoicer
   */
  route(terms: Terms = {}): Route {
    const whole = { ...this.#defaults, ...terms };
    checkTerms(whole, this.authority.location);
    if (whole.price !== undefined && this.#context.invoicer === undefined)
      throw new TypeError(
        "a route with a price needs an invoicer: the wallet that its payments go to",
      );
    const route = new Route(whole, this.#context);
    this.#routes.push(route);
    return route;
  }

  /**
   * Decides about a request on the paywall's own terms.
   *
   * @example
   * const decision = await paywall.authorize(request);
   * if (!decision.granted) return decision.response;
   * return decision.settle(await handler(request, decision.grant));
   */
  async authorize(request: Request, client: { readonly address?: string } = {}): Promise<Decision> {
    this.#own ??= this.route();
    return this.#own.authorize(factsOf(request, client.address));
  }

  /** Answers `/.well-known/l402` and what is below it; undefined for any other path. */
  async wellKnown(request: Request): Promise<Response | undefined> {
    return discovery(request, this.authority, this.#routes, this.#context.clock, this.#revoking);
  }
}

function ownAuthority({ secret, location }: PaywallOptions, clock: Clock): Authority {
  const missing = secret === undefined ? "secret" : location === undefined ? "location" : undefined;
  if (secret === undefined || location === undefined)
    throw new TypeError(
      `a paywall needs an authority, or a secret and a location: its ${missing} is undefined`,
    );
  return new Authority({ secret, location, clock });
}

/** A `Request` joins several lines of one field by commas, as the facts want them. */
export function factsOf(request: Request, clientAddress?: string): RequestFacts {
  const { authorization, macaroon } = presentedIn(request.headers);
  return {
    method: request.method,
    target: request.url.replace(/^[a-z]+:\/\/[^/?#]*|#.*$/gi, "") || "/",
    authorization,
    macaroon,
    clientAddress,
    request: () => request,
  };
}
