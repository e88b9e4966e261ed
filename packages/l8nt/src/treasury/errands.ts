/** Runs an errand: gets one request answered, from what is held or by paying, and never pays twice for it. spec/4-purchase.md §4-5. */
import { formatOrigin, type Target } from "../caveat/index.ts";
import { PaymentError, TokenError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Turns } from "../internal/turns.ts";
import { Challenge, type Credential, type Verified } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary, Purchase, PurchaseRequest } from "../ports/treasury.ts";
import { handoverCaveats, relayCaveats } from "./handover.ts";
import type { Handovers } from "./handovers.ts";
import { claimFor, type Holding, Holdings, holdingOf, mayServe } from "./holdings.ts";
import { checkOrigin, discard, type OutboundLimits, relayed, send } from "./outbound.ts";
import { intentOf, type Purse } from "./purse.ts";
import type { Settler } from "./settler.ts";

/** One request that was admitted. */
export interface Errand {
  readonly verified: Verified;
  readonly target: Target;
  readonly url: URL;
  readonly request: PurchaseRequest;
  /** Before a payment is made for it. @throws SigilError where nothing may be spent now */
  readonly demandSpending: () => void;
  /** After what was paid for was sent, and no answer came: the service may have served it. */
  readonly onUnanswered?: () => void;
}

/** An errand that is under way: what it claims, it claims under a name of its own. */
interface Running extends Errand {
  readonly by: string;
}

export interface ErrandsOptions {
  readonly store: Store;
  readonly purse: Purse;
  readonly settler: Settler;
  readonly handovers: Handovers;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly outbound: OutboundLimits;
  /** Before the claims of this process. */
  readonly instance: string;
  /** How long a service that took a payment and did not deliver is paid nothing. */
  readonly quarantineSeconds: number;
  readonly alarm: (what: string) => void;
}

/** After paying, how often a service is asked before it counts as not delivering. [case 72] */
const DELIVERY_ATTEMPTS = 3;
/** In place of a node's id. */
const EVERYONE = "*";

export class Errands {
  readonly #options: ErrandsOptions;
  readonly #holdings: Holdings;
  readonly #turns = new Turns();

  constructor(options: ErrandsOptions) {
    this.#options = options;
    this.#holdings = new Holdings(options.store);
  }

  async run(asked: Errand): Promise<Purchase> {
    const errand = { ...asked, by: `${this.#options.instance}.${hexText(randomBytes(8))}` };
    const { refused } = errand.request;
    const doubted = refused === undefined ? undefined : await this.#doubt(errand, refused);
    if (doubted !== undefined) return doubted;
    // What is held is used without waiting for anybody; only who has to pay waits for his turn.
    return (
      (await this.#fromHoldings(errand)) ??
      this.#turns.take(intentOf(errand.verified, errand.target), () => this.#inTurn(errand))
    );
  }

  /** Before the process ends in peace. */
  async end(): Promise<void> {
    await this.#holdings.settleHands();
  }

  async #inTurn(errand: Running): Promise<Purchase> {
    // He may have waited, and been revoked meanwhile.
    const { verified, target } = errand;
    verified.demand({ now: this.#options.clock(), target });
    await this.#settleOpen(errand);
    return (await this.#fromHoldings(errand)) ?? this.#ask(errand);
  }

  /**
   * What the agent says about a credential that it holds: used up, or paid for and never served. Its word is not taken. The
   * treasury asks the service itself, with nothing that this very request is not covered by. [case 25]
   */
  async #doubt(
    errand: Running,
    { paymentHash, delivered }: NonNullable<PurchaseRequest["refused"]>,
  ): Promise<Purchase | undefined> {
    const { verified, target } = errand;
    const record = await this.#options.store.payment(paymentHash);
    const payer = record?.nodeIds.at(-1);
    const isTheirs = verified.nodes.some(({ id }) => id === payer);
    if (record?.preimage === undefined || !isTheirs) return undefined;
    // Another request is at it: who doubts it now would take it away, and an honest service would seem not to deliver.
    if (this.#holdings.isInUse(record, this.#options.clock())) return undefined;
    const holding = holdingOf(record);
    const isGood =
      record.status !== "undelivered" && mayServe(holding, verified, target, this.#options.clock());
    if (!delivered) {
      if (!isGood) throw notDelivered(record.origin);
      return this.#deliver(errand, holding, verified.node.id);
    }
    if (!isGood || record.status !== "paid") return undefined;
    const response = await this.#use(errand, holding);
    if (response !== undefined) return { kind: "response", response: relayed(response) };
    await this.#holdings.usedUp(holding);
    return undefined;
  }

  /** A payment for this intent whose outcome was not known: it is asked for before another is made. [case 63] */
  async #settleOpen({ verified, target }: Errand): Promise<void> {
    const intent = intentOf(verified, target);
    for (const record of await this.#options.store.openPayments())
      if (record.intent === intent) await this.#options.purse.follow(record).catch(rethrowUnlessSettled);
  }

  async #fromHoldings(errand: Running): Promise<Purchase | undefined> {
    for (;;) {
      const { verified, target, by } = errand;
      const holding = await this.#holdings.take(verified, target, this.#options.clock(), by);
      if (holding === undefined) return undefined;
      const handed = await this.#handOver(errand, holding);
      if (handed !== undefined) return handed;
      try {
        const response = await this.#use(errand, holding);
        if (response !== undefined) return { kind: "response", response: relayed(response) };
      } catch (error) {
        await this.#holdings.giveBack(holding.record, by);
        throw error;
      }
      // Paid for by a request that never got an answer, and worth nothing: that is no reason to pay again. [cases 62, 72] Unless
      // another process had it: one that died may have used it up, and nobody heard the answer.
      const { paymentHash, delivered } = holding.record;
      const isCertain =
        this.#options.settler.settledHere(paymentHash) && !this.#holdings.wasShared(holding.record);
      if (!delivered && isCertain) return this.#notDelivered(holding, EVERYONE);
      await this.#holdings.usedUp(holding);
    }
  }

  /** Fetches the challenge itself: nobody can hand it an invoice. [case 99] */
  async #ask(errand: Running): Promise<Purchase> {
    const response = await this.#send(errand, undefined);
    if (response.status !== 402) return { kind: "response", response: relayed(response) };
    discard(response);
    checkOrigin(response, errand.url);
    errand.demandSpending();
    await this.#checkQuarantine(errand);
    const challenge = Challenge.parse(response.headers.get("www-authenticate"));
    const record = await this.#pay(errand, challenge);
    const payment: PaymentSummary = {
      origin: record.origin,
      paymentHash: record.paymentHash,
      amountMsat: record.amountMsat,
      feeMsat: record.feeMsat ?? 0n,
    };
    const holding = holdingOf(record);
    const purchase =
      (await this.#handOver(errand, holding)) ?? (await this.#deliver(errand, holding, EVERYONE));
    return { ...purchase, payment };
  }

  async #pay({ verified, target, by, demandSpending }: Running, challenge: Challenge): Promise<PaymentRecord> {
    const { purse, store, clock } = this.#options;
    const claim = claimFor(challenge.macaroon, by, clock());
    try {
      return await purse.pay(verified, target, challenge, { claim, demandSpending });
    } catch (error) {
      // Where it turns out later that it was paid, whoever asks next may have it. What another request has stays with it.
      const isOpen = claim !== undefined && error instanceof PaymentError && error.spent !== "no";
      if (isOpen) await store.mark(challenge.identifier.paymentHash, { unclaim: by }).catch(() => {});
      throw error;
    }
  }

  async #handOver({ verified, target, by }: Running, holding: Holding): Promise<Purchase | undefined> {
    const now = this.#options.clock();
    const caveats = handoverCaveats(verified, target, holding.record, now);
    const credential = caveats === undefined ? undefined : narrowed(holding.full, caveats);
    if (caveats === undefined || credential === undefined) return undefined;
    // Paying takes its time: whoever was revoked meanwhile is handed nothing. [case 111]
    try {
      verified.demand({ now, target });
    } catch (error) {
      await this.#holdings.giveBack(holding.record, by);
      throw error;
    }
    // Before anything is waited for: a revocation that comes meanwhile recalls it too. [case 111]
    this.#options.handovers.add({
      origin: holding.record.origin,
      full: holding.full,
      caveats,
      nodeIds: verified.nodes.map(({ id }) => id),
      validUntil: credential.chain.validUntil ?? now,
    });
    await this.#holdings.handedOver(holding);
    return { kind: "credential", credential: credential.toString() };
  }

  /** One request with what was paid for; undefined where the service asks for payment all the same. */
  async #use(errand: Running, holding: Holding): Promise<Response | undefined> {
    const { record, full } = holding;
    const caveats = relayCaveats(errand.target, record.enforced, this.#options.clock());
    const response = await this.#send(errand, narrowed(full, caveats) ?? full);
    if (response.status === 402) {
      discard(response);
      return undefined;
    }
    const isFailure = response.status >= 500;
    const written = isFailure ? this.#holdings.giveBack(record, errand.by) : this.#holdings.served(holding);
    // The response is here, and a second one may never come: a store that fails now takes it from nobody.
    await written.catch(() => {});
    return response;
  }

  /**
   * Uses what was paid for; a service that still asks for payment has not delivered, and is not paid again. [case 62]
   *
   * @param closedTo whom the origin is closed to then: everyone, where the credential never left here. What was handed over
   * may have been used, and whoever says that it was not speaks for himself.
   */
  async #deliver(errand: Running, holding: Holding, closedTo: string): Promise<Purchase> {
    const shared = this.#holdings.wasShared(holding.record);
    for (let attempt = 1; attempt <= DELIVERY_ATTEMPTS; attempt++) {
      try {
        const response = await this.#use(errand, holding);
        if (response !== undefined) return { kind: "response", response: relayed(response) };
      } catch (error) {
        if (attempt < DELIVERY_ATTEMPTS) continue;
        await this.#holdings.giveBack(holding.record, errand.by);
        throw afterPaying(error);
      }
    }
    if (!shared) return this.#notDelivered(holding, closedTo);
    await this.#holdings.usedUp(holding);
    throw notDelivered(holding.record.origin);
  }

  async #notDelivered(holding: Holding, closedTo: string): Promise<never> {
    const { origin, paymentHash } = holding.record;
    const until = this.#options.clock() + this.#options.quarantineSeconds;
    await this.#holdings.undelivered(holding, { to: closedTo, until });
    this.#options.alarm(`${origin} took payment ${paymentHash} and did not deliver`);
    throw notDelivered(origin);
  }

  async #send({ request, url, onUnanswered }: Errand, credential: Credential | undefined): Promise<Response> {
    const { method, headers, body, signal } = request;
    const { fetch: fetcher, outbound } = this.#options;
    const asked = {
      method,
      url,
      headers,
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    };
    try {
      return await send(fetcher, asked, credential, outbound);
    } catch (error) {
      if (credential !== undefined) onUnanswered?.();
      throw error;
    }
  }

  async #checkQuarantine({ verified, target }: Errand): Promise<void> {
    const origin = formatOrigin(target.origin);
    const closed = await this.#options.store.closures(origin, this.#options.clock());
    if (closed.some((to) => to === EVERYONE || verified.nodes.some(({ id }) => id === to)))
      throw new PaymentError(
        "ERR_ORIGIN_QUARANTINED",
        "no",
        `${origin} took a payment and did not deliver, so it is paid nothing for now.`,
      );
  }
}

/** Undefined where it would be too large to send. */
function narrowed(full: Credential, caveats: readonly string[]): Credential | undefined {
  try {
    return full.append(caveats);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}

function rethrowUnlessSettled(error: unknown): void {
  if (error instanceof PaymentError && error.spent === "no") return;
  throw error;
}

const notDelivered = (origin: string): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    `${origin} was paid and still asks for payment. It was not paid again.`,
  );

function afterPaying(cause: unknown): PaymentError {
  return new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    "The service was paid and does not answer. What was paid for is kept: ask again, and it is used without paying.",
    { cause },
  );
}
