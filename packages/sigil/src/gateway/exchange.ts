/** One request of an agent, from its credential to its settlement. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { DeniedError, TokenError } from "l8nt";
import type { Amount } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Ledger } from "l8nt/ports";
import type { Answered, Granted, RequestFacts } from "l8nt/service";
import { checkNotSold, grantedBy, hasBudget } from "./admission.ts";
import type { Admitted, By } from "./admitted.ts";
import { AgentRequest, type Read, STRANGERS } from "./agent-request.ts";
import type { Edit } from "./body/edit.ts";
import type { Bodies } from "./core/body.ts";
import { hasLeft, whenLeft } from "./core/client.ts";
import { forUpstream } from "./core/fields.ts";
import { Forwarding, type Outcome, type Plan } from "./core/forward.ts";
import type { Target } from "./core/request.ts";
import type { Shares } from "./core/shares.ts";
import { type Slot, takeInside } from "./core/slots.ts";
import { judgesPage } from "./cors.ts";
import { ofCredential } from "./credential/place.ts";
import { presentedKey } from "./credential/present.ts";
import {
  missing,
  noBudget,
  noFlatPrice,
  noFreeRequest,
  noKey,
  OVERRUN,
  stoppedBy,
  unbounded,
  unpriced,
  unreached,
} from "./denials.ts";
import { Denied } from "./denied.ts";
import type { Entry } from "./entry.ts";
import { amountOf, type Cost } from "./meter/cost.ts";
import { type Counters, counted } from "./meter/counted.ts";
import { endOf, fitTo, leastCost } from "./meter/fit.ts";
import { settleFlat, settleFreebie, settleUse } from "./meter/flat.ts";
import { BUDGET_FIELD, budgetField, type Left, least, spendingOf } from "./meter/limits.ts";
import { Metering, type MeteringOptions } from "./meter/metering.ts";
import { needing } from "./meter/needed.ts";
import { worstCase } from "./presets/bound.ts";
import type { DenialFacts } from "./presets/dialect.ts";
import type { Asked } from "./presets/preset.ts";
import type { ModelPrice } from "./prices/model-price.ts";
import { type Instead, insteadOf, RefusalWatcher } from "./refusal.ts";
import type { Rule, ServedRoute } from "./routes.ts";
import { PaidAdmission, type Reserve } from "./selling/admission.ts";
import { KeptAnswer } from "./selling/kept.ts";
import type { Sale } from "./selling/seller.ts";
import type { Service } from "./service.ts";
import { type Counted, UNCOUNTED, wouldDeny } from "./shadow.ts";
import type { TokenCounter } from "./tokens/counter.ts";
import type { VendorCounter } from "./tokens/vendor-counter.ts";
import { type Usage, usageOf } from "./usage.ts";
import { Hider } from "./vault/hide.ts";
import { placed, withQuery } from "./vault/place.ts";
import type { Lease } from "./vault/vault.ts";

export interface ExchangeContext {
  readonly ledger: Pick<Ledger, "usage">;
  readonly bodies: Bodies;
  /** Memory of answers that are kept until they are whole. */
  readonly answers: Shares;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly alarm: (what: string) => void;
  readonly tokens: Pick<TokenCounter, "count">;
  readonly vendorTokens: Pick<VendorCounter, "count">;
  /** What is told of this request. */
  readonly entry: Entry;
  /** As trusted proxies say it. */
  readonly clientAddress: string | undefined;
  /** Whether budgets, models and prices deny nothing. */
  readonly isShadow: boolean;
}

/** A metered request whose worst case is to be reserved. */
interface Fitting {
  readonly asked: Asked;
  readonly price: ModelPrice;
  readonly verified: Verified;
  readonly reserve: Reserve;
}

interface Fitted {
  readonly granted: Counted;
  readonly edits: readonly Edit[];
  readonly most: Usage;
  readonly reserved: bigint;
  readonly outputLimit: number | undefined;
}

/** How often a request is made smaller because others took what was left meanwhile. */
const MAX_FITS = 4;

export class Exchange {
  readonly #request: AgentRequest;
  readonly #service: Service;
  readonly #match: ServedRoute;
  readonly #outgoing: ServerResponse;
  readonly #context: ExchangeContext;
  #slot: Slot | undefined;
  #lease: Lease | undefined;

  constructor(
    {
      service,
      match,
      target,
    }: { readonly service: Service; readonly match: ServedRoute; readonly target: Target },
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    context: ExchangeContext,
  ) {
    const { bodies, clock, entry, clientAddress } = context;
    this.#request = new AgentRequest({
      ...{ service, match, target, incoming, clientAddress },
      ...{ bodies, clock, entry },
    });
    this.#service = service;
    this.#match = match;
    this.#outgoing = outgoing;
    this.#context = context;
  }

  /** @throws Denied, and every error that `denialOf` reads, before anything was sent */
  async run(): Promise<void> {
    const { name, vault, needsKey } = this.#service;
    const isWithKey = needsKey && this.#match.rule.isKeyed;
    const lease = isWithKey ? vault.lease(name) : undefined;
    if (lease === undefined && isWithKey) throw noKey(name);
    this.#lease = lease;
    try {
      await this.#forward(await this.#admit(), lease);
    } finally {
      this.#request.release();
      this.#slot?.release();
      lease?.end();
    }
  }

  async #admit(): Promise<Admitted> {
    const { preset } = this.#service;
    const { rule, charge, capability } = this.#match;
    const { incoming, target } = this.#request;
    if (rule.access === "free") return this.#unjudged();
    const sale = this.#service.seller?.saleOf(this.#match);
    const bought = sale && (await this.#bought(sale));
    if (bought !== undefined) return bought;
    const text = presentedKey(preset.credentialPlaces, incoming.rawHeaders, target.query);
    if (text === undefined) {
      if (rule.access !== "freebie") throw missing();
      return this.#freebie(rule);
    }
    // Before anything of the body is read, which it is not for a key that has ended or was revoked.
    const verified = await this.#request.prove(text);
    checkNotSold(this.#service, verified);
    this.#request.checkHead();
    if (charge.kind === "unpriced") {
      this.#shadow(noFlatPrice(capability));
      return this.#unmetered(undefined, verified);
    }
    if (charge.kind !== "meter")
      return this.#unmetered(charge.kind === "flat" ? charge.price : undefined, verified);
    const read = await this.#request.read();
    const { model } = read.asked;
    const price = this.#service.prices.find(preset.name, model, this.#context.clock() * 1000);
    if (price === undefined) {
      const granted = await this.#shadowUnjudged(unpriced(model), verified, model);
      return { by: { granted, verified }, body: read.bytes };
    }
    return this.#metered(read, price, verified);
  }

  /** Undefined for a key that is judged as on a route that is not for sale. @throws Denied */
  #bought(sale: Sale): Promise<Admitted | undefined> {
    const admission = new PaidAdmission({
      request: this.#request,
      sale,
      turn: () => this.#turn(),
      metered: (...metered) => this.#metered(...metered),
    });
    return admission.admit();
  }

  /** @throws the error, unless it is one that `--shadow` only writes down */
  #shadow(error: unknown): Counted {
    const code = this.#context.isShadow ? wouldDeny(error) : undefined;
    if (code === undefined) throw error;
    this.#context.entry.know({ wouldDeny: code });
    return UNCOUNTED;
  }

  /** As `#shadow`, of what was denied before the credential's other conditions were judged. */
  async #shadowUnjudged(
    error: unknown,
    verified: Verified,
    model?: string | null,
  ): Promise<Counted> {
    const uncounted = this.#shadow(error);
    try {
      const { grant, finish } = await this.#granted(this.#service.free, verified, { model });
      grant.release();
      await finish(undefined);
    } catch (other) {
      if (wouldDeny(other) === undefined) throw other;
    }
    return uncounted;
  }

  /** A request that needs no credential. What the vendor bills to the owner's key is still read. */
  async #unjudged(): Promise<Admitted> {
    this.#request.checkHead();
    const read = this.#match.rule.isKeyed ? (await this.#request.named()).read : undefined;
    return { body: read?.bytes ?? this.#request.sentBody };
  }

  /** A free request is counted once it is its turn. @throws Denied if the address has none left */
  async #freebie(rule: Rule): Promise<Admitted> {
    const admitted = await this.#unjudged();
    await this.#turn();
    const route = this.#service.freebies.get(rule)!;
    try {
      return { ...admitted, freebie: await grantedBy(route, this.#request.facts(undefined)) };
    } catch (error) {
      throw error instanceof TokenError ? noFreeRequest(rule.freePerDay!) : error;
    }
  }

  /** A request whose price is known before it is read. */
  async #unmetered(flat: Amount | undefined, verified: Verified): Promise<Admitted> {
    const isPayable = flat === undefined || hasBudget(verified, flat.unit);
    if (!isPayable && !this.#context.isShadow) throw noBudget(flat.unit);
    const { read, model } = await this.#request.named();
    const unpaid = isPayable
      ? undefined
      : await this.#shadowUnjudged(noBudget(flat.unit), verified, model);
    if (flat !== undefined)
      this.#context.entry.opened({ unit: flat.unit, reserved: flat.value, price: "flat" });
    const { free, metered } = this.#service;
    const more = { model, ...(flat !== undefined && { price: flat }) };
    const granted =
      unpaid ??
      (await this.#granted(flat === undefined ? free : metered, verified, more).catch((error) =>
        this.#shadow(error),
      ));
    const body = read?.bytes ?? this.#request.sentBody;
    return { by: { granted, verified }, body, isAsSent: read === undefined, flat };
  }

  async #metered(
    { body, asked, meter }: Read,
    price: ModelPrice,
    verified: Verified,
    reserve: Reserve = (more) => this.#granted(this.#service.metered, verified, more),
  ): Promise<Admitted> {
    const fitted = await this.#reserved({ asked, price, verified, reserve });
    if ("answer" in fitted) return { body: undefined, again: { ...fitted, verified } };
    const { edits, ...rest } = fitted;
    return {
      by: { granted: rest.granted, verified },
      body: body.edited([...asked.edits, ...edits]),
      metered: { asked, meter, price, ...rest },
    };
  }

  /** Waits for a connection to the vendor, with nothing reserved yet. @throws NoSlot */
  async #turn(): Promise<void> {
    if (this.#slot !== undefined) return;
    const { slots, strangersSlots } = this.#service;
    const { holder } = this.#request;
    const all = { slots, holder };
    const slot =
      holder === STRANGERS
        ? takeInside({ slots: strangersSlots, holder: this.#request.address }, all)
        : slots.take(holder);
    this.#slot = slot;
    if (slot.free === undefined) return;
    if (hasLeft(this.#outgoing)) slot.release();
    const stopWaiting = whenLeft(this.#outgoing, slot.release);
    await slot.free;
    stopWaiting();
  }

  /** What was reserved; with `--shadow` perhaps nothing, and the request goes as it came. */
  async #reserved(fitting: Fitting): Promise<Fitted | Pick<Answered, "answer">> {
    const { asked, price, verified } = fitting;
    const isShadow = this.#context.isShadow && price.unit === "usd_micro";
    let granted: Counted;
    try {
      if (price.unit === "usd_micro" && !price.isFree && !hasBudget(verified, price.unit))
        throw noBudget(price.unit);
      const fitted = await this.#fit(fitting);
      if ("answer" in fitted || !isShadow || fitted.outputLimit === undefined) return fitted;
      this.#context.entry.know({ wouldDeny: "output_limited" });
      granted = fitted.granted;
    } catch (error) {
      if (!isShadow) throw error;
      granted =
        error instanceof Denied
          ? await this.#shadowUnjudged(error, verified, asked.model)
          : this.#shadow(error);
    }
    const most = worstCase(asked.bound, price.limits) ?? usageOf({});
    const reserved = price.dearest(most) ?? 0n;
    this.#context.entry.know({ unit: price.unit, reserved, price: price.line });
    return { granted, edits: [], most, reserved, outputLimit: undefined };
  }

  /**
   * Reserves the worst case of the request: if that does not fit, with its tokens counted, and then
   * made smaller.
   */
  async #fit({
    asked: whole,
    price,
    verified,
    reserve,
  }: Fitting): Promise<Fitted | Pick<Answered, "answer">> {
    const end = endOf(whole, price);
    let asked = whole;
    let output = end?.output;
    let edits = end?.edits ?? [];
    for (let fits = -1; ; fits++) {
      const most = price.isFree ? usageOf({}) : worstCase(asked.bound, price.limits, output);
      const reserved = most && price.dearest(most);
      if (most === undefined || reserved === undefined) throw unbounded(asked.model);
      this.#context.entry.opened({ unit: price.unit, reserved, price: price.line });
      try {
        const granted = await reserve({
          model: asked.model,
          price: { unit: price.unit, value: reserved },
        });
        if ("answer" in granted) return { answer: granted.answer };
        return { granted, edits, most, reserved, outputLimit: output };
      } catch (error) {
        if (!isOfBudget(error)) throw error;
        const left = least(await this.#spending(verified), price.unit)!;
        if (fits < 0) {
          const exact = await counted(asked, left, price, this.#counters);
          asked = exact ?? asked;
          if (exact !== undefined) continue;
          fits = 0;
        }
        if (asked.cap === undefined || fits === MAX_FITS) throw error;
        const fitted = fitTo(left, asked, price);
        if (fitted === undefined)
          throw needing(error, { least: leastCost(asked, price), reserved, unit: price.unit });
        if (fitted.output === output) throw error;
        output = fitted.output;
        edits = fitted.edits;
      }
    }
  }

  get #counters(): Counters {
    const { tokens, vendorTokens } = this.#context;
    const { incoming, holder } = this.#request;
    const lines = incoming.rawHeaders;
    const asking = { service: this.#service, lease: this.#lease, holder, lines };
    return { texts: tokens, atVendor: (question) => vendorTokens.count(question, asking) };
  }

  /** @throws the error that the request is refused for */
  async #granted(
    route: Service["metered"],
    verified: Verified,
    more: Pick<RequestFacts, "model" | "price">,
  ): Promise<Granted> {
    if (this.#slot === undefined) await this.#turn();
    return grantedBy(route, this.#request.facts(verified, more));
  }

  async #forward(admitted: Admitted, lease: Lease | undefined): Promise<void> {
    const { by, freebie, metered, flat, again } = admitted;
    if (again !== undefined) return await this.#repeat(again);
    if (this.#slot === undefined) await this.#turn();
    const { name, preset } = this.#service;
    const dialect = this.#match.route.dialect ?? preset.dialect;
    // Without a key nothing of the gateway's is refused.
    const instead: Instead =
      lease === undefined ? () => undefined : insteadOf(name, dialect, this.#context.alarm);
    const overrun = (): void => {
      forwarding.cut(this.#ended(OVERRUN));
    };
    const metering =
      by && metered && this.#metering(by, metered, { instead, ...this.#onOverrun(overrun) });
    const watcher =
      metering ?? new RefusalWatcher(instead, flat && (await this.#flatFields(admitted)));
    const keep = by?.granted.keeper();
    const kept = keep && new KeptAnswer(watcher, keep);
    const forwarding = new Forwarding(
      this.#service.upstream,
      this.#outgoing,
      this.#plan(admitted, lease),
      kept ?? watcher,
      {
        begun: () => this.#context.entry.begun(),
        kept: { shares: this.#context.answers, holder: this.#request.holder },
        // A metered stream costs less if it is broken off, and any other answer does not.
        ...(kept && !metered?.asked.isStream && { goesOn: (bytes) => kept.isOpen(bytes) }),
      },
    );
    // Revoked, frozen, or ended, while its answer is under way.
    const stopped = () => stoppedBy(by!.verified, this.#context.clock());
    const stopWatching = by?.verified.watch(() => forwarding.cut(this.#ended(stopped())));
    const outcome = await forwarding.outcome;
    stopWatching?.();
    const status = "status" in outcome ? outcome.status : undefined;
    let cost: Cost | undefined;
    if (metering !== undefined) cost = await metering.settle(outcome);
    else if (by !== undefined && flat !== undefined)
      cost = await settleFlat(by.granted, flat, outcome);
    else if (by !== undefined) await settleUse(by.granted, outcome);
    if (freebie !== undefined) await settleFreebie(freebie, outcome);
    kept?.end();
    const error = this.#outgoing.headersSent ? undefined : errorOf(outcome, cost, stopped);
    const budget = error && by && cost && (await this.#budget(by.verified, cost));
    this.#context.entry.settled({
      end: outcome.kind,
      status: error?.status ?? status,
      code: error?.code,
      spent: cost?.value,
      isEstimated: cost?.isEstimated ?? false,
      usage: cost?.usage,
    });
    if (error === undefined) return;
    throw new Denied(error, undefined, budget === undefined ? [] : [BUDGET_FIELD, budget]);
  }

  /** The field that says what a request cost, and what is left. */
  async #budget(verified: Verified, cost: Cost): Promise<string> {
    const limits = await this.#spending(verified).catch(() => []);
    return budgetField(limits, amountOf(cost), cost.isEstimated);
  }

  #spending(verified: Verified): Promise<readonly Left[]> {
    const { ledger, clock } = this.#context;
    return spendingOf(this.#service.paywall.limits(verified), ledger, clock());
  }

  async #repeat({ answer, verified }: NonNullable<Admitted["again"]>): Promise<void> {
    const { status, headers, body } = answer;
    const cost: Cost = { unit: "msat", value: 0n, isEstimated: false, usage: undefined };
    const budget = [BUDGET_FIELD, await this.#budget(verified, cost)];
    const length = ["content-length", String(body.length)];
    this.#outgoing.writeHead(status, [...headers.flat(), ...budget, ...length]);
    this.#outgoing.end(body);
    this.#context.entry.settled({ end: "answered", status, spent: 0n });
  }

  /** Nothing in an answer changes what a request at a flat price costs. */
  async #flatFields({ by, flat }: Admitted): Promise<readonly string[]> {
    if (by === undefined || flat === undefined) return [];
    const cost: Cost = { ...flat, isEstimated: false, usage: undefined };
    return [BUDGET_FIELD, await this.#budget(by.verified, cost)];
  }

  #metering(
    { granted, verified }: By,
    metered: NonNullable<Admitted["metered"]>,
    more: Pick<MeteringOptions, "instead" | "overrun">,
  ): Metering {
    const { asked, meter, price, most, reserved, outputLimit } = metered;
    return new Metering({
      granted,
      reader: meter.reader(asked),
      isStream: asked.isStream,
      mayReason: asked.mayReason === true,
      price,
      most,
      reserved,
      outputLimit,
      budget: (cost) => this.#budget(verified, cost),
      ...more,
      alarm: (what) => this.#context.alarm(`${this.#service.name}: ${what}`),
    });
  }

  #onOverrun(overrun: () => void): Pick<MeteringOptions, "overrun"> {
    const isCut = this.#service.midStream === "cut" && !this.#context.isShadow;
    return isCut ? { overrun } : {};
  }

  /** The last part of a stream whose credential was revoked or frozen: never a quiet end. */
  #ended(why: DenialFacts): Buffer {
    const { dialect = this.#service.preset.dialect } = this.#match.route;
    return Buffer.from(dialect.streamError(why));
  }

  #plan({ body, isAsSent }: Admitted, lease: Lease | undefined): Plan {
    const { incoming, target, query } = this.#request;
    const key = placed(lease, this.#service.preset.keyPlace);
    const isMetered = body instanceof Uint8Array && isAsSent !== true;
    // Compressed, an answer would hide its usage, and the vendor's key from what hides the key.
    const isRead = isMetered || lease !== undefined;
    const isOfPage = judgesPage(this.#service.cors, incoming);
    const isOfCredential = ofCredential(incoming.rawHeaders);
    const fields = forUpstream(
      incoming.rawHeaders,
      (name) =>
        isOfCredential(name) ||
        isOfPage(name) ||
        (isMetered && OF_THE_BODY.has(name)) ||
        (isRead && name === "accept-encoding"),
    );
    // What was judged is JSON in UTF-8, whatever the client calls it.
    if (isMetered) fields.push("content-type", "application/json");
    if (isRead) fields.push("accept-encoding", "identity");
    for (const [name, value] of key.headers) fields.push(name, value);
    return {
      hider: lease && new Hider(lease.secret),
      method: incoming.method ?? "",
      path: target.path + withQuery(query, key.query),
      fields,
      body,
    };
  }
}

/** Fields that are written anew for a body that was read. Its length, by undici. */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  ...["content-type", "content-length", "content-digest", "repr-digest"],
]);

/** What a client that has seen nothing of an answer is told. */
function errorOf(
  outcome: Outcome,
  cost: Cost | undefined,
  stopped: () => DenialFacts,
): DenialFacts | undefined {
  if (outcome.kind === "failed") return unreached(outcome.error, cost);
  return outcome.kind === "cut" ? stopped() : undefined;
}

/** Too little is left, or was sold, and nothing else speaks against the request. */
const isOfBudget = (error: unknown): boolean =>
  error instanceof DeniedError &&
  error.refusals.every(({ code }) => code === "ERR_BUDGET" || code === "ERR_PRICE");
