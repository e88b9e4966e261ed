/**
 * One protected route: decides about a request, in the order that keeps the cheap and the certain
 * first.
 */
import { type Access, type Origin, type Target, targetAt } from "../caveat/index.ts";
import {
  AdapterError,
  BudgetError,
  type DeniedError,
  denied,
  type SigilError,
  TokenError,
} from "../errors.ts";
import { readInvoice } from "../invoice/read.ts";
import { type Authority, authenticateFields, type Verified } from "../l402/index.ts";
import { type Claim, claimUse } from "../ledger/claim.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { Invoicer } from "../ports/wallet.ts";
import { Refused } from "../wire/problem.ts";
import { isPayable } from "./answer.ts";
import type { Decision, Grant, Granted, RequestFacts } from "./decision.ts";
import { clientKey, type Limiter } from "./limiter.ts";
import { isSellable, readPrice, saleOf, type Terms } from "./terms.ts";

/** What all routes of one paywall share. */
export interface RouteContext {
  readonly authority: Authority;
  readonly origin: Origin;
  /** The same, as text. */
  readonly originText: string;
  readonly ledger: Ledger;
  readonly invoicer: Invoicer | undefined;
  readonly clock: Clock;
  readonly perClient: Limiter;
  readonly total: Limiter;
  readonly invoiceExpirySeconds: number;
  readonly invoiceDescription: string;
  readonly alarm: (what: string, cause: unknown) => void;
}

const MISSING = new TokenError(
  "ERR_TOKEN_MISSING",
  "This endpoint takes an L402 credential. Pay the invoice of the challenge, or bring a credential that covers this request.",
);

const NOT_SOLD = new TokenError(
  "ERR_TOKEN_MISSING",
  "This endpoint takes an L402 credential, and sells none. Bring one that its owner minted, or one derived from it.",
);
const NO_PRICE = "The price of this request could not be determined. Nothing was charged.";
const NOTHING_READ = { method: "", raw: "", target: undefined };

export class Route {
  readonly terms: Terms;
  readonly #context: RouteContext;
  readonly #fixedPriceMsat: bigint | undefined;
  #last: { readonly method: string; readonly raw: string; readonly target: Target | undefined } =
    NOTHING_READ;

  constructor(terms: Terms, context: RouteContext) {
    this.terms = terms;
    this.#context = context;
    // A sale that could never be minted fails at start, not before the first customer.
    const sample = targetAt("GET", context.origin, "/")!;
    context.authority.minter.mint({
      budget: 0n,
      ...saleOf(terms, sample, context.originText, 0n).scope,
    });
    this.#fixedPriceMsat =
      typeof terms.price === "function" ? undefined : readPrice(terms.price ?? 0n);
  }

  /**
   * A value, not a promise, wherever nothing has to be waited for: the common request costs no turn
   * of the event loop.
   */
  authorize(facts: RequestFacts): Decision | Promise<Decision> {
    const target = this.#read(facts.method, facts.target);
    if (target === undefined) return badTarget();
    let verified: Verified | undefined;
    try {
      verified = authenticateFields(this.#context.authority.verifier, facts);
    } catch (error) {
      if (error instanceof TokenError)
        return new Refused(error, { enforced: this.#context.authority.vocabulary.names });
      throw error;
    }
    if (this.#fixedPriceMsat !== undefined)
      return this.#judge(facts, target, verified, this.#fixedPriceMsat);
    return this.#priced(facts, target, verified);
  }

  /** A route sees the same target again and again. */
  #read(method: string, raw: string): Target | undefined {
    if (raw !== this.#last.raw || method !== this.#last.method) {
      // A target has no fragment (RFC 9112 §3.2): who does not cut it off reads another path.
      const target = raw.includes("#") ? undefined : targetAt(method, this.#context.origin, raw);
      this.#last = { method, raw, target };
    }
    return this.#last.target;
  }

  async #priced(
    facts: RequestFacts,
    target: Target,
    verified: Verified | undefined,
  ): Promise<Decision> {
    let priceMsat: bigint;
    try {
      priceMsat = readPrice(
        await (this.terms.price as (request: Request) => unknown)(facts.request()),
      );
    } catch (cause) {
      this.#context.alarm(
        `l8nt: the price function of ${facts.method} ${target.path} gave no price`,
        cause,
      );
      return new Refused(new AdapterError("ERR_PRICE_FUNCTION", NO_PRICE, { cause }));
    }
    return this.#judge(facts, target, verified, priceMsat);
  }

  #judge(
    facts: RequestFacts,
    target: Target,
    verified: Verified | undefined,
    priceMsat: bigint,
  ): Decision | Promise<Decision> {
    const sells = this.terms.price !== undefined;
    if (sells && priceMsat === 0n) return grant(undefined, 0n, undefined);
    if (verified === undefined)
      return this.#ask(facts, target, priceMsat, sells ? MISSING : NOT_SOLD);
    const { authority, clock } = this.#context;
    const access: Access = {
      now: clock(),
      target,
      priceMsat,
      payee: undefined,
      service: authority.service,
      capability: facts.capability ?? this.terms.capability,
    };
    const error = denied(verified.judge(access));
    if (error !== undefined) return this.#deny(facts, target, priceMsat, error);
    return verified.limits.length === 0
      ? grant(verified, priceMsat, undefined)
      : this.#claim(facts, target, verified, access, priceMsat);
  }

  async #claim(
    facts: RequestFacts,
    target: Target,
    verified: Verified,
    { now }: Access,
    priceMsat: bigint,
  ): Promise<Decision> {
    const { ledger, clock } = this.#context;
    let claim: Claim;
    try {
      claim = await claimUse(ledger, { limits: verified.limits, amountMsat: priceMsat, at: now });
    } catch (error) {
      if (error instanceof BudgetError) return this.#deny(facts, target, priceMsat, error);
      return new Refused(error as AdapterError);
    }
    return grant(verified, priceMsat, (delivered) =>
      delivered ? claim.commit(clock()) : claim.release(clock()),
    );
  }

  #deny(
    facts: RequestFacts,
    target: Target,
    priceMsat: bigint,
    error: DeniedError,
  ): Refused | Promise<Refused> {
    return isPayable(error) ? this.#ask(facts, target, priceMsat, error) : new Refused(error);
  }

  async #ask(
    facts: RequestFacts,
    target: Target,
    priceMsat: bigint,
    why: SigilError,
  ): Promise<Refused> {
    const { authority, invoicer, clock, perClient, total, originText } = this.#context;
    if (this.terms.price === undefined || invoicer === undefined)
      return new Refused(why, { status: 401, enforced: authority.vocabulary.names });
    // What would be bought now would not be let in.
    const silence = authority.revocations.silence(clock());
    if (silence !== undefined) return new Refused(silence);
    const sale = saleOf(this.terms, target, originText, priceMsat);
    if (!isSellable(sale, target)) return notForSale();
    const now = clock();
    // In this order: what one client is refused must not use up what is there for all.
    const wait = perClient.take(clientKey(facts.clientAddress), now) || total.take("", now);
    if (wait > 0) return new Refused(tooManyRequests(wait));
    const { amountMsat, scope } = sale;
    try {
      const text = await invoicer.createInvoice({
        amountMsat,
        expirySeconds: this.#context.invoiceExpirySeconds,
        description: this.#context.invoiceDescription,
      });
      const { invoice } = readInvoice(text);
      if (invoice.amountMsat !== amountMsat)
        throw new AdapterError(
          "ERR_WALLET",
          "The wallet made an invoice for another amount than was asked.",
        );
      return new Refused(why, {
        offer: { challenge: authority.minter.challenge(scope, invoice), invoice },
      });
    } catch (cause) {
      this.#context.alarm("l8nt: the wallet made no invoice", cause);
      return new Refused(
        new AdapterError("ERR_WALLET", "No invoice could be made just now. Try again later.", {
          cause,
        }),
      );
    }
  }
}

const tooManyRequests = (retryAfterSeconds: number): AdapterError =>
  new AdapterError(
    "ERR_RATE_LIMITED",
    "Too many challenges were requested and not paid. Pay one of them, or wait.",
    { retryAfterSeconds },
  );

function badTarget(): Refused {
  const error = new AdapterError(
    "ERR_REQUEST",
    "The request's method or path can be read in two ways, so it is not served. Send the path without encoded slashes, dots or backslashes.",
  );
  return new Refused(error);
}

function notForSale(): Refused {
  const error = new AdapterError(
    "ERR_REQUEST",
    "No credential that is sold here would cover this request, so there is nothing to pay.",
  );
  return new Refused(error);
}

const NOTHING_TO_FINISH = async (): Promise<void> => {};
const NOTHING_TO_SETTLE = async (response: Response): Promise<Response> => response;

/** @param finish ends the claim; undefined where nothing was claimed */
function grant(
  verified: Verified | undefined,
  priceMsat: bigint,
  finish: ((delivered: boolean) => Promise<void>) | undefined,
): Granted {
  const who = new ServedGrant(verified, priceMsat);
  if (finish === undefined)
    return {
      granted: true,
      grant: who,
      claimed: false,
      finish: NOTHING_TO_FINISH,
      settle: NOTHING_TO_SETTLE,
    };
  const settle = async (response: Response) => {
    await finish(response.status < 500);
    return response;
  };
  return { granted: true, grant: who, claimed: true, finish, settle };
}

/** A grant that can be logged and answered with: an amount has no JSON of its own. */
class ServedGrant implements Grant {
  readonly nodeId: string | undefined;
  readonly lineage: readonly string[];
  readonly paymentHash: string | undefined;
  readonly priceMsat: bigint;

  constructor(verified: Verified | undefined, priceMsat: bigint) {
    this.nodeId = verified?.node.id;
    this.lineage = verified?.lineage ?? NOBODY;
    this.paymentHash = verified?.paymentHash;
    this.priceMsat = priceMsat;
  }

  toJSON(): object {
    return { ...this, priceMsat: this.priceMsat.toString() };
  }
}

const NOBODY: readonly string[] = [];
