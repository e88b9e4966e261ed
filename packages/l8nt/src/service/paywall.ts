/**
 * A paywall: stands in front of the routes of a service. It can mint and invoice, and never pay.
 * spec/3-challenge.md.
 */

import { type Amount, type AmountText, readAmountOption } from "../amount.ts";
import { durationSeconds } from "../caveat/duration.ts";
import { type ChainLimit, type Duration, readBase } from "../caveat/index.ts";
import { formatInstant } from "../caveat/instant.ts";
import type { RevocationList, Verifier } from "../credential/index.ts";
import { HolderProofs } from "../holder/proofs.ts";
import { randomBytes } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { bareLine } from "../l402/challenge-lines.ts";
import { Authority, type SecretSource, type Verified } from "../l402/index.ts";
import { Keeper, type KeeperOptions, keepSeconds } from "../ledger/index.ts";
import { TopUps } from "../ledger/top-ups.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { ALL_NODES, type StandingDirective } from "../ports/directives.ts";
import { type Facts, MADE_AT } from "../ports/facts.ts";
import type { Foldable } from "../ports/folding.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { SalesBook } from "../ports/sales.ts";
import type { Store } from "../ports/store.ts";
import type { Invoicer } from "../ports/wallet.ts";
import { AnyFormVerifier } from "../public-key/any-form.ts";
import type { Datalog } from "../public-key/datalog.ts";
import { IssuerDirectory } from "../public-key/directory.ts";
import { BiscuitVerifier } from "../public-key/verifier.ts";
import { keyedSeal } from "../receipt/checkpoint.ts";
import { MemoryStore } from "../stores/memory.ts";
import { AbandonedUses } from "./abandoned.ts";
import { ChallengeLimits } from "./challenge-limits.ts";
import type { PaywallContext } from "./context.ts";
import type { Decision } from "./decision.ts";
import { discovery } from "./discovery.ts";
import { factsOf } from "./facts.ts";
import { lateInvoicer } from "./late-invoicer.ts";
import { type LlmsText, llmsText } from "./llms-text.ts";
import { OpenRoutes } from "./open-routes.ts";
import { withPrices } from "./openapi.ts";
import { ProxyWatch } from "./proxied.ts";
import { refund } from "./refunds.ts";
import { Repeats } from "./repeats.ts";
import { type RevocationsOption, Revoking } from "./revoking.ts";
import { Route } from "./route.ts";
import {
  type SalesQuery,
  type SalesTotal,
  type SalesTotalsQuery,
  salesIn,
  totalsIn,
} from "./sales-list.ts";
import { type SignedFacts, signerOf } from "./signing.ts";
import { type OnSale, type Sale, Sold } from "./sold.ts";
import { COMMON_TERMS, type CommonTerms, checkTerms, maySell, type Terms } from "./terms.ts";

export interface ChallengesPerMinute {
  /**
   * To one client: an IPv4 address, or an IPv6 /64. The networks around it may have a few times as
   * many: 8 times in an IPv4 /24, and 2, 4 and 16 times in an IPv6 /56, /48 and /32, but no more
   * than a quarter of `total`.
   *
   * @default 60
   */
  readonly perClient?: number;
  /**
   * In all. A quarter of it is kept for clients of networks (IPv4 /24, IPv6 /32) that have paid for
   * every challenge of the last 10 minutes. Clients of networks that have paid for more challenges
   * than they have open do not wait for it.
   *
   * @default 6000
   */
  readonly total?: number;
}

export interface TopUpOptions {
  readonly amount: AmountText;
  /** Unix seconds. */
  readonly until: number;
  /** For the journal. */
  readonly reason?: string;
}

export interface AuthorizeOptions {
  /** The peer's address, from the socket or from a trusted proxy. */
  readonly address?: string | undefined;
}

export interface PaywallOptions extends CommonTerms {
  /** Mints and verifies. Give either this, or `secret` and `location`. */
  readonly authority?: Authority;
  /**
   * 32 random bytes or more, or their hex; or a function that is called at the first request. While
   * it is undefined, as in a build that loads the module without the secrets of the server,
   * requests are answered 503, `ERR_SECRET`, and `ready()` rejects.
   */
  readonly secret?: SecretSource | undefined;
  /**
   * Origins, such as `https://treasury.example`, whose credentials of the public-key form are
   * taken. Their keys are fetched from there. Without a `secret` no other credentials are taken,
   * and nothing is sold. Challenges list them: 16 at most, 1,024 characters in all. Paywalls of one
   * process may share an `IssuerDirectory` of `l8nt/biscuit`, so that each key is fetched once.
   *
   * @default none
   */
  readonly trust?: readonly string[] | IssuerDirectory;
  /**
   * Judges blocks of other makers in credentials of trusted issuers, such as `biscuitDatalog` of
   * `l8nt/biscuit`.
   *
   * @default nobody: a credential with such a block is refused
   */
  readonly datalog?: Datalog | undefined;
  /**
   * Fetches the keys of trusted issuers. In Node, Bun and Deno the default lets their names lead to
   * public addresses only, and uses no proxy; in Workers and browsers it is the platform's own.
   *
   * @default a fetch that reaches public addresses, and those that `trust` names
   */
  readonly fetch?: typeof fetch;
  /**
   * Whether names of trusted issuers may lead to private networks: 10.0.0.0/8, 172.16.0.0/12,
   * 192.168.0.0/16, 100.64.0.0/10 and fc00::/7. Loopback and link-local addresses stay out of
   * reach. An issuer that is listed by its address, or as `localhost`, needs no permission.
   *
   * @default false
   */
  readonly allowPrivateIssuers?: boolean;
  /**
   * The public URL of this service; a `Host` header is not believed. Give it a path, such as
   * `https://example.com/api`, only where a proxy removes that path from the requests that arrive
   * here: it is put before the path of each request that is judged or sold.
   */
  readonly location?: string;
  /**
   * Makes the invoices; or a function that opens what makes them, called at the first sale and
   * again after a failure. Without one nothing is sold, and only minted credentials are accepted.
   */
  readonly invoicer?: Invoicer | (() => Invoicer | Promise<Invoicer>);
  /**
   * Counts uses and prepaid budgets. What a process left under way when it died counts as used: at
   * the next start, or, in a store that several processes share, as {@link Paywall.heartbeat} says.
   *
   * @default a store in memory: a restart forgets what was used
   */
  readonly store?: Ledger &
    Partial<Foldable & SalesBook & Pick<Facts, "fact" | "setFact"> & Pick<Store, "now">>;
  /**
   * How long a durable store keeps the entries of uses in its journal, an hour or more. What is
   * older is summed up and removed, with the counters of credentials that have ended.
   *
   * @default "1d"
   */
  readonly keep?: Duration;
  /**
   * Called for each sale, once it is written down; see {@link OnSale}.
   *
   * @default nobody is told
   */
  readonly onSale?: OnSale;
  /**
   * How long a store keeps each sale for {@link Paywall.sales}, an hour or more, and until its
   * credential has ended. What is older is summed up by day and route, and removed.
   *
   * @default "90d"
   */
  readonly keepSales?: Duration;
  /**
   * Where revocations are kept and read from.
   *
   * @default in memory: a restart forgets them, and other instances do not learn of them
   */
  readonly revocations?: RevocationsOption;
  readonly clock?: Clock;
  /**
   * How many unpaid challenges are given in a minute, by this process. A challenge that is paid
   * counts no more once its credential is presented here.
   */
  readonly challengesPerMinute?: ChallengesPerMinute;
  /**
   * How long an invoice can be paid.
   *
   * @default "10m"
   */
  readonly invoiceExpiry?: Duration;
  /**
   * What payers and their wallets see.
   *
   * @default "L402"
   */
  readonly invoiceDescription?: string;
  /**
   * The paywall of this service, in this process, that this one is made to take the place of, as
   * with other prices. What was kept of it goes on here: answers to repeated requests, the keys of
   * issuers that both trust, without other `challengesPerMinute` the counts of unpaid challenges,
   * and, where this one has no `store` or no `revocations` of its own, the counts and the
   * revocations that the other had in memory. It may still end what it serves.
   */
  readonly replaces?: Paywall;
  /**
   * Called with what the operator should look at: a price function or a wallet that fails.
   *
   * @default console.error
   */
  readonly alarm?: (what: string, cause: unknown) => void;
}

const OPTIONS = {
  authority: true,
  secret: true,
  trust: true,
  datalog: true,
  fetch: true,
  allowPrivateIssuers: true,
  location: true,
  invoicer: true,
  store: true,
  keep: true,
  onSale: true,
  keepSales: true,
  revocations: true,
  clock: true,
  challengesPerMinute: true,
  invoiceExpiry: true,
  invoiceDescription: true,
  replaces: true,
  alarm: true,
  ...COMMON_TERMS,
} satisfies Keys<PaywallOptions>;
const AUTHORIZE = { address: true } satisfies Keys<AuthorizeOptions>;
const TOP_UP = { amount: true, until: true, reason: true } satisfies Keys<TopUpOptions>;
const RATES = { perClient: true, total: true } satisfies Keys<ChallengesPerMinute>;

/** The default alarm; many alarms have no cause. */
const printed = (what: string, cause: unknown): void =>
  cause === undefined ? console.error(what) : console.error(what, cause);

/**
 * Asks for an L402 credential, judges it and counts its use.
 *
 * @example
 * const location = "https://api.weather.example";
 * const paywall = new Paywall({ secret, location, invoicer: wallet });
 * app.get("/forecast", paid(paywall, { price: "10 sat" }), (c) => c.json(forecast()));
 */
export class Paywall {
  readonly authority: Authority;
  readonly #context: PaywallContext;
  readonly #open = new OpenRoutes();
  readonly #defaults: Terms;
  readonly #revoking: Revoking;
  readonly #abandoned: AbandonedUses;
  readonly #sold: Sold;
  readonly #book: Ledger & Partial<SalesBook>;
  /** What a paywall that takes the place of this one goes on with. */
  readonly #inMemory: {
    readonly store?: NonNullable<PaywallOptions["store"]>;
    readonly revocations?: RevocationList;
    readonly topUps?: TopUps;
  };
  #own: Route | undefined;

  /** @throws TypeError for options that cannot work: here, and not at the first request */
  constructor(options: PaywallOptions) {
    const { price, grants, capability, invoicer, clock = systemClock } = options;
    const { challengesPerMinute = {}, invoiceExpiry = "10m", replaces } = options;
    checkKeys(options, OPTIONS, "a paywall");
    checkKeys(challengesPerMinute, RATES, "a paywall's challengesPerMinute");
    const { perClient = 60, total = 6000 } = challengesPerMinute;
    for (const [name, rate] of Object.entries({ perClient, total }))
      if (!(Number.isSafeInteger(rate) && rate > 0))
        throw new TypeError(`challengesPerMinute.${name} must be a whole number, 1 or more`);
    const kept = replaces === undefined ? undefined : replaces.#inMemory;
    const revocations = options.revocations === undefined ? kept?.revocations : undefined;
    this.authority = options.authority ?? ownAuthority(options, clock, revocations);
    const base = readBase(this.authority.location);
    if (base === undefined)
      throw new TypeError(
        "a paywall's location must be the http(s) URL that clients call, without a query, a fragment, or `*`, `;` or an encoded slash in its path",
      );
    const alarm = options.alarm ?? printed;
    const ledger = options.store ?? kept?.store ?? new MemoryStore();
    const directives =
      options.revocations === undefined
        ? { revocations: this.authority.revocations, topUps: kept?.topUps ?? new TopUps() }
        : {};
    this.#inMemory = { ...directives, ...(options.store === undefined && { store: ledger }) };
    this.#abandoned = new AbandonedUses(ledger, clock);
    const keeping = { authority: this.authority, clock, alarm };
    const keepers = { keep: options.keep ?? "1d", keepSales: options.keepSales ?? "90d" };
    const keeper = keeperOf(ledger, keepers, keeping);
    if (options.onSale !== undefined && ledger.sell === undefined)
      throw new TypeError("onSale needs a store that keeps sales, and this one has no `sell`");
    const { onSale } = options;
    this.#sold = new Sold({ ...keeping, book: ledger, onSale });
    this.#book = ledger;
    const before = replaces === undefined ? undefined : replaces.#context;
    const sameRates = options.challengesPerMinute === undefined;
    const issuers = trusted(options, before?.issuers, { clock, alarm });
    this.#context = {
      authority: this.authority,
      verifier: verifierOf(this.authority, issuers, options.datalog),
      issuers,
      stated: {
        enforced: this.authority.vocabulary.names,
        ...(issuers !== undefined && { issuers: issuers.issuers }),
      },
      base,
      holders: before?.holders ?? new HolderProofs(clock),
      ledger,
      topUps: directives.topUps ?? new TopUps(),
      abandoned: this.#abandoned,
      keeper,
      repeats: before?.repeats ?? new Repeats(),
      sold: this.#sold,
      invoicer: typeof invoicer === "function" ? lateInvoicer(invoicer) : invoicer,
      clock,
      challenges: (sameRates && before?.challenges) || new ChallengeLimits({ perClient, total }),
      proxies: new ProxyWatch(alarm),
      invoiceExpirySeconds: durationSeconds(invoiceExpiry, "invoiceExpiry"),
      invoiceDescription: options.invoiceDescription ?? "L402",
      alarm,
    };
    this.#defaults = {
      ...(price !== undefined && { price }),
      ...(grants !== undefined && { grants }),
      ...(capability !== undefined && { capability }),
      ...(options.metered !== undefined && { metered: options.metered }),
      ...(options.free !== undefined && { free: options.free }),
    };
    checkTerms(this.#defaults, this.authority.location);
    this.#abandoned.end().catch((error: unknown) => alarm("l8nt: a start failed", error));
    this.#sold.tell();
    // Last, because following the revocations goes on until `close`.
    const { authority, topUps } = this.#context;
    this.#revoking = new Revoking(options.revocations, { authority, topUps, clock, alarm });
  }

  /**
   * Resolves once the revocations are read, and what an earlier process left under way has ended.
   * Until the revocations are read every answer to a credential is 503.
   *
   * @throws AdapterError `ERR_STORE`, `ERR_SECRET`; `ERR_CHECKPOINT` if what was summed up of the
   * journal is not what this paywall signed
   */
  async ready(): Promise<void> {
    this.authority.readSecret();
    const { keeper } = this.#context;
    await Promise.all([this.#revoking.ready(), this.#abandoned.end(), keeper?.check()]);
  }

  /**
   * Says in a store that several processes share that this one lives, and counts what those left
   * under way that have said nothing for 40 seconds. Returns how many uses it counted. Call it
   * before the first request and then every 10 seconds, in each process. What a process left that
   * never called it counts once it is 15 minutes old. A store of one process needs no call.
   *
   * @throws AdapterError `ERR_STORE`
   */
  heartbeat(): Promise<number> {
    return this.#abandoned.heartbeat();
  }

  /**
   * Revokes a node and everything below it: here at once, and at every other instance within a
   * second.
   *
   * @param endsAt Unix seconds after which nothing below it can be valid
   * @throws TypeError for anything but a node id
   * @throws AdapterError `ERR_STORE`: the revocation holds in this process alone
   */
  revoke(nodeId: string, endsAt?: number): Promise<void> {
    return this.#revoking.node(nodeId, endsAt);
  }

  /**
   * Denies a node and everything below it, or everything, until it is thawed: here at once, and at
   * every other instance within a second. Answers that are under way are broken off.
   *
   * @default nodeId every node
   * @throws TypeError for anything but a node id, and without `revocations.freezes`
   * @throws AdapterError `ERR_STORE`: the freeze holds in this process alone
   */
  async freeze(nodeId: string = ALL_NODES, reason?: string): Promise<void> {
    await this.#issue("freeze", nodeId, reason);
  }

  /**
   * Ends a freeze of this node, or of all nodes.
   *
   * @default nodeId every node
   * @throws as `freeze`
   */
  async thaw(nodeId: string = ALL_NODES, reason?: string): Promise<void> {
    await this.#issue("thaw", nodeId, reason);
  }

  /**
   * Adds an amount to each of a node's own limits on spending in the same unit, until a time.
   * Limits above and below it stay as they are, and a node without a limit in that unit gets none.
   * Of a limit for each day, the amount is added to each day.
   *
   * @throws TypeError for anything but a node id, an amount above zero and a time to come, and
   * without `revocations.freezes`; AdapterError `ERR_STORE`
   */
  async topUp(nodeId: string, options: TopUpOptions): Promise<void> {
    checkKeys(options, TOP_UP, "a top-up");
    const { amount, until, reason } = options;
    const { value } = readAmountOption(amount, "a top-up's amount");
    if (value === 0n) throw new TypeError("a top-up's amount must be above zero");
    if (!(Number.isFinite(until) && until > this.#context.clock()))
      throw new TypeError("a top-up's until must be a time to come, in Unix seconds");
    const text = `${amount} until ${formatInstant(until)}`;
    await this.#issue("top-up", nodeId, reason === undefined ? text : `${text}: ${reason}`, {
      amount,
      until,
    });
  }

  /**
   * Proves the credentials of every form that is taken here, for a caller that judges requests by
   * it as `facts.verified`. Wait for its `prepare` before `authenticate`.
   */
  get verifier(): Verifier {
    return this.#context.verifier;
  }

  /**
   * A proven credential for one request, with whose key signed it if the credential is bound to
   * one: for a caller that judges requests by `facts.verified`. Without a right signature it is the
   * same as before, and denies. Call it once for each request.
   *
   * @throws AdapterError for a body that is too large to be read; `ERR_RATE_LIMITED` for more
   * signatures than there is room for
   */
  async signed(verified: Verified, request: SignedFacts): Promise<Verified> {
    if (verified.holders.length === 0) return verified;
    const signer = await signerOf(this.#context, verified, request);
    return signer === null ? verified : verified.signedBy(signer);
  }

  /**
   * The `WWW-Authenticate` of a 401 with nothing to pay in it: which caveats are enforced here, and
   * which issuers are trusted.
   */
  get bareChallenge(): string {
    const { enforced, issuers } = this.#context.stated;
    return bareLine(enforced, issuers);
  }

  /** Whether a proven credential was sold here, and not minted. */
  isSold(verified: Pick<Verified, "credential">): boolean {
    return this.#sold.isSold(verified);
  }

  /** The limits of a credential as they are judged now: its caveats', and its nodes' top-ups. */
  limits({ limits }: Pick<Verified, "limits">): readonly ChainLimit[] {
    return this.#context.topUps.limits(limits, this.#context.clock());
  }

  #issue(
    kind: "freeze" | "thaw" | "top-up",
    nodeId: string,
    reason: string | undefined,
    topUp?: StandingDirective["topUp"],
  ): Promise<void> {
    if (!(/^[0-9a-f]{32}$/.test(nodeId) || (nodeId === ALL_NODES && kind !== "top-up")))
      throw new TypeError("a node's id is 32 lowercase hex digits");
    return this.#revoking.issue({
      kind,
      nodeId,
      ...(reason !== undefined && { reason }),
      ...(topUp !== undefined && { topUp }),
    });
  }

  /**
   * Stops following revocations, and folding the journal. A paywall that followed any refuses
   * everything once it has not read them for too long.
   */
  close(): void {
    void this.#context.keeper?.stop();
    this.#revoking.stop();
  }

  /**
   * Opens a route on terms of its own. Terms that are left out are the paywall's.
   * `/.well-known/l402` lists it until `route.close()`; routes with equal terms and the same path
   * are listed once.
   *
   * @throws TypeError for terms that could not be sold, or a price without an invoicer
   */
  route(terms: Terms = {}): Route {
    const whole = { ...this.#defaults, ...terms };
    checkTerms(whole, this.authority.location);
    if (maySell(whole) && this.#context.invoicer === undefined)
      throw new TypeError(
        "a route with a price needs an invoicer: the wallet that its payments go to",
      );
    return new Route(whole, this.#context, this.#open);
  }

  /**
   * Decides about a request on the paywall's own terms.
   *
   * @example
   * const decision = await paywall.authorize(request);
   * if (!decision.granted) return decision.response;
   * return decision.settle(await handler(request, decision.grant));
   */
  async authorize(request: Request, options: AuthorizeOptions = {}): Promise<Decision> {
    checkKeys(options, AUTHORIZE, "authorize");
    this.#own ??= this.route();
    return this.#own.authorize(factsOf(request, options.address));
  }

  /**
   * What was sold, in the order in which it was written down: one page. A purchase is a sale from
   * the first request on that brings its credential; what was paid and never presented is known to
   * the wallet alone.
   *
   * @throws TypeError for a query that cannot be read, or a store that keeps no sales
   * @throws AdapterError `ERR_STORE`
   * @example
   * let after = 0;
   * for (;;) {
   *   const page = await paywall.sales({ after });
   *   if (page.length === 0) break;
   *   for (const { at, route, amount, seq } of page) after = seq;
   * }
   */
  sales(query: SalesQuery = {}): Promise<readonly Sale[]> {
    return salesIn(this.#book, query);
  }

  /**
   * The sums of all sales, by day (UTC) or by route.
   *
   * @throws TypeError for a query that cannot be read, or a store that keeps no sales
   * @throws AdapterError `ERR_STORE`
   */
  totals(query: SalesTotalsQuery): Promise<readonly SalesTotal[]> {
    return totalsIn(this.#book, query);
  }

  /**
   * Gives back what a request has used, as `grant.refund` does, by the `useId` of its grant.
   *
   * @param amount a part of what was spent. @default all of it, and the use
   * @returns whether anything was given back
   * @throws TypeError for what is no `useId`, and for an amount of more than was spent, or in
   * another unit
   * @throws AdapterError `ERR_STORE`
   */
  refund(useId: string, amount?: AmountText | Amount): Promise<boolean> {
    return refund(this.#book, useId, amount, this.#context.clock());
  }

  /**
   * The OpenAPI 3 document of this API with its prices: `x-payment-info` and the L402 security
   * scheme at each operation that an open route with a known path sells, and the answer 402. The
   * document is not changed.
   *
   * @throws TypeError for what is no OpenAPI 3 document
   * @example
   * app.get("/openapi.json", (c) => c.json(paywall.openapi(document)));
   */
  openapi<Document extends object>(document: Document): Document {
    return withPrices(document, this.#open.descriptions);
  }

  /**
   * The text of `/llms.txt`, in the form of llmstxt.org: what this API sells, and how an agent pays
   * for it.
   *
   * @throws TypeError for a text without a title
   * @example
   * app.get("/llms.txt", (c) => c.text(paywall.llmsText({ title: "Weather" })));
   */
  llmsText(text: LlmsText): string {
    return llmsText(text, this.#open.descriptions, this.#context.base.text);
  }

  /** Answers `/.well-known/l402` and what is below it; undefined for any other path. */
  async wellKnown(request: Request): Promise<Response | undefined> {
    const { descriptions } = this.#open;
    return discovery(request, this.#context, descriptions, this.#revoking);
  }
}

/** @throws TypeError for a duration that cannot be kept */
function keeperOf(
  ledger: NonNullable<PaywallOptions["store"]>,
  { keep, keepSales }: { readonly keep: Duration; readonly keepSales: Duration },
  { authority, clock, alarm }: Pick<PaywallContext, "authority" | "clock" | "alarm">,
): Keeper | undefined {
  const seconds = keepSeconds(keep, "keep");
  const salesSeconds = keepSeconds(keepSales, "keepSales");
  const { fold } = ledger;
  if (fold === undefined) return undefined;
  const books: KeeperOptions["books"] = {
    fold: (folding) => fold.call(ledger, folding),
    ...(ledger.now !== undefined && { now: () => ledger.now!() }),
    ...(ledger.fact !== undefined && { fact: (name) => ledger.fact!(name) }),
    ...(ledger.foldSales !== undefined && {
      foldSales: (folding) => ledger.foldSales!(folding),
    }),
    ...(ledger.setFact !== undefined && { setFact: (name, value) => ledger.setFact!(name, value) }),
  };
  const failed = (cause: unknown) => alarm("l8nt: the journal could not be folded", cause);
  // A treasury folds what others write to its books too, and signs with a key of its own.
  const seal = async () =>
    (await books.fact?.(MADE_AT)) === undefined
      ? keyedSeal(authority.derivedKeys("checkpoints"))
      : undefined;
  return new Keeper({ books, clock, keepSeconds: seconds, salesSeconds, seal, failed });
}

/** @throws TypeError for options that are missing, or that do not go together */
function ownAuthority(
  options: PaywallOptions,
  clock: Clock,
  revocations: RevocationList | undefined,
): Authority {
  const { location, trust } = options;
  // It mints nothing, so nobody needs to know the secret.
  const isTrusting = !("secret" in options) && issuersIn(trust).length > 0;
  const secret = isTrusting ? randomBytes(32) : (options.secret ?? (() => undefined));
  const missing = !("secret" in options) && !isTrusting ? "secret" : "location";
  if (location === undefined || missing === "secret")
    throw new TypeError(
      `a paywall needs an authority, or a secret and a location, or \`trust\` and a location: its ${missing} is missing`,
    );
  if (isTrusting && options.invoicer !== undefined)
    throw new TypeError("a paywall that sells needs a secret: what is sold is minted under it");
  // The store has digests and sums that every instance, and every later start, has to recognise.
  if (isTrusting && options.store !== undefined)
    throw new TypeError(
      "a paywall with a store needs a secret, also where it only trusts issuers: what it keeps is keyed by it",
    );
  return new Authority({ secret, location, clock, ...(revocations && { revocations }) });
}

/** @throws TypeError for issuers that cannot be trusted, or not be listed */
function trusted(
  { trust = [], fetch, allowPrivateIssuers }: PaywallOptions,
  before: IssuerDirectory | undefined,
  common: { readonly clock: Clock; readonly alarm: (what: string, cause: unknown) => void },
): IssuerDirectory | undefined {
  if (issuersIn(trust).length === 0) return undefined;
  if (trust instanceof IssuerDirectory) {
    if (fetch !== undefined || allowPrivateIssuers === true)
      throw new TypeError(
        "`trust` is an IssuerDirectory, which has a fetch of its own: leave out fetch and allowPrivateIssuers",
      );
    return trust;
  }
  return new IssuerDirectory({
    ...{ issuers: trust, allowPrivateIssuers, before, ...common },
    ...(fetch && { fetch }),
  });
}

const issuersIn = (trust: PaywallOptions["trust"] = []): readonly string[] =>
  trust instanceof IssuerDirectory ? trust.issuers : trust;

/** The verifier of an authority, or of it and of the issuers that are trusted. */
const verifierOf = (
  { verifier, revocations, ledger, tolerate }: Authority,
  keys: IssuerDirectory | undefined,
  datalog: Datalog | undefined,
): Verifier =>
  keys === undefined
    ? verifier
    : new AnyFormVerifier(
        verifier,
        new BiscuitVerifier({ keys, revocations, ledger, tolerate, datalog }),
      );
