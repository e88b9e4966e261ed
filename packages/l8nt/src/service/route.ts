/** One protected route: judges a request, in an order that keeps the cheap checks first. */
import type { Amount } from "../amount.ts";
import {
  type Access,
  countedPrice,
  formatOrigin,
  type Target,
  targetAt,
  uncountedSpend,
  withUncounted,
} from "../caveat/index.ts";
import { AdapterError, BudgetError, type DeniedError, denied, TokenError } from "../errors.ts";
import { fingerprintOf } from "../http/fingerprint.ts";
import { authenticateFields, prepareFields, type Verified } from "../l402/index.ts";
import { type Claim, claimUse } from "../ledger/claim.ts";
import type { Resolution } from "../ports/ledger.ts";
import { grpcType } from "../wire/grpc.ts";
import { Refused } from "../wire/problem.ts";
import { isPayable, isUnproven } from "./answer.ts";
import { Answered } from "./answered.ts";
import type { PaywallContext } from "./context.ts";
import type { Decision, Grant, PricedRequest, RequestFacts } from "./decision.ts";
import { headersWithoutCredential } from "./forwarded.ts";
import { type FreeClaim, FreeRequests } from "./free-quota.ts";
import { claimedGrant, grant, uncounted } from "./grant.ts";
import { Guard, guardOf, hasCredential, leaveGuard, presentedBy } from "./guard.ts";
import type { Listing, OpenRoutes } from "./open-routes.ts";
import { isPreflight, preflightAnswer } from "./preflight.ts";
import { FactsOfRequest, type PriceFunction, readPrice } from "./price.ts";
import { Readings, withoutCredential } from "./readings.ts";
import { Use } from "./refunds.ts";
import { type Begun, repeatError } from "./repeats.ts";
import { Sales } from "./sale.ts";
import { signerOf } from "./signing.ts";
import type { Presentation } from "./sold.ts";
import { sameTerms, type Terms } from "./terms.ts";
import * as unserved from "./unserved.ts";

/** What a request presents; an error for a credential that proves nothing here. */
type Presented = Verified | TokenError | undefined;

/** The name of all routes together whose path is not known. */
const UNLISTED = "unlisted";
const NOTHING_READ = { method: "", raw: "", target: undefined };

/** A route of a {@link Paywall}: decides about requests on terms of its own. */
export class Route {
  readonly terms: Terms;
  readonly #context: PaywallContext;
  readonly #sales: Sales;
  readonly #fixedPrice: Amount | undefined;
  readonly #listing: Listing;
  readonly #free: FreeRequests | undefined;
  /** Whose key signed a request, if its credential asks for one. */
  readonly #signers = new WeakMap<RequestFacts, string | null>();
  #listedAt: string | undefined;
  #isClosed = false;
  #last: { readonly method: string; readonly raw: string; readonly target: Target | undefined } =
    NOTHING_READ;

  /** @throws TypeError for terms that could never be minted */
  constructor(terms: Terms, context: PaywallContext, open: OpenRoutes) {
    this.terms = terms;
    this.#context = context;
    this.#sales = new Sales(terms, context, open);
    this.#fixedPrice =
      typeof terms.price === "function" ? undefined : readPrice(terms.price ?? "0 sat");
    this.#free = terms.free && new FreeRequests(terms.free, context.authority, context.ledger);
    this.#listing = open.add(terms);
  }

  /**
   * Closes the route: `/.well-known/l402` no longer lists it, and it answers 404 from now on. To
   * replace a route, open the new one, send requests there, and close the old one. Grants that were
   * made before are settled as always.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listing.remove();
  }

  /**
   * Tells `/.well-known/l402` a path at which requests come to this route, such as
   * `"GET /history/*"`; undefined for one that is not known. Ignored if `terms.path` is there.
   */
  listAt(path: string | undefined): void {
    this.#listedAt ??= path;
    this.#listing.at(path);
  }

  /**
   * Decides about one request. Returns a value instead of a promise if nothing has to be waited
   * for: the common request costs no turn of the event loop.
   */
  authorize(facts: RequestFacts): Decision | Promise<Decision> {
    const decided = this.#decide(facts);
    if (!(decided instanceof Promise) && decided.granted) return decided;
    const type = grpcType(facts.contentType);
    if (type === undefined) return decided;
    return decided instanceof Promise
      ? decided.then((decision) => ofCall(decision, type))
      : ofCall(decided, type);
  }

  #decide(facts: RequestFacts): Decision | Promise<Decision> {
    if (this.#isClosed) return new Refused(unserved.closed(), { status: 404 });
    const target = this.#read(facts.method, facts.target);
    if (target === undefined) return new Refused(unserved.badTarget());
    if (facts.hasSeveralHosts === true) return new Refused(unserved.severalHosts());
    if (isPreflight(facts)) return preflightAnswer();
    const waiting = prepareFields(this.#context.verifier, presentedBy(facts));
    if (waiting !== undefined) return waiting.then(() => this.#judgePresented(facts, target));
    return this.#judgePresented(facts, target);
  }

  #judgePresented(facts: RequestFacts, target: Target): Decision | Promise<Decision> {
    let presented: Presented;
    try {
      this.#context.authority.readSecret();
      presented = this.#presented(facts);
      if (presented !== undefined) {
        this.#context.challenges.paid(presented.paymentHash);
        this.#context.sold.see(presented, () => this.#presentation(target));
      }
    } catch (error) {
      if (error instanceof AdapterError) return this.#unready(error, target);
      if (!(error instanceof TokenError)) throw error;
      if (!isUnproven(error)) return this.#unproven(error);
      presented = error;
    }
    const before = guardOf(facts.request);
    const again = before && this.#again(before, facts, presented);
    if (again !== undefined) return again;
    if (
      presented === undefined ||
      presented instanceof TokenError ||
      presented.holders.length === 0 ||
      presented.isSigned
    )
      return this.#atPrice(facts, target, presented);
    return this.#withSigner(facts, presented).then((refused) =>
      refused === undefined ? this.#atPrice(facts, target, presented) : refused,
    );
  }

  /** Finds out whose key signed the request. Its body is read before anything is done for it. */
  async #withSigner(facts: RequestFacts, presented: Verified): Promise<Refused | undefined> {
    const { method, target, request } = facts;
    const body = async () => {
      const { decoded } = facts;
      const isAsSent = decoded === "coding" && !facts.headers().has("content-encoding");
      if (decoded === undefined || isAsSent) return bodyOf(facts);
      const [path] = target.split("?", 1);
      this.#context.alarm(
        `l8nt: ${method} ${path} cannot verify a holder's signature of its body`,
        DECODED,
      );
      throw DECODED;
    };
    try {
      const asked = { method, target, headers: facts.headers(), body };
      const signer = await signerOf(this.#context, presented, asked, request);
      this.#signers.set(facts, signer);
      return undefined;
    } catch (error) {
      if (error instanceof AdapterError) return new Refused(error);
      throw error;
    }
  }

  #atPrice(
    facts: RequestFacts,
    target: Target,
    presented: Presented,
  ): Decision | Promise<Decision> {
    const { price } = facts;
    // Nothing here tells which parts of the request it was computed from.
    if (price !== undefined)
      return this.#judge({ facts, target, price, hash: () => undefined }, presented);
    return this.#fixedPrice === undefined
      ? this.#price(facts, target, presented)
      : this.#judge(
          {
            facts,
            target,
            price: this.#fixedPrice,
            hash: () => this.#hashOf(facts, target),
          },
          presented,
        );
  }

  /** @throws TokenError for what proves nothing; TypeError for a proof of another verifier */
  #presented(facts: RequestFacts): Verified | undefined {
    const { verifier } = this.#context;
    const { verified } = facts;
    if (verified === undefined) return authenticateFields(verifier, presentedBy(facts));
    if (!verifier.proved(verified))
      throw new TypeError("facts.verified was proven by the verifier of another paywall");
    return verified;
  }

  #presentation({ method, path }: Target): Presentation {
    return { route: this.terms.path ?? this.#listedAt ?? UNLISTED, method, path };
  }

  #unready(error: AdapterError, { method, path }: Target): Refused {
    // About keys of an issuer the directory has told already, once for all requests.
    if (error.code === "ERR_SECRET")
      this.#context.alarm(`l8nt: ${method} ${path} is not served: no secret`, error.cause);
    return new Refused(error);
  }

  /** Hash of a request at a fixed price: any of its fields may have led it to this route. */
  #hashOf(facts: RequestFacts, target: Target): string | undefined {
    const headers = headersWithoutCredential(facts.headers());
    return new Readings(facts.method, this.#urlOf(facts, target)).everyField(headers).hash();
  }

  #unproven(error: TokenError): Refused {
    return new Refused(error, this.#context.stated);
  }

  /** The public URL: the paywall's base, the canonical path, and the query as it was sent. */
  #urlOf(facts: RequestFacts, target: Target): string {
    const query = facts.target.indexOf("?");
    return formatOrigin(target.origin) + target.path + (query < 0 ? "" : facts.target.slice(query));
  }

  /**
   * Of a request that a guard before this one let through. It is paid for once: a second claim
   * would be refused, and so would a credential that only this guard sells, so that the buyer would
   * be asked to pay again and again. Undefined if this guard has to judge for itself.
   */
  #again(
    { passed }: Guard,
    { method, target }: RequestFacts,
    presented: Presented,
  ): Decision | undefined {
    const { claimed } = passed;
    const isUnproven = presented instanceof TokenError && hasCredential(passed.presented);
    if (claimed === undefined && !isUnproven) return undefined;
    // Middleware between the two may have made another request of it.
    const isSame = method === passed.method && target === passed.target;
    if (claimed !== undefined && !isUnproven && isSame && sameTerms(passed.terms, this.terms))
      return uncounted(claimed);
    const error = new AdapterError("ERR_PRICE_FUNCTION", unserved.GUARDED_TWICE);
    const [path] = target.split("?", 1);
    const why = isSame ? "on two terms" : `first as ${passed.method}`;
    this.#context.alarm(`l8nt: ${method} ${path} is guarded twice by paid(), ${why}`, error);
    return new Refused(error);
  }

  /** The last target is kept: a route sees the same one again and again. */
  #read(method: string, raw: string): Target | undefined {
    if (raw !== this.#last.raw || method !== this.#last.method) {
      // A target has no fragment (RFC 9112 §3.2). A server that does not cut it off would read
      // another path.
      const { origin, path } = this.#context.base;
      const isPath = raw.startsWith("/") && !raw.includes("#");
      const target = isPath ? targetAt(method, origin, path + raw) : undefined;
      this.#last = { method, raw, target };
    }
    return this.#last.target;
  }

  async #price(facts: RequestFacts, target: Target, presented: Presented): Promise<Decision> {
    if (facts.isSpelledAsRouted?.() === false) return new Refused(unserved.misspelt());
    const asked = new FactsOfRequest(facts, this.#urlOf(facts, target));
    let price: Amount;
    try {
      price = readPrice(await (this.terms.price as PriceFunction)(asked));
    } catch (cause) {
      // The caller sent a body that cannot be priced, which is no fault of the price function.
      if (cause instanceof AdapterError && UNPRICED.has(cause.code)) return new Refused(cause);
      this.#context.alarm(
        `l8nt: the price function of ${facts.method} ${target.path} gave no price`,
        cause,
      );
      return new Refused(new AdapterError("ERR_PRICE_FUNCTION", unserved.NO_PRICE, { cause }));
    }
    const hash = () => asked.readings.hash();
    return this.#judge({ facts, target, price, hash }, presented);
  }

  #judge(request: PricedRequest, presented: Presented): Decision | Promise<Decision> {
    const { facts, price } = request;
    const isPriced = this.terms.price !== undefined;
    if (isPriced && price.value === 0n) {
      if (presented instanceof TokenError) return this.#unproven(presented);
      if (presented !== undefined) this.#leaveGuard(facts);
      return grant(undefined, price);
    }
    const isFreeFor = presented === undefined ? "address" : "credential";
    return this.#free?.by === isFreeFor && !(presented instanceof TokenError)
      ? this.#judgeFree(this.#free, request, presented)
      : this.#judgePriced(request, presented);
  }

  #judgePriced(request: PricedRequest, presented: Presented): Decision | Promise<Decision> {
    const { facts, price } = request;
    if (presented === undefined)
      return this.#sales.offer(
        request,
        this.terms.price !== undefined && price.unit === "msat"
          ? unserved.MISSING
          : unserved.NOT_SOLD,
      );
    if (presented instanceof TokenError) return this.#sales.offer(request, presented);
    const verified = presented;
    const access = this.#accessOf(request);
    const { authority } = this.#context;
    const counted = countedPrice(verified.chain, price, request.hash);
    const uncounted = uncountedSpend(verified.chain, counted, authority.kind);
    const refusals = verified.judge(access);
    const error = denied(withUncounted(refusals, uncounted, counted));
    if (error !== undefined) return this.#deny(request, error);
    if (isCounted(verified, counted)) return this.#claim(request, verified, counted, access.now);
    this.#leaveGuard(facts);
    return grant(verified, price);
  }

  #accessOf({ facts, target, price, hash }: PricedRequest): Access {
    const { authority, clock } = this.#context;
    return {
      now: clock(),
      target,
      price,
      pricedRequest: hash,
      payee: undefined,
      service: authority.service,
      capability: facts.capability ?? this.terms.capability,
      model: facts.model,
      holder: this.#signers.get(facts),
    };
  }

  /** Serves a free request; one that is not free any more is judged as any other. */
  async #judgeFree(
    free: FreeRequests,
    request: PricedRequest,
    verified: Verified | undefined,
  ): Promise<Decision> {
    const { abandoned, keeper, clock } = this.#context;
    const { facts, price } = request;
    const nothing = { unit: price.unit, value: 0n };
    const at = clock();
    const access = { ...this.#accessOf(request), price: nothing };
    if (verified !== undefined && verified.judge(access).length > 0)
      return this.#judgePriced(request, verified);
    const { claimant: by } = abandoned;
    const { clientAddress: address } = facts;
    let claim: FreeClaim | undefined;
    try {
      claim = await free.claim({ address, verified, by, id: abandoned.nextId(), at });
      keeper?.wake(at);
    } catch (error) {
      if (error instanceof AdapterError) return new Refused(error);
      throw error;
    }
    if (claim === undefined) return this.#judgePriced(request, verified);
    const { commit, release, until } = claim;
    const end = (spent: Amount | undefined): Promise<Resolution> => {
      guard?.end();
      return spent === undefined ? release(clock()) : commit(clock());
    };
    const metered = this.terms.metered === true;
    const use = new Use(claim.id, until, this.#context.ledger, clock);
    const granted = claimedGrant(verified, { facts, price: nothing, metered, end, use });
    const guard = this.#leaveGuard(facts, granted.grant);
    return granted;
  }

  #leaveGuard(facts: RequestFacts, claimed?: Grant): Guard | undefined {
    if (facts.request === undefined) return undefined;
    const { method, target } = facts;
    const { terms } = this;
    const guard = new Guard({ terms, method, target, presented: presentedBy(facts), claimed });
    leaveGuard(facts.request, guard);
    return guard;
  }

  async #claim(
    request: PricedRequest,
    verified: Verified,
    amount: Amount,
    now: number,
  ): Promise<Decision> {
    const { ledger, topUps, abandoned, keeper, clock, alarm } = this.#context;
    const { claimant: by } = abandoned;
    const limits = topUps.limits(verified.limits, now);
    const { idempotencyKey, contentType } = request.facts;
    // Of a gRPC call the status stands in trailers, which are not kept, and its body may never end.
    const key = idempotencyKey && grpcType(contentType) === undefined ? idempotencyKey : undefined;
    // Nothing is waited for without a key, as nearly every request is.
    const begun = key ? await this.#begin(key, request, verified, now) : undefined;
    if (begun?.kind === "answered") return new Answered(begun.answer);
    // Without an offer, also if the credential is used up: it was paid for once.
    if (begun !== undefined && begun.kind !== "new") return new Refused(repeatError(begun.kind));
    const keyed = begun?.kind === "new" ? begun.use : undefined;
    let claim: Claim;
    try {
      const id = request.facts.useId ?? abandoned.nextId();
      claim = await claimUse(ledger, { by, id, limits, amount, at: now });
      keeper?.wake(now);
    } catch (error) {
      keyed?.end(false);
      if (error instanceof BudgetError) {
        abandoned.sweep().catch((cause: unknown) => alarm("l8nt: abandoned uses stay open", cause));
        return this.#deny(request, error);
      }
      if (error instanceof AdapterError) return new Refused(error);
      throw error;
    }
    try {
      // It was begun before the claim. A use is served only if its sale is in the books.
      await this.#context.sold.written(verified);
    } catch (error) {
      keyed?.end(false);
      await claim
        .release(clock())
        .catch((cause: unknown) => alarm("l8nt: a claim stays open", cause));
      if (error instanceof AdapterError) return new Refused(error);
      throw error;
    }
    // Sold for this very request, which is dearer now.
    const isCapped = amount !== request.price;
    const end = (spent: Amount | undefined): Promise<Resolution> => {
      guard?.end();
      if (spent === undefined) return claim.release(clock());
      return claim.commit(clock(), isCapped && spent.value > amount.value ? amount : spent);
    };
    const { facts } = request;
    const metered = this.terms.metered === true;
    const until = verified.validUntil ?? Number.MAX_SAFE_INTEGER;
    const use = new Use(claim.id, until, ledger, clock);
    const granted = claimedGrant(verified, { facts, price: amount, metered, end, use }, keyed);
    const guard = this.#leaveGuard(request.facts, granted.grant);
    return granted;
  }

  /** Looks a request up by its key. */
  async #begin(
    key: string,
    { facts, target }: PricedRequest,
    { nodes, validUntil: endsAt }: Verified,
    at: number,
  ): Promise<Begun> {
    const { method } = facts;
    const body = await bodyOf(facts).catch(() => undefined);
    const headers = withoutCredential(facts.headers());
    const url = new URL(this.#urlOf(facts, target));
    const fingerprint = body && fingerprintOf({ method, headers, body }, url);
    const nodeIds = nodes.map(({ id }) => id);
    return this.#context.repeats.begin({ nodeIds, key, fingerprint, at, endsAt });
  }

  #deny(request: PricedRequest, error: DeniedError): Refused | Promise<Refused> {
    return isPayable(error, this.#sales.sells(request.price))
      ? this.#sales.offer(request, error)
      : new Refused(error);
  }
}

/** Whether a request counts against a limit: a use, or an amount that is not zero. */
const isCounted = ({ limits }: Verified, { value }: Amount): boolean =>
  limits.length > 0 && (value > 0n || limits.some(({ kind }) => kind === "uses"));

/** The body, if it can be read before the handler. @throws AdapterError for one that cannot */
/** Of a service: the caller cannot mend it. */
const DECODED = new AdapterError(
  "ERR_PRICE_FUNCTION",
  "The body was decoded before the paywall, so nobody can tell whether it is what was signed. Put paid() before the body parser.",
);

async function bodyOf(facts: RequestFacts): Promise<Uint8Array<ArrayBuffer>> {
  if (facts.body !== undefined) return new Uint8Array(await facts.body());
  if (facts.method === "GET" || facts.method === "HEAD") return new Uint8Array();
  throw new AdapterError("ERR_REQUEST", "The body cannot be read before the handler here.");
}

const UNPRICED: ReadonlySet<string> = new Set(["ERR_TOO_LARGE", "ERR_REQUEST", "ERR_MEDIA_TYPE"]);

const ofCall = (decision: Decision, type: string): Decision =>
  decision instanceof Refused ? decision.ofCall(type) : decision;
