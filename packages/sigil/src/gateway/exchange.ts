/** One request of an agent, from its credential to its settlement. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { BudgetError, type SigilError } from "l8nt";
import type { Verified } from "l8nt/l402";
import type { Ledger } from "l8nt/ports";
import type { Granted, RequestFacts } from "l8nt/service";
import type { Edit } from "./body/edit.ts";
import { readJson } from "./body/json-body.ts";
import type { Bodies } from "./core/body.ts";
import { forUpstream, valuesOf } from "./core/fields.ts";
import { Forwarding, type Outcome, type Plan } from "./core/forward.ts";
import type { Target } from "./core/request.ts";
import { isKeyField, withoutQueryKeys } from "./credential/place.ts";
import { presentedKey } from "./credential/present.ts";
import {
  missing,
  noBudget,
  noFlatPrice,
  noKey,
  REVOKED,
  unbounded,
  unpriced,
  unreached,
} from "./denials.ts";
import { Denied } from "./denied.ts";
import type { Entry } from "./entry.ts";
import { amountOf, type Cost } from "./meter/cost.ts";
import { fittingOutput } from "./meter/fit.ts";
import { budgetField, least, spendingOf } from "./meter/limits.ts";
import { Metering } from "./meter/metering.ts";
import { worstCase } from "./presets/bound.ts";
import { clamp } from "./presets/cap.ts";
import type { RouteMatch } from "./presets/match.ts";
import type { Asked, Meter } from "./presets/preset.ts";
import type { ModelPrice } from "./prices/model-price.ts";
import { type Instead, insteadOf, RefusalWatcher } from "./refusal.ts";
import type { Service } from "./service.ts";
import { type Usage, usageOf } from "./usage.ts";
import { type PlacedKey, place } from "./vault/place.ts";
import type { Lease } from "./vault/vault.ts";

export interface ExchangeContext {
  readonly ledger: Pick<Ledger, "usage">;
  readonly bodies: Bodies;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly alarm: (what: string) => void;
  /** What is told of this request. */
  readonly entry: Entry;
}

/** A request that was let through and is ready to be sent. */
interface Admitted {
  readonly granted: Granted;
  readonly verified: Verified;
  readonly body: Plan["body"];
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

/** Of an answer that would be of no use. Hidden reasoning eats a smaller cap. */
const LEAST_OUTPUT = { plain: 256, reasoning: 4096 } as const;
/** How often a request is made smaller because others took what was left meanwhile. */
const MAX_FITS = 4;

export class Exchange {
  readonly #service: Service;
  readonly #match: RouteMatch;
  readonly #target: Target;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #context: ExchangeContext;
  #release = (): void => {};

  constructor(
    {
      service,
      match,
      target,
    }: { readonly service: Service; readonly match: RouteMatch; readonly target: Target },
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
    const lease = vault.lease(name);
    if (lease === undefined && needsKey) throw noKey(name);
    try {
      await this.#forward(await this.#admit(), lease);
    } finally {
      this.#release();
      lease?.end();
    }
  }

  async #admit(): Promise<Admitted> {
    const { preset, free } = this.#service;
    const { route } = this.#match;
    const { rawHeaders } = this.#incoming;
    const text = presentedKey(preset.credentialPlaces, rawHeaders, this.#target.query);
    if (text === undefined) throw missing();
    // Before anything of the body is read.
    const verified = this.#service.paywall.authority.verifier.authenticate(text);
    // Nor is it read for a key that has ended or was revoked.
    this.#context.entry.proven(verified);
    verified.demand({ now: this.#context.clock(), target: "self" });
    this.#checkFields();
    if (route.meter === "flat") throw noFlatPrice(this.#match.capability);
    if (route.meter === "free") {
      // A path may name a model, and a body that is not read may too.
      const isRead = this.#incoming.method === "GET" || this.#incoming.method === "HEAD";
      const model = this.#match.model ?? (isRead ? null : undefined);
      this.#context.entry.know({ model: model ?? undefined });
      const granted = await this.#granted(free, text, { model });
      return { granted, verified, body: bodyOf(this.#incoming) };
    }
    const [root, branch = root] = verified.nodes;
    const held = await this.#context.bodies.read(this.#incoming, branch!.id);
    this.#release = held.release;
    const body = readJson(held.bytes);
    const url = new URL(`http://gateway.invalid${this.#target.path}${this.#target.query}`);
    const asked = route.meter.ask(body, url, this.#service.allowances);
    this.#context.entry.know({ model: asked.model });
    const price = this.#service.prices.find(preset.name, asked.model, this.#context.clock() * 1000);
    if (price === undefined) throw unpriced(asked.model);
    if (!price.isFree && !hasBudget(verified)) throw noBudget();
    const fitted = await this.#fit({ asked, price, text, verified });
    const { edits, ...rest } = fitted;
    return {
      granted: fitted.granted,
      verified,
      body: body.edited([...asked.edits, ...edits]),
      metered: { asked, meter: route.meter, price, ...rest },
    };
  }

  /** What is asked for in fields is seen by no meter. @throws Denied */
  #checkFields(): void {
    for (const { name, matches } of this.#service.preset.fieldsRefused ?? [])
      if (valuesOf(this.#incoming.rawHeaders, name).some((value) => matches?.test(value) ?? true))
        throw new Denied({
          status: 403,
          code: "field_not_allowed",
          title: "Field not allowed",
          detail: `Sigil: the header field ${name}${matches === undefined ? "" : " with this value"} changes what the request costs, or who pays for it. Leave it out.`,
        });
  }

  /** Reserves the worst case of the request, made smaller if that is what it takes. */
  async #fit({
    asked,
    price,
    text,
    verified,
  }: {
    readonly asked: Asked;
    readonly price: ModelPrice;
    readonly text: string;
    readonly verified: Verified;
  }) {
    let output: number | undefined;
    let edits: readonly Edit[] = [];
    for (let fits = 0; ; fits++) {
      const most = price.isFree ? usageOf({}) : worstCase(asked.bound, price.limits, output);
      const reserved = most && price.dearest(most);
      if (most === undefined || reserved === undefined) throw unbounded(asked.model);
      this.#context.entry.opened({ reserved, price: price.line });
      try {
        const granted = await this.#granted(this.#service.metered, text, {
          model: asked.model,
          price: { unit: "usd_micro", value: reserved },
        });
        return { granted, edits, most, reserved, outputLimit: output };
      } catch (error) {
        if (!isOfBudget(error) || asked.cap === undefined || fits === MAX_FITS) throw error;
        const limits = await spendingOf(verified, this.#context.ledger, this.#context.clock());
        const left = least(limits, "usd_micro")!;
        const usual = price.limits.reasons ? LEAST_OUTPUT.reasoning : LEAST_OUTPUT.plain;
        const bounds = {
          asked: asked.bound.maxOutput ?? price.limits.maxOutput ?? 0,
          least: Math.max(asked.cap.least, Math.min(usual, asked.bound.maxOutput ?? usual)),
        };
        const fitted = fittingOutput(bounds, left, (tokens) => {
          const usage = worstCase(asked.bound, price.limits, tokens);
          return usage && price.dearest(usage);
        });
        const clamped = fitted === undefined ? undefined : clamp(asked.cap, fitted);
        if (fitted === undefined || clamped === undefined || fitted === output) throw error;
        output = fitted;
        edits = clamped;
      }
    }
  }

  /** @throws the error that the request is refused for */
  async #granted(
    route: Service["metered"],
    text: string,
    more: Pick<RequestFacts, "model" | "price">,
  ): Promise<Granted> {
    const { method = "", socket } = this.#incoming;
    const decision = await route.authorize({
      method,
      target: this.#target.path,
      authorization: `L402 ${text}`,
      capability: this.#match.capability,
      clientAddress: socket.remoteAddress,
      headers: () => new Headers(),
      useId: this.#context.entry.id,
      ...more,
    });
    if (decision.granted) return decision;
    if (!("error" in decision)) throw new TypeError("a request without a key was answered");
    throw decision.error as SigilError;
  }

  async #forward(admitted: Admitted, lease: Lease | undefined): Promise<void> {
    const { granted, verified, metered } = admitted;
    const { name, preset } = this.#service;
    const dialect = this.#match.route.dialect ?? preset.dialect;
    const instead = insteadOf(name, dialect, this.#context.alarm);
    const metering = metered && this.#metering(admitted, metered, instead);
    const forwarding = new Forwarding(
      this.#service.upstream,
      this.#outgoing,
      this.#plan(admitted, lease),
      metering ?? new RefusalWatcher(instead),
      () => this.#context.entry.begun(),
    );
    // Revoked, or ended, while its answer is under way.
    const stopWatching = verified.watch(() => forwarding.cut(this.#ended()));
    const outcome = await forwarding.outcome;
    stopWatching();
    const status = "status" in outcome ? outcome.status : undefined;
    let cost: Cost | undefined;
    if (metering !== undefined) cost = await metering.settle(outcome);
    else await granted.finish(outcome.kind === "failed" ? undefined : status);
    const error = this.#outgoing.headersSent ? undefined : errorOf(outcome, cost);
    this.#context.entry.settled({
      end: outcome.kind,
      status: error?.facts.status ?? status,
      code: error?.facts.code,
      spent: cost?.micro,
      isEstimated: cost?.isEstimated ?? false,
      usage: cost?.usage,
    });
    if (error !== undefined) throw error;
  }

  #metering(
    { granted, verified }: Admitted,
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
      budget: async (cost) => {
        const { ledger, clock } = this.#context;
        const limits = await spendingOf(verified, ledger, clock()).catch(() => []);
        return budgetField(limits, amountOf(cost), cost.isEstimated);
      },
      instead,
    });
  }

  /** The last part of a stream whose credential was revoked: never a quiet end. */
  #ended(): Buffer {
    const { dialect = this.#service.preset.dialect } = this.#match.route;
    return Buffer.from(dialect.streamError(REVOKED));
  }

  #plan({ body }: Admitted, lease: Lease | undefined): Plan {
    const { preset } = this.#service;
    const key = lease === undefined ? NO_KEY : place(lease.secret, preset.keyPlace);
    const isMetered = body instanceof Uint8Array;
    const fields = forUpstream(
      this.#incoming.rawHeaders,
      (name) => isKeyField(name) || (isMetered && OF_THE_BODY.has(name)),
    );
    // What was judged is JSON in UTF-8, whatever the client calls it; and a compressed answer hides
    // its usage.
    if (isMetered) fields.push("content-type", "application/json", "accept-encoding", "identity");
    for (const [name, value] of key.headers) fields.push(name, value);
    const query = withoutQueryKeys(this.#target.query, preset.credentialPlaces);
    return {
      method: this.#incoming.method ?? "",
      path: this.#target.path + withQuery(query, key.query),
      fields,
      body,
    };
  }
}

/** Fields that are written anew for a body that was read. Its length, by undici. */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  ...["content-type", "content-length", "accept-encoding"],
]);

const NO_KEY: PlacedKey = { headers: [], query: undefined };

function bodyOf(incoming: IncomingMessage): IncomingMessage | undefined {
  const { headers, httpVersionMajor } = incoming;
  // Over HTTP/2 a body needs neither field.
  const { stream } = incoming as { stream?: { readonly endAfterHeaders: boolean } };
  const isThere =
    httpVersionMajor === 2
      ? stream?.endAfterHeaders === false
      : Number(headers["content-length"] ?? 0) > 0 || headers["transfer-encoding"] !== undefined;
  return isThere ? incoming : undefined;
}

/** What a client that has seen nothing of an answer is told. */
function errorOf(outcome: Outcome, cost: Cost | undefined): Denied | undefined {
  if (outcome.kind === "failed") return unreached(outcome.error, cost);
  return outcome.kind === "cut" ? new Denied(REVOKED) : undefined;
}

function withQuery(query: string, added: string | undefined): string {
  if (added === undefined) return query;
  return query === "" ? `?${added}` : `${query}&${added}`;
}

/** A budget of the chain has too little left, and nothing else speaks against the request. */
const isOfBudget = (error: unknown): boolean =>
  error instanceof BudgetError && error.refusals.every(({ code }) => code === "ERR_BUDGET");

/** Units are never converted, so only a budget in US dollars pays for tokens. */
const hasBudget = ({ limits }: Verified): boolean =>
  limits.some(({ kind, unit }) => kind === "spend" && unit === "usd_micro");
