/** One request of an agent, from its credential to its settlement. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { DeniedError, TokenError } from "l8nt";
import type { Amount } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Ledger } from "l8nt/ports";
import type { Answer, Decision, Granted, RequestFacts } from "l8nt/service";
import { branchOf, checkHead, checkNotSold, grantedBy, hasBudget } from "./admission.ts";
import type { Edit } from "./body/edit.ts";
import { type JsonBody, readJson } from "./body/json-body.ts";
import { type Bodies, UnreadBody } from "./core/body.ts";
import { forUpstream, type Lines, valuesOf } from "./core/fields.ts";
import { Forwarding, type Outcome, type Plan } from "./core/forward.ts";
import { hasBody, type Target } from "./core/request.ts";
import type { Shares } from "./core/shares.ts";
import { type Slot, takeInside } from "./core/slots.ts";
import { isKeyField, withoutQueryKeys } from "./credential/place.ts";
import { presentedKey } from "./credential/present.ts";
import { presentedToSale } from "./credential/presented-sale.ts";
import {
  AGAIN,
  missing,
  noBudget,
  noFlatPrice,
  noKey,
  stoppedBy,
  unbounded,
  unpriced,
  unreached,
} from "./denials.ts";
import { Denied, denialOf } from "./denied.ts";
import type { Entry } from "./entry.ts";
import { clientOf, type Freebies } from "./freebies.ts";
import { amountOf, type Cost } from "./meter/cost.ts";
import { counted } from "./meter/counted.ts";
import { endOf, fitTo } from "./meter/fit.ts";
import { settleFlat, settleUse } from "./meter/flat.ts";
import { BUDGET_FIELD, budgetField, type Left, least, spendingOf } from "./meter/limits.ts";
import { Metering } from "./meter/metering.ts";
import { worstCase } from "./presets/bound.ts";
import type { DenialFacts } from "./presets/dialect.ts";
import type { Asked, Meter } from "./presets/preset.ts";
import type { ModelPrice } from "./prices/model-price.ts";
import { type Instead, insteadOf, RefusalWatcher } from "./refusal.ts";
import type { ServedRoute } from "./routes.ts";
import { estimateOf } from "./selling/estimate.ts";
import { KeptAnswer } from "./selling/kept.ts";
import { deniedBy } from "./selling/offered.ts";
import { type Sale, unitPaid } from "./selling/seller.ts";
import type { Service } from "./service.ts";
import { type Counted, UNCOUNTED, wouldDeny } from "./shadow.ts";
import type { TokenCounter } from "./tokens/counter.ts";
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
  readonly freebies: Freebies;
  readonly tokens: Pick<TokenCounter, "count">;
  /** What is told of this request. */
  readonly entry: Entry;
  /** Whether budgets, models and prices deny nothing. */
  readonly isShadow: boolean;
}

/** A request that was let through and is ready to be sent. */
interface Admitted {
  /** Undefined of a request that needed no credential. */
  readonly by?: By;
  readonly body: Plan["body"];
  /** The answer to the same request, which was sent before: it is not sent to the vendor again. */
  readonly again?: Answer;
  /** A price of every request, which is reserved. */
  readonly flat?: Amount | undefined;
  readonly metered?: {
    readonly asked: Asked;
    readonly meter: Meter;
    readonly price: ModelPrice;
    readonly most: Usage;
    readonly reserved: bigint;
    /** The output cap that was written into the request, if it was lowered. */
    readonly outputLimit: number | undefined;
  };
}

/** Whose request it is, and what was reserved for it. */
interface By {
  readonly granted: Counted;
  readonly verified: Verified;
}

/** A metered request whose worst case is to be reserved. */
interface Fitting {
  readonly asked: Asked;
  readonly price: ModelPrice;
  readonly verified: Verified;
}

interface Fitted {
  readonly granted: Counted;
  readonly edits: readonly Edit[];
  readonly most: Usage;
  readonly reserved: bigint;
  readonly outputLimit: number | undefined;
}

const STRANGERS = "strangers";
/** How often a request is made smaller because others took what was left meanwhile. */
const MAX_FITS = 4;

export class Exchange {
  readonly #service: Service;
  readonly #match: ServedRoute;
  readonly #target: Target;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #context: ExchangeContext;
  #release = (): void => {};
  /** Whose request it is: the branch of the tree. All without a credential have one part. */
  #holder = STRANGERS;
  #slot: Slot | undefined;
  /** What was left when a budget ran dry. */
  #left: readonly Left[] = [];

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
    this.#service = service;
    this.#match = match;
    this.#target = target;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#context = context;
  }

  /** @throws Denied, and every error that `denialOf` reads, before anything was sent */
  async run(): Promise<void> {
    const { name, vault, needsKey } = this.#service;
    const isWithKey = needsKey && this.#match.rule.isKeyed;
    const lease = isWithKey ? vault.lease(name) : undefined;
    if (lease === undefined && isWithKey) throw noKey(name);
    try {
      await this.#forward(await this.#admit(), lease);
    } catch (error) {
      throw isOfBudget(error) ? denialOf(error, this.#left) : error;
    } finally {
      this.#release();
      this.#slot?.release();
      lease?.end();
    }
  }

  async #admit(): Promise<Admitted> {
    const { preset } = this.#service;
    const { rule, charge, capability } = this.#match;
    const { rawHeaders, socket } = this.#incoming;
    if (rule.access === "free") return this.#unjudged();
    const sale = this.#service.seller?.saleOf(this.#match);
    const bought = sale && (await this.#bought(sale));
    if (bought !== undefined) return bought;
    const text = presentedKey(preset.credentialPlaces, rawHeaders, this.#target.query);
    if (text === undefined) {
      if (rule.access !== "freebie") throw missing();
      const admitted = await this.#unjudged();
      await this.#context.freebies.take(this.#service, rule, socket.remoteAddress);
      return admitted;
    }
    // Before anything of the body is read.
    const verified = this.#service.paywall.authority.verifier.authenticate(text);
    // Nor is it read for a key that has ended or was revoked.
    this.#context.entry.proven(verified);
    this.#holder = branchOf(verified);
    verified.demand({ now: this.#context.clock(), target: "self" });
    checkNotSold(this.#service, verified);
    this.#checkHead();
    if (charge.kind === "unpriced") {
      this.#shadow(noFlatPrice(capability));
      return this.#unmetered(undefined, verified);
    }
    if (charge.kind !== "meter")
      return this.#unmetered(charge.kind === "flat" ? charge.price : undefined, verified);
    const read = await this.#read();
    const { model } = read.asked;
    const price = this.#service.prices.find(preset.name, model, this.#context.clock() * 1000);
    if (price === undefined) {
      const granted = this.#shadow(unpriced(model));
      return { by: { granted, verified }, body: read.bytes };
    }
    return this.#metered(read, price, verified);
  }

  /** @throws the error, unless it is one that `--shadow` only writes down */
  #shadow(error: unknown): Counted {
    const code = this.#context.isShadow ? wouldDeny(error) : undefined;
    if (code === undefined) throw error;
    this.#context.entry.know({ wouldDeny: code });
    return UNCOUNTED;
  }

  /** A request that needs no credential. What the vendor bills to the owner's key is still read. */
  async #unjudged(): Promise<Admitted> {
    this.#checkHead();
    const read = this.#match.rule.isKeyed ? (await this.#named()).read : undefined;
    return { body: read?.bytes ?? bodyOf(this.#incoming) };
  }

  /** A request whose price is known before it is read. */
  async #unmetered(flat: Amount | undefined, verified: Verified): Promise<Admitted> {
    const isPayable = flat === undefined || hasBudget(verified, flat.unit);
    const unpaid = isPayable ? undefined : this.#shadow(noBudget(flat.unit));
    const { read, model } = await this.#named();
    if (flat !== undefined)
      this.#context.entry.opened({ unit: flat.unit, reserved: flat.value, price: "flat" });
    const { free, metered } = this.#service;
    const more = { model, ...(flat !== undefined && { price: flat }) };
    const granted =
      unpaid ??
      (await this.#granted(flat === undefined ? free : metered, verified, more).catch((error) =>
        this.#shadow(error),
      ));
    return { by: { granted, verified }, body: read?.bytes ?? bodyOf(this.#incoming), flat };
  }

  /**
   * The model of a request that is not metered. A body that a meter knows is read, for its model
   * and for what would cost the owner more than a flat price.
   */
  async #named() {
    const isKnown = typeof this.#match.route.meter === "object";
    const read = isKnown ? await this.#read() : undefined;
    const model = read?.asked.model ?? this.#modelOfPath();
    this.#context.entry.know({ model: model ?? undefined });
    return { read, model };
  }

  /** Of a request that is not metered: a path may name a model, and a body that is not read too. */
  #modelOfPath(): string | null | undefined {
    const isRead = this.#incoming.method === "GET" || this.#incoming.method === "HEAD";
    return this.#match.model ?? (isRead ? null : undefined);
  }

  async #read(): Promise<Read> {
    const held = await this.#context.bodies.read(this.#incoming, this.#holder);
    this.#release = held.release;
    const body = readJson(held.bytes);
    const meter = this.#match.route.meter as Meter;
    return { bytes: held.bytes, body, meter, asked: this.#asked(body, meter) };
  }

  #asked(body: JsonBody | undefined, meter: Meter): Asked {
    const asked = meter.ask(body, this.#target, this.#service.allowances);
    this.#context.entry.know({ model: asked.model });
    return asked;
  }

  async #metered(
    { body, asked, meter }: Read,
    price: ModelPrice,
    verified: Verified,
  ): Promise<Admitted> {
    const { edits, ...rest } = await this.#reserved({ asked, price, verified });
    return {
      by: { granted: rest.granted, verified },
      body: body.edited([...asked.edits, ...edits]),
      metered: { asked, meter, price, ...rest },
    };
  }

  get #address(): string {
    return clientOf(this.#incoming.socket.remoteAddress);
  }

  /** Waits for a connection to the vendor, with nothing reserved yet. @throws NoSlot */
  async #turn(): Promise<void> {
    if (this.#slot !== undefined) return;
    const { slots, strangersSlots } = this.#service;
    const all = { slots, holder: this.#holder };
    const slot =
      this.#holder === STRANGERS
        ? takeInside({ slots: strangersSlots, holder: this.#address }, all)
        : slots.take(this.#holder);
    this.#slot = slot;
    if (slot.free === undefined) return;
    this.#outgoing.once("close", slot.release);
    await slot.free;
    this.#outgoing.off("close", slot.release);
  }

  /** @throws Denied */
  #checkHead(): void {
    checkHead(this.#service.preset, this.#incoming.rawHeaders, this.#target);
  }

  /** What was reserved; with `--shadow` perhaps nothing, and the request goes as it came. */
  async #reserved(fitting: Fitting): Promise<Fitted> {
    const { asked, price, verified } = fitting;
    const isShadow = this.#context.isShadow && price.unit === "usd_micro";
    let granted: Counted;
    try {
      if (price.unit === "usd_micro" && !price.isFree && !hasBudget(verified, price.unit))
        throw noBudget(price.unit);
      const fitted = await this.#fit(fitting);
      if (!isShadow || fitted.outputLimit === undefined) return fitted;
      this.#context.entry.know({ wouldDeny: "output_limited" });
      granted = fitted.granted;
    } catch (error) {
      if (!isShadow) throw error;
      granted = this.#shadow(error);
    }
    const most = worstCase(asked.bound, price.limits) ?? usageOf({});
    const reserved = price.dearest(most) ?? 0n;
    this.#context.entry.know({ unit: price.unit, reserved, price: price.line });
    return { granted, edits: [], most, reserved, outputLimit: undefined };
  }

  /**
   * Reserves the worst case of the request: if that does not fit, with its texts counted, and then
   * made smaller.
   */
  async #fit({ asked: whole, price, verified }: Fitting): Promise<Fitted> {
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
        const granted = await this.#granted(this.#service.metered, verified, {
          model: asked.model,
          price: { unit: price.unit, value: reserved },
        });
        return { granted, edits, most, reserved, outputLimit: output };
      } catch (error) {
        if (!isOfBudget(error)) throw error;
        const limits = await this.#spending(verified);
        this.#left = limits;
        const left = least(limits, price.unit)!;
        if (fits < 0) {
          const exact = await counted(asked, left, price, this.#context.tokens);
          asked = exact ?? asked;
          if (exact !== undefined) continue;
          fits = 0;
        }
        if (asked.cap === undefined || fits === MAX_FITS) throw error;
        const fitted = fitTo(left, asked, price);
        if (fitted === undefined || fitted.output === output) throw error;
        output = fitted.output;
        edits = fitted.edits;
      }
    }
  }

  /** @throws the error that the request is refused for */
  async #granted(
    route: Service["metered"],
    verified: Verified,
    more: Pick<RequestFacts, "model" | "price">,
  ): Promise<Granted> {
    await this.#turn();
    return grantedBy(route, this.#facts(verified, more));
  }

  /** @param presented the credential, or the text of one that may prove nothing */
  #facts(
    presented: Verified | string | undefined,
    more: Pick<RequestFacts, "model" | "price"> = {},
  ): RequestFacts {
    const isText = typeof presented === "string";
    const { method = "", socket, rawHeaders } = this.#incoming;
    return {
      method,
      target: this.#target.path,
      authorization: isText ? `L402 ${presented}` : null,
      verified: isText ? undefined : presented,
      capability: this.#match.capability,
      clientAddress: socket.remoteAddress,
      prefer: valuesOf(rawHeaders, "prefer").join(", "),
      headers: () => new Headers(),
      useId: this.#context.entry.id,
      ...more,
    };
  }

  /**
   * Lets a request to a route through that is for sale; undefined for a key that pays in US
   * dollars, which is judged as on any other route.
   *
   * @throws Denied with a challenge if a payment would help
   */
  async #bought(sale: Sale): Promise<Admitted | undefined> {
    const { paywall, preset } = this.#service;
    const { verifier } = paywall.authority;
    const { query } = this.#target;
    const { rawHeaders } = this.#incoming;
    const text = presentedToSale(preset.credentialPlaces, rawHeaders, query, verifier);
    this.#checkHead();
    const verified = text === undefined ? undefined : this.#proven(text);
    if (text === undefined || verified === undefined) throw await this.#unpaid(sale, text);
    const unit = unitPaid(verified);
    if (sale.flat !== undefined) {
      if (unit === "usd_micro") throw await this.#offer(sale, undefined);
      return this.#boughtFlat(sale, verified);
    }
    if (unit === "usd_micro") return undefined;
    const read = await this.#read();
    if (unit === undefined) throw await this.#offer(sale, undefined, read.asked);
    const price = this.#satPrice(read.asked);
    try {
      return await this.#metered(read, price, verified);
    } catch (error) {
      throw error instanceof DeniedError ? await this.#offer(sale, text, read.asked) : error;
    }
  }

  /** Undefined for a credential that is forged, ended or revoked. */
  #proven(text: string): Verified | undefined {
    try {
      const verified = this.#service.paywall.authority.verifier.authenticate(text);
      this.#context.entry.proven(verified);
      this.#holder = branchOf(verified);
      verified.demand({ now: this.#context.clock(), target: "self" });
      return verified;
    } catch (error) {
      // The paywall reads it again, and says which of them a payment helps with.
      if (error instanceof TokenError || error instanceof DeniedError) return undefined;
      throw error;
    }
  }

  async #boughtFlat(sale: Sale, verified: Verified): Promise<Admitted> {
    const { read, model } = await this.#named();
    await this.#turn();
    const flat = sale.flat!;
    this.#context.entry.opened({ unit: flat.unit, reserved: flat.value, price: "flat" });
    const facts = { ...this.#facts(verified, { model }), ...this.#repeatable(read?.bytes) };
    const decision = await sale.route.authorize(facts);
    if ("answer" in decision) return { body: undefined, again: decision.answer };
    if (!decision.granted) throw await this.#refused(decision, sale, flat.value);
    const by = { granted: decision, verified };
    return { by, body: read?.bytes ?? bodyOf(this.#incoming), flat };
  }

  /**
   * By what a request that is sent again is known: who paid for one call and lost the answer gets
   * it, and pays for no other one.
   */
  #repeatable(
    bytes: Uint8Array | undefined,
  ): Partial<Pick<RequestFacts, "target" | "idempotencyKey" | "headers" | "body">> {
    const { rawHeaders } = this.#incoming;
    const idempotencyKey = valuesOf(rawHeaders, "idempotency-key").join(", ");
    if (idempotencyKey === "" || bytes === undefined) return {};
    return {
      target: this.#target.path + this.#query,
      idempotencyKey,
      headers: () => headersOf(rawHeaders),
      body: async () => bytes,
    };
  }

  /** Why a request that nothing was paid for is not served: with a challenge, and its estimate. */
  async #unpaid(sale: Sale, text: string | undefined): Promise<Denied> {
    const { meter } = this.#match.route;
    if (sale.flat !== undefined || typeof meter !== "object") return this.#offer(sale, text);
    const { unpaidBodies } = this.#service.seller!;
    try {
      const held = await unpaidBodies.read(this.#incoming, this.#address);
      held.release();
      return await this.#offer(sale, text, this.#asked(readJson(held.bytes), meter));
    } catch (error) {
      // What is too large, or more than there is room for, is sold without an estimate.
      const isUnread = error instanceof UnreadBody && [413, 503].includes(error.status);
      if (!isUnread) throw error;
      return this.#offer(sale, text);
    }
  }

  /** @param asked of a metered request; undefined of one that was not read */
  async #offer(sale: Sale, text: string | undefined, asked?: Asked): Promise<Denied> {
    const seller = this.#service.seller!;
    const price = asked && this.#satPrice(asked);
    const estimate = sale.flat?.value ?? (asked && price && estimateOf(asked, price, seller.terms));
    const model = asked?.model ?? this.#modelOfPath();
    const amount = estimate === undefined ? seller.amountUnread : seller.amountFor(estimate);
    const decision = await sale.route.authorize(
      this.#facts(text, {
        model,
        ...(sale.flat === undefined && { price: { unit: "msat", value: amount } }),
      }),
    );
    if (!decision.granted) return this.#refused(decision, sale, estimate);
    // There is enough again: another request has given back what it had reserved.
    decision.grant.release();
    await decision.finish(undefined);
    return new Denied(AGAIN, 1);
  }

  #refused(decision: Exclude<Decision, Granted>, sale: Sale, estimateMsat: bigint | undefined) {
    if (decision.error === undefined) throw new TypeError("a request without a key was answered");
    return deniedBy(decision, { estimateMsat, isFlat: sale.flat !== undefined });
  }

  /** @throws Denied for a model that is not sold */
  #satPrice({ model }: Asked): ModelPrice {
    const { seller, preset } = this.#service;
    const price = seller!.prices.find(preset.name, model, this.#context.clock() * 1000);
    if (price === undefined) throw unpriced(model);
    return price;
  }

  async #forward(admitted: Admitted, lease: Lease | undefined): Promise<void> {
    const { by, metered, flat, again } = admitted;
    if (again !== undefined) return this.#repeat(again);
    await this.#turn();
    const { name, preset } = this.#service;
    const dialect = this.#match.route.dialect ?? preset.dialect;
    // Without a key nothing of the gateway's is refused.
    const instead: Instead =
      lease === undefined ? () => undefined : insteadOf(name, dialect, this.#context.alarm);
    const metering = by && metered && this.#metering(by, metered, instead);
    const watcher = metering ?? new RefusalWatcher(instead, await this.#flatFields(admitted));
    const keep = by?.granted.keeper();
    const kept = keep && new KeptAnswer(watcher, keep);
    const forwarding = new Forwarding(
      this.#service.upstream,
      this.#outgoing,
      this.#plan(admitted, lease),
      kept ?? watcher,
      {
        begun: () => this.#context.entry.begun(),
        kept: { shares: this.#context.answers, holder: this.#holder },
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

  #repeat({ status, headers, body }: Answer): void {
    const length = ["content-length", String(body.length)];
    this.#outgoing.writeHead(status, [...headers.flat(), ...length]);
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
    instead: Instead,
  ): Metering {
    const { asked, meter, price, most, reserved, outputLimit } = metered;
    return new Metering({
      granted,
      reader: meter.reader(asked),
      isStream: asked.isStream,
      price,
      most,
      reserved,
      outputLimit,
      budget: (cost) => this.#budget(verified, cost),
      instead,
      alarm: (what) => this.#context.alarm(`${this.#service.name}: ${what}`),
    });
  }

  /** The last part of a stream whose credential was revoked or frozen: never a quiet end. */
  #ended(why: DenialFacts): Buffer {
    const { dialect = this.#service.preset.dialect } = this.#match.route;
    return Buffer.from(dialect.streamError(why));
  }

  /** As the vendor gets it: without credentials. */
  get #query(): string {
    return withoutQueryKeys(this.#target.query, this.#service.preset.credentialPlaces);
  }

  #plan({ body }: Admitted, lease: Lease | undefined): Plan {
    const { preset } = this.#service;
    const key = placed(lease, preset.keyPlace);
    const isMetered = body instanceof Uint8Array;
    // Compressed, an answer would hide its usage, and the vendor's key from what hides the key.
    const isRead = isMetered || lease !== undefined;
    const fields = forUpstream(
      this.#incoming.rawHeaders,
      (name) =>
        isKeyField(name) ||
        (isMetered && OF_THE_BODY.has(name)) ||
        (isRead && name === "accept-encoding"),
    );
    // What was judged is JSON in UTF-8, whatever the client calls it.
    if (isMetered) fields.push("content-type", "application/json");
    if (isRead) fields.push("accept-encoding", "identity");
    for (const [name, value] of key.headers) fields.push(name, value);
    return {
      hider: lease && new Hider(lease.secret),
      method: this.#incoming.method ?? "",
      path: this.#target.path + withQuery(this.#query, key.query),
      fields,
      body,
    };
  }
}

/** Fields that are written anew for a body that was read. Its length, by undici. */
const OF_THE_BODY: ReadonlySet<string> = new Set([...["content-type", "content-length"]]);

const bodyOf = (incoming: IncomingMessage): IncomingMessage | undefined =>
  hasBody(incoming) ? incoming : undefined;

/** Without pseudo-fields of HTTP/2. */
function headersOf(lines: Lines): Headers {
  const headers = new Headers();
  for (let at = 0; at < lines.length; at += 2)
    if (!lines[at]!.startsWith(":")) headers.append(lines[at]!, lines[at + 1]!);
  return headers;
}

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

/** A metered request whose body was read. */
interface Read {
  readonly bytes: Buffer;
  readonly body: JsonBody;
  readonly meter: Meter;
  readonly asked: Asked;
}
