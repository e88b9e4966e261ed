/** The treasury: holds the wallet, and buys access for agents within their scope and their budgets. spec/4-purchase.md. */
import { type Access, formatOrigin, type Scope, type Target, targetOfUrl } from "../caveat/index.ts";
import { AdapterError, DeniedError, PaymentError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import { checkTransport } from "../internal/transport.ts";
import { Turns } from "../internal/turns.ts";
import {
  Authority,
  Challenge,
  type Credential,
  revokeAsAsked,
  type Secret,
  type Verified,
} from "../l402/index.ts";
import { budgetError } from "../ledger/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import type { PaymentRecord, Store } from "../ports/store.ts";
import type { NodeStanding, PaymentSummary, Purchase, PurchaseRequest, Treasurer } from "../ports/treasury.ts";
import type { Payer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import { Census } from "./census.ts";
import { type Handover, handoverCaveats } from "./handover.ts";
import { type Holding, Holdings, holdingOf } from "./holdings.ts";
import { relayed, send } from "./outbound.ts";
import { intentOf, Purse } from "./purse.ts";
import { revokeAt } from "./recall.ts";

export interface TreasuryOptions {
  /** 32 random bytes or more, or their hex. */
  readonly secret: Secret;
  readonly previousSecrets?: readonly Secret[];
  /** The URL where agents reach this treasury: it goes into their credentials. */
  readonly location: string;
  /** Pays. A function where it is to be opened at the first payment. */
  readonly wallet: Payer | (() => Promise<Payer>);
  /** In memory where it is not given: then a restart forgets what was spent. */
  readonly store?: Store;
  /** How requests reach services; see `guardedFetch` for one that keeps to public addresses. */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** The most that routing one payment may cost. The larger of 3 sat and 1 % where it is not given. */
  readonly maxFeeMsat?: (amountMsat: bigint) => bigint;
  readonly paymentTimeoutSeconds?: number;
  readonly requestTimeoutSeconds?: number;
  /** How long a service that took a payment and did not deliver is paid nothing. */
  readonly quarantineSeconds?: number;
  /** Told what a person should look at. */
  readonly alarm?: (what: string) => void;
}

/** One request, with everything that was found out about it. */
interface Errand {
  readonly verified: Verified;
  readonly target: Target;
  readonly url: URL;
  readonly request: PurchaseRequest;
}

/** After paying, how often a service is asked before it counts as not delivering. [case 72] */
const DELIVERY_ATTEMPTS = 3;

const defaultMaxFee = (amountMsat: bigint): bigint => (amountMsat / 100n > 3000n ? amountMsat / 100n : 3000n);

export class Treasury implements Treasurer {
  readonly authority: Authority;
  readonly location: string;
  readonly #options: Required<
    Pick<TreasuryOptions, "fetch" | "clock" | "requestTimeoutSeconds" | "quarantineSeconds" | "alarm">
  >;
  readonly #store: Store;
  readonly #purse: Purse;
  readonly #holdings: Holdings;
  readonly #census: Census;
  readonly #turns = new Turns();
  readonly #handovers = new Lru<string, Handover>(10_000);
  /** By origin: until when (Unix seconds) nothing is paid there. */
  readonly #quarantine = new Lru<string, number>(1000);

  constructor(options: TreasuryOptions) {
    const { secret, previousSecrets = [], location, wallet, clock = systemClock, alarm = () => {} } = options;
    this.location = location;
    this.authority = new Authority({ secret, previousSecrets, location, kind: "spending", clock });
    this.#store = options.store ?? new MemoryStore();
    this.#options = {
      fetch: options.fetch ?? fetch,
      clock,
      alarm,
      requestTimeoutSeconds: options.requestTimeoutSeconds ?? 30,
      quarantineSeconds: options.quarantineSeconds ?? 600,
    };
    this.#purse = new Purse({
      wallet: typeof wallet === "function" ? wallet : async () => wallet,
      store: this.#store,
      clock,
      maxFeeMsat: options.maxFeeMsat ?? defaultMaxFee,
      paymentTimeoutSeconds: options.paymentTimeoutSeconds ?? 60,
      alarm,
    });
    this.#holdings = new Holdings(this.#store);
    this.#census = new Census(this.#store, this.authority);
  }

  /**
   * The credential of an agent at the top of a tree.
   *
   * @throws TypeError without endpoints, an end, or a budget: there is no god mode
   * @example
   * treasury.mint({ endpoints: ["GET https://api.weather.example/*"], budget: "1000 sat", expiresIn: "1h" });
   */
  mint(scope: Scope): Credential {
    return this.authority.mint(scope);
  }

  async buy(request: PurchaseRequest): Promise<Purchase> {
    const url = readUrl(request.url);
    const target = targetOfUrl(request.method, url);
    if (target === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "The method or the URL cannot be requested: http(s), without credentials in it.",
      );
    const verified = this.#admit(request.credential, { now: this.#options.clock(), target });
    checkTransport(url);
    const errand: Errand = { verified, target, url, request };
    return verified.limits.some(({ kind }) => kind === "uses") ? this.#counted(errand) : this.#run(errand);
  }

  #admit(credential: string, access: Access): Verified {
    const verified = this.authority.authenticate(credential);
    this.#census.meet(verified);
    const [first, ...others] = verified.refusals(access);
    if (first !== undefined) throw new DeniedError([first, ...others]);
    return verified;
  }

  /** A scope with use counts: claimed before anything is asked of the service, given back where nothing was served. [case 88] */
  async #counted(errand: Errand): Promise<Purchase> {
    const { limits } = errand.verified;
    const id = hexText(randomBytes(16));
    const need = { amountMsat: 0n, uses: 1n };
    const answer = await this.#store.reserve({ id, at: this.#options.clock(), counted: limits, ...need });
    if (!answer.reserved) throw budgetError(limits, answer.refused, need);
    try {
      const purchase = await this.#run(errand);
      const served = purchase.kind === "credential" || purchase.response.status < 500;
      await (served
        ? this.#store.commit(id, 0n, this.#options.clock())
        : this.#store.release(id, this.#options.clock()));
      return purchase;
    } catch (error) {
      await this.#store.release(id, this.#options.clock());
      throw error;
    }
  }

  async #run(errand: Errand): Promise<Purchase> {
    const { refused } = errand.request;
    const doubted = refused === undefined ? undefined : await this.#doubt(errand, refused);
    if (doubted !== undefined) return doubted;
    // What is held is used without waiting for anybody; only who has to pay waits for his turn.
    return (
      (await this.#fromHoldings(errand)) ??
      this.#turns.take(intentOf(errand.verified, errand.target), () => this.#inTurn(errand))
    );
  }

  async #inTurn(errand: Errand): Promise<Purchase> {
    await this.#settleOpen(errand);
    return (await this.#fromHoldings(errand)) ?? this.#ask(errand);
  }

  /** What the agent says about a credential that it holds: used up, or paid for and never served. */
  async #doubt(
    errand: Errand,
    { paymentHash, delivered }: NonNullable<PurchaseRequest["refused"]>,
  ): Promise<Purchase | undefined> {
    const record = await this.#store.payment(paymentHash);
    const payer = record?.nodeIds.at(-1);
    const isTheirs = errand.verified.nodes.some(({ id }) => id === payer);
    if (record?.preimage === undefined || record.status === "undelivered" || !isTheirs) return undefined;
    const holding = holdingOf(record);
    if (!delivered) return this.#deliver(errand, holding);
    await this.#holdings.usedUp(holding);
    return undefined;
  }

  /** A payment for this intent whose outcome was not known: it is asked for before another is made. [case 63] */
  async #settleOpen({ verified, target }: Errand): Promise<void> {
    const intent = intentOf(verified, target);
    for (const record of await this.#store.openPayments())
      if (record.intent === intent) await this.#purse.follow(record).catch(rethrowUnlessSettled);
  }

  async #fromHoldings(errand: Errand): Promise<Purchase | undefined> {
    for (;;) {
      const holding = await this.#holdings.take(errand.verified, errand.target, this.#options.clock());
      if (holding === undefined) return undefined;
      const handed = await this.#handOver(errand, holding);
      if (handed !== undefined) return handed;
      const response = await this.#use(errand, holding);
      if (response !== undefined) return { kind: "response", response: relayed(response) };
      await this.#holdings.usedUp(holding);
    }
  }

  /** Fetches the challenge itself: nobody can hand it an invoice. [case 99] */
  async #ask(errand: Errand): Promise<Purchase> {
    const response = await this.#send(errand, undefined);
    if (response.status !== 402) return { kind: "response", response: relayed(response) };
    await response.body?.cancel();
    this.#checkQuarantine(errand.target);
    const challenge = Challenge.parse(response.headers.get("www-authenticate"));
    const record = await this.#pay(errand, challenge);
    const payment: PaymentSummary = {
      origin: record.origin,
      paymentHash: record.paymentHash,
      amountMsat: record.amountMsat,
      feeMsat: record.feeMsat ?? 0n,
    };
    const holding = holdingOf(record);
    const purchase = (await this.#handOver(errand, holding)) ?? (await this.#deliver(errand, holding));
    return { ...purchase, payment };
  }

  async #pay({ verified, target }: Errand, challenge: Challenge): Promise<PaymentRecord> {
    const { paymentHash } = challenge.identifier;
    this.#holdings.takeNew(paymentHash, challenge.macaroon);
    try {
      return await this.#purse.pay(verified, target, challenge);
    } catch (error) {
      // Where it turns out later that it was paid, whoever asks next may have it.
      this.#holdings.giveBack(paymentHash);
      throw error;
    }
  }

  async #handOver({ verified, target }: Errand, holding: Holding): Promise<Purchase | undefined> {
    const now = this.#options.clock();
    const caveats = handoverCaveats(verified, target, holding.record.enforced, now);
    if (caveats === undefined) return undefined;
    const credential = holding.full.append(caveats);
    await this.#holdings.given(holding);
    this.#handovers.set(hexText(randomBytes(8)), {
      origin: holding.record.origin,
      full: holding.full,
      caveats,
      nodeIds: verified.nodes.map(({ id }) => id),
      validUntil: credential.chain.validUntil ?? now,
    });
    return { kind: "credential", credential: credential.toString() };
  }

  /** One request with what was paid for; undefined where the service asks for payment all the same. */
  async #use(errand: Errand, holding: Holding): Promise<Response | undefined> {
    let response: Response;
    try {
      response = await this.#send(errand, holding.full);
    } catch (error) {
      this.#holdings.giveBack(holding.record.paymentHash);
      throw error;
    }
    if (response.status === 402) {
      await response.body?.cancel();
      return undefined;
    }
    if (response.status >= 500) this.#holdings.giveBack(holding.record.paymentHash);
    else await this.#holdings.given(holding);
    return response;
  }

  /** Uses what was just paid for; a service that still asks for payment has not delivered, and is not paid again. [case 62] */
  async #deliver(errand: Errand, holding: Holding): Promise<Purchase> {
    const shared = this.#holdings.timesGiven(holding.record) > 1;
    for (let attempt = 1; attempt <= DELIVERY_ATTEMPTS; attempt++) {
      try {
        const response = await this.#use(errand, holding);
        if (response !== undefined) return { kind: "response", response: relayed(response) };
      } catch (error) {
        if (attempt === DELIVERY_ATTEMPTS) throw afterPaying(error);
      }
    }
    const { origin, paymentHash } = holding.record;
    if (shared) await this.#holdings.usedUp(holding);
    else {
      await this.#holdings.undelivered(holding);
      this.#quarantine.set(origin, this.#options.clock() + this.#options.quarantineSeconds);
      this.#options.alarm(`${origin} took payment ${paymentHash} and did not deliver`);
    }
    throw new PaymentError(
      "ERR_PAID_NOT_DELIVERED",
      "yes",
      `${origin} was paid and still asks for payment. It was not paid again${shared ? "" : ", and is paid nothing for now"}.`,
    );
  }

  #send({ request, url }: Errand, credential: Credential | undefined): Promise<Response> {
    const { method, headers, body } = request;
    const { fetch: fetcher, requestTimeoutSeconds } = this.#options;
    return send(
      fetcher,
      { method, url, headers, ...(body !== undefined && { body }) },
      credential,
      requestTimeoutSeconds,
    );
  }

  #checkQuarantine({ origin }: Target): void {
    const until = this.#quarantine.get(formatOrigin(origin)) ?? 0;
    if (this.#options.clock() < until)
      throw new PaymentError(
        "ERR_ORIGIN_QUARANTINED",
        "no",
        `${formatOrigin(origin)} took a payment and did not deliver, so it is paid nothing for now.`,
      );
  }

  async revoke(credential: string, caveats: readonly string[]): Promise<string> {
    const ancestor = this.#admit(credential, { now: this.#options.clock(), target: "self" });
    const nodeId = revokeAsAsked(this.authority, ancestor, { caveats });
    await this.#recall(nodeId);
    return nodeId;
  }

  /** The owner's revocation: any node. */
  async revokeNode(nodeId: string): Promise<void> {
    this.authority.revoke(nodeId);
    await this.#recall(nodeId);
  }

  /** What was handed over to a node is revoked too, at the services that can. */
  async #recall(nodeId: string): Promise<void> {
    const now = this.#options.clock();
    const affected = [...this.#handovers.values()].filter(
      ({ nodeIds, validUntil }) => nodeIds.includes(nodeId) && validUntil > now,
    );
    await Promise.all(affected.map((handover) => revokeAt(this.#options.fetch, handover)));
  }

  async standing(credential: string): Promise<readonly NodeStanding[]> {
    const now = this.#options.clock();
    return this.#census.chain(this.#admit(credential, { now, target: "self" }), now);
  }

  async tree(credential: string): Promise<readonly NodeStanding[]> {
    const now = this.#options.clock();
    return this.#census.below(this.#admit(credential, { now, target: "self" }), now);
  }

  /** Asks the wallet about every payment whose outcome is not known: at start, before serving, and whenever a person wants to know. */
  async reconcile(): Promise<{ readonly stillOpen: number }> {
    for (const record of await this.#store.openPayments()) await this.#purse.follow(record).catch(() => {});
    return { stillOpen: (await this.#store.openPayments()).length };
  }
}

function readUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new AdapterError("ERR_REQUEST", "The URL cannot be read.");
  }
}

function rethrowUnlessSettled(error: unknown): void {
  if (error instanceof PaymentError && error.spent === "no") return;
  throw error;
}

function afterPaying(cause: unknown): PaymentError {
  return new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    "The service was paid and does not answer. What was paid for is kept: ask again, and it is used without paying.",
    { cause },
  );
}
