/**
 * Delivery of what was paid for: hands the credential over or relays the request with it, and
 * decides by evidence what became of it. spec/4-purchase.md §4.5, §5.
 */
import { msat } from "../amount.ts";
import { DeniedError } from "../errors.ts";
import { discard } from "../http/discard.ts";
import { relayed } from "../http/hop.ts";
import { howEnded, wasRepeated } from "../http/outbound.ts";
import type { WrittenListener } from "../http/written.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Turns } from "../internal/turns.ts";
import type { Verified } from "../l402/index.ts";
import { type Clock, MAX_CLOCK_SKEW_SECONDS, type Sleep } from "../ports/clock.ts";
import type { PaymentMark, PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary, Purchase, PurchaseRequest } from "../ports/treasury.ts";
import { ownIsWanted, wantsOwn } from "../wire/beside-own.ts";
import { declaredIn, isConsumed } from "../wire/consumption.ts";
import { noAnswer } from "../wire/no-answer.ts";
import { codeOf } from "../wire/problem-code.ts";
import { isKnownKey, isRefusal, isRunning } from "../wire/service-refusal.ts";
import type { Alarm } from "./alarm.ts";
import type { Blame } from "./blame.ts";
import { type Bought, mayServe } from "./bought.ts";
import type { Digest } from "./derived.ts";
import { Evidence, type PurchaseEvidence } from "./evidence.ts";
import { type KeptAnswers, responseOf } from "./kept-answers.ts";
import { handoverCaveats, narrowed, shownFor } from "./narrowing.ts";
import type { NodeDirectory } from "./nodes.ts";
import { givenKeyOf, hasGone, isPaidBy, type Order, orderKey } from "./order.ts";
import { type PaidCredential, paidCredentialOf, serviceTime } from "./paid-credential.ts";
import type { Recall } from "./recall.ts";
import { type Claim, claimOf, judgeRefusal, type RefusedFacts } from "./refusals.ts";
import { anotherRequest } from "./running-orders.ts";
import type { Seats } from "./seats.ts";
import type { Presented, ServiceRequests } from "./service-requests.ts";
import type { Settler } from "./settler.ts";
import { tracked } from "./tracked-answer.ts";
import {
  answerLost,
  type Doubt,
  deniedMeanwhile,
  doubtInWords,
  doubtOf,
  endedBefore,
  givenUp,
  notDelivered,
  spentBy,
  unproven,
} from "./undelivered.ts";
import type { UnpaidAsks } from "./unpaid-asks.ts";
import { firstKeyOf, ownKeyOf } from "./use-key.ts";

export interface DeliveryOptions {
  readonly store: Store;
  readonly nodes: Pick<NodeDirectory, "spent">;
  readonly bought: Bought;
  readonly kept: KeptAnswers;
  readonly blame: Blame;
  readonly seats: Seats;
  readonly asks: UnpaidAsks;
  readonly recall: Recall;
  readonly settler: Settler;
  readonly services: ServiceRequests;
  /** Of the keys of relayed requests. */
  readonly digest: Digest;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly alarm: Alarm;
  /** How long an accused origin is closed. */
  readonly quarantineSeconds: number;
}

/** How an order came to a purchase. */
interface Way {
  /** @default true */
  readonly mayHandOver?: boolean;
  /** In the pass that paid for it. */
  readonly isPaying?: boolean;
  /** The agent says that the service refused it: whether the service may have served it before. */
  readonly mayBeUsed?: boolean;
  /** The agent says that a connection with it was closed before a head. */
  readonly unanswered?: boolean;
}

/** How an answer is passed on. */
interface PassedOn {
  readonly onWritten: WrittenListener;
  readonly payment?: PaymentSummary | undefined;
  /** Whether nothing was presented for it. @default false */
  readonly isFree?: boolean;
}

/** How often a service that closes the connection is asked with one credential. [case 72] */
const ATTEMPTS = 3;
/** How long a service is given to end a request whose connection is gone, in seconds. */
const PAUSES = [0.02, 0.1, 0.5, 1, 1];

/**
 * The only place that decides whether something was delivered, used up, or never delivered. Nothing
 * else changes a purchase once it is paid for.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #evidence: Evidence;
  /** Many agents may report one refusal at once, and the service is asked about it once. */
  readonly #refused = new Turns();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#evidence = new Evidence(options.clock);
  }

  /** The agent has the answers of these orders of its node. */
  async answered(verified: Verified, ids: readonly string[]): Promise<void> {
    const { store, kept, bought } = this.#options;
    const keys = ids.map((id) => orderKey(verified, id));
    for (const key of keys) kept.drop(key);
    const records = await Promise.all(keys.map((key) => store.ordered(key)));
    const isOver = (record: PaymentRecord): boolean =>
      record.status === "paid" &&
      !this.#evidence.of(record.paymentHash).isGivenBack &&
      paidCredentialOf(record).isSingleUse;
    bought.usedUp(records.filter((record) => record !== undefined).filter(isOver));
  }

  /**
   * The answer that was kept for the order.
   *
   * @throws AdapterError `ERR_REQUEST` if it is of another request
   */
  ofKept({ key, fingerprint }: Order): Purchase | undefined {
    const answer = this.#options.kept.of(key);
    if (answer === undefined) return undefined;
    if (answer.request !== fingerprint) throw anotherRequest();
    const { payment } = answer;
    return {
      kind: "response",
      response: responseOf(answer),
      ...(payment !== undefined && { payment: { ...payment, earlier: true } }),
    };
  }

  /** An answer of the service that cost nothing. */
  ofFree(order: Order, response: Response): Purchase {
    const head = { method: order.target.method, status: response.status };
    const passed = relayed(response);
    return isConsumed(head, declaredIn(response.headers))
      ? {
          kind: "response",
          response: this.#kept(order, passed, { isFree: true, onWritten: () => {} }),
        }
      : { kind: "response", response: this.#passed(order, passed) };
  }

  /** Delivers what was just paid for. @throws PaymentError if it cannot be delivered */
  async ofPayment(order: Order, record: PaymentRecord): Promise<Purchase> {
    const paid = paidCredentialOf(record);
    let purchase: Purchase | undefined;
    try {
      purchase = await this.#deliver(order, paid, { isPaying: true });
    } catch (error) {
      // Money moved, which a denial does not say.
      throw error instanceof DeniedError ? deniedMeanwhile(error) : error;
    }
    if (purchase === undefined) throw notDelivered(record.origin, "yes", undefined);
    return purchase;
  }

  /**
   * Delivers what the order has: it paid for it, or took it, in an earlier pass. Undefined if what
   * it took is of no use.
   *
   * @throws PaymentError `ERR_ANSWER_LOST`, `ERR_PAID_NOT_DELIVERED`
   */
  async ofOwn(order: Order, record: PaymentRecord): Promise<Purchase | undefined> {
    const { clock, bought } = this.#options;
    if (record.status === "undelivered")
      throw notDelivered(record.origin, spentBy(order, record), undefined);
    // It cannot be decrypted any more.
    if (record.preimage === undefined) throw answerLost(order, record);
    const paid = paidCredentialOf(record);
    if (record.status === "used" || bought.isOver(record)) return this.#onceMore(order, paid);
    if (paid.hasExpired(clock())) {
      bought.usedUp([record]);
      throw answerLost(order, record);
    }
    if (!mayServe(paid, order.verified, order.target, clock())) throw anotherRequest();
    return this.#deliver(order, paid, {});
  }

  /**
   * Delivers what was paid for earlier; undefined if nothing of it is of use for this order. Once
   * the service refused the agent something, the treasury tries the rest itself: a hand-over of
   * each would be a message of the agent each.
   */
  async ofBought(order: Order): Promise<Purchase | undefined> {
    const mayHandOver = order.request.refused === undefined;
    for (;;) {
      const paid = await this.#options.bought.take(order);
      if (paid === undefined) return undefined;
      const purchase = await this.#deliver(order, paid, { mayHandOver });
      if (purchase !== undefined) return purchase;
    }
  }

  /**
   * Handles the agent's claim that the service refused a credential that was handed over. The claim
   * is not believed: the service is asked, with this order's own request. [case 25]
   *
   * @returns the answer if the credential works after all; undefined if the order goes on without
   * it
   * @throws PaymentError `ERR_PAID_NOT_DELIVERED`, `ERR_ANSWER_LOST`
   */
  async ofRefused(
    order: Order,
    { paymentHash, mayBeUsed, unanswered = false }: NonNullable<PurchaseRequest["refused"]>,
  ): Promise<Purchase | undefined> {
    const { verified, target } = order;
    const { store, clock, bought } = this.#options;
    const record = await store.payment(paymentHash);
    if (record?.preimage === undefined) return undefined;
    const payer = record.nodeIds.at(-1);
    if (!verified.nodes.some(({ id }) => id === payer)) return undefined;
    if (record.status === "used" || bought.isOver(record)) return undefined;
    const paid = paidCredentialOf(record);
    if (record.status === "paid" && paid.hasExpired(clock())) {
      bought.usedUp([record]);
      return undefined;
    }
    const isGood = record.status === "paid" && mayServe(paid, verified, target, clock());
    if (!isGood && !mayBeUsed) throw notDelivered(record.origin, spentBy(order, record), undefined);
    // Another order has taken it over since. If this one may have been served with it all the same,
    // it is over; otherwise it goes on without it.
    const isLost = record.order !== order.key && isPaidBy(record, order.key);
    if (isLost && mayBeUsed) throw answerLost(order, record);
    const isLeft = !isOwnOf(order, record) && bought.isLeft(order, record);
    // Another order is using it: to use it here as well would take it away from that order.
    if (!isGood || isLost || isLeft || !(await bought.mayUse(order, paid))) {
      order.unfit.add(paymentHash);
      return undefined;
    }
    const isOver = (): boolean => bought.isOver(record) || bought.isLeft(order, record);
    return this.#refused.take(paymentHash, async () => {
      if (isOwnOf(order, record) || !isOver())
        return this.#relay(order, paid, { mayBeUsed, unanswered });
      order.unfit.add(paymentHash);
      return undefined;
    });
  }

  async #deliver(order: Order, paid: PaidCredential, way: Way): Promise<Purchase | undefined> {
    // What an ancestor bought is spent by this node as well.
    await this.#options.nodes.spent(order.verified);
    const { mayHandOver = true } = way;
    const handed = mayHandOver ? await this.#handOver(order, paid, way) : undefined;
    return handed ?? (await this.#relay(order, paid, way));
  }

  /** Undefined if the agent may not hold the credential, so that the request must be relayed. */
  async #handOver(order: Order, paid: PaidCredential, way: Way): Promise<Purchase | undefined> {
    const { verified, target, key } = order;
    const { clock, recall, seats } = this.#options;
    const { record, full } = paid;
    // An opaque token cannot be narrowed.
    if (full === undefined) return undefined;
    const until = clock() + recall.lifeSeconds(record);
    const nodeIds = verified.nodes.map(({ id }) => id);
    const caveats = handoverCaveats(verified, nodeIds, target, record, serviceTime(record, until));
    const credential = caveats === undefined ? undefined : narrowed(full, caveats);
    // What the service would refuse for certain is relayed, such as too many delegations.
    const access = { now: serviceTime(record, clock()), target };
    if (credential === undefined || credential.certainRefusals(access).length > 0) return undefined;
    // Durable before the credential leaves, so that a revocation from now on recalls it.
    if (!(await recall.handOver(nodeIds, record, until))) return undefined;
    await this.#tellOthers(record);
    // Paying and writing take time, and the agent may have been revoked meanwhile. [case 111]
    verified.demand({ now: clock(), target });
    this.#evidence.of(record.paymentHash).noteHanded(key);
    seats.take(key, paid);
    const payment = paymentOf(order, record, way);
    return { kind: "credential", credential: credential.toString(), ...payment };
  }

  /** Relays the request until there is an answer, or a verdict about the refusal. */
  async #relay(order: Order, paid: PaidCredential, way: Way): Promise<Purchase | undefined> {
    const { store, sleep, clock, asks, seats, digest } = this.#options;
    const spent = spentBy(order, paid.record);
    const known = (): PurchaseEvidence => this.#evidence.of(paid.record.paymentHash);
    const own = ownKeyOf(order, paid, digest);
    const first = firstKeyOf(order, paid, { known: known(), digest });
    // A use that may be there is always tried. A price that may be named again is one of a few.
    if (known().isRefused && spent === "no") asks.demand(order);
    let asBought = false;
    let key = first;
    let isHidden = false;
    let mayChangeKey = givenKeyOf(order) === undefined;
    for (let lost = 0, waits = 0; ; ) {
      // Paying and waiting take time, and the agent may have been revoked meanwhile. [case 111]
      order.verified.demand({ now: clock(), target: order.target });
      if (hasGone(order)) throw givenUp(spent);
      let presented: Presented;
      try {
        presented = await this.#present(order, paid, { asBought, key });
      } catch (error) {
        known().noteLost({ request: order.priced, key });
        const ending = howEnded(error as Error);
        if (ending === "hung up") known().unanswered = true;
        else await this.#noteMaybeUsed(paid.record);
        if (ending !== "given up" && ++lost < ATTEMPTS) continue;
        throw noAnswer(spent, error);
      }
      const { response, inPlaceOfOwn } = presented;
      if (wasRepeated(response)) known().unanswered = true;
      // The request that was lost may still run there.
      if (waits < PAUSES.length && (await isRunning(response))) {
        discard(response);
        await sleep(PAUSES[waits++]!);
        continue;
      }
      // The service knows the use, of a message that differed in its id or whose answer is gone.
      if (mayChangeKey && (await isKnownKey(response))) {
        discard(response);
        await this.#noteMaybeUsed(paid.record);
        mayChangeKey = false;
        key = hexText(randomBytes(16));
        continue;
      }
      // A gateway may hide the answer that was lost. Or a service keeps its failure for that key,
      // and answers another one.
      if (!isHidden && first !== own && mayBeLost(response)) {
        discard(response);
        await this.#noteMaybeUsed(paid.record);
        isHidden = true;
        key = own;
        continue;
      }
      if (!(await isRefusal(response)))
        return this.#answer(order, paid, presented, { ...way, key });
      // What the end of the order broke off says nothing of the service.
      if (order.end.isRevoked) continue;
      known().isRefused = true;
      // Without a challenge it cost the service no invoice.
      if (response.headers.has("www-authenticate")) asks.refused(order);
      const code = await codeOf(response);
      if (order.end.isRevoked) continue;
      const now = (await store.payment(paid.record.paymentHash)) ?? paid.record;
      seats.leave(order.key, paid);
      const facts = this.#factsOf(order, paidCredentialOf(now), code, way);
      switch (judgeRefusal({ ...facts, asBought, inPlaceOfOwn })) {
        case "again":
          asBought = true;
          // What refuses another key may have used it for the answer that is hidden.
          key = isHidden ? first : hexText(randomBytes(16));
          continue;
        case "leave":
          return this.#leave(order, paidCredentialOf(now), facts.claim);
        case "used":
          return this.#usedUp(order, now, facts);
        case "doubted":
          return this.#doubt(order, now, doubtOf(code, inPlaceOfOwn), way);
        case "accused":
          return this.#accuse(order, now, code, way);
      }
    }
  }

  /** @param record as it is now */
  #factsOf(
    { verified, key, priced, underWay }: Order,
    paid: PaidCredential,
    code: string | undefined,
    way: Way,
  ): Omit<RefusedFacts, "asBought" | "inPlaceOfOwn"> {
    const { settler, clock } = this.#options;
    const { record, full, isSingleUse } = paid;
    const { paymentHash, request, nodeIds } = record;
    const known = this.#evidence.of(paymentHash);
    const handed = known.handedTo;
    // A holder's own report is about what its node was handed; otherwise any other holder counts.
    const wasHanded =
      way.mayBeUsed === undefined ? handed.some((order) => order !== key) : handed.length > 1;
    const claim = claimOf(code, {
      chain: full?.chain,
      mayHaveEnded: full === undefined || paid.isPastEnd(clock() + MAX_CLOCK_SKEW_SECONDS),
      hadTooLittle: code === "ERR_BUDGET" && known.hadTooLittle(priced),
    });
    return {
      // What is paid for lasts longer than a payment may take (§3).
      isPastEnd: paid.isPastEnd(clock()),
      claim,
      isOwn: nodeIds.at(-1) === verified.node.id,
      isVeryRequest: request === priced,
      mayBeUsed: record.delivered || way.mayBeUsed === true || known.mayBeUsed,
      hadByOthers:
        wasHanded ||
        known.isHandedAgain ||
        known.presentations > 0 ||
        !settler.settledHere(paymentHash) ||
        (isSingleUse && record.order !== key),
      isShared:
        !isSingleUse && (known.presentations > 0 || (handed.length > 0 && underWay.size > 0)),
      unanswered: way.unanswered === true || known.unanswered,
    };
  }

  /**
   * Written before a credential leaves that another process paid for: that process may be
   * presenting it for the same order, and must not take the refusal for the service's fault.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async #tellOthers({ paymentHash, delivered }: PaymentRecord): Promise<void> {
    const { store, settler } = this.#options;
    if (store.shared && !delivered && !settler.settledHere(paymentHash))
      await store.mark(paymentHash, { delivered: true });
  }

  /** One request with the credential. */
  async #present(
    order: Order,
    paid: PaidCredential,
    { asBought, key }: { readonly asBought: boolean; readonly key: string },
  ): Promise<Presented> {
    const { services, clock, seats } = this.#options;
    const { record } = paid;
    seats.take(order.key, paid);
    const now = serviceTime(record, clock());
    const shown = shownFor(order.target, order.verified, paid, { now, asBought });
    await this.#tellOthers(record);
    return this.#evidence.presenting(record.paymentHash, () => services.present(order, shown, key));
  }

  /** Passes the answer on, and records what became of the credential as far as it is known. */
  async #answer(
    order: Order,
    paid: PaidCredential,
    { response, inPlaceOfOwn }: Presented,
    { key, ...way }: Way & { readonly key: string },
  ): Promise<Purchase> {
    const { bought, seats } = this.#options;
    const { record, isSingleUse } = paid;
    const head = { method: order.target.method, status: response.status };
    const isAnswer = isConsumed(head, declaredIn(response.headers));
    const passed = relayed(response);
    const payment = paymentOf(order, record, way);
    const asked = { request: order.priced, key };
    const known = this.#evidence.of(record.paymentHash);
    known.mayBeUsed = true;
    known.isRefused = false;
    bought.noteAnswered(paid);
    if (!isAnswer) {
      seats.leave(order.key, paid);
      known.isGivenBack = true;
      if (mayBeLost(response)) known.noteLost(asked);
      await this.#noteMaybeUsed(record);
      if (inPlaceOfOwn && wantsOwn(response)) {
        discard(response);
        throw ownIsWanted(record.origin, spentBy(order, record), response.status);
      }
      return { kind: "response", response: this.#passed(order, passed), ...payment };
    }
    known.noteAnswered(order.key, asked);
    if (seats.answered(key, paid)) bought.usedUp([record]);
    const onWritten: WrittenListener = (ending) => {
      if (ending === "cut") this.#evidence.of(record.paymentHash).noteLost(asked);
      // What has left may end at a proxy: the agent says whether it arrived.
      if (ending === "read" && isSingleUse) bought.usedUp([record]);
      else void this.#noteMaybeUsed(record);
    };
    return {
      kind: "response",
      response: this.#kept(order, passed, { ...payment, onWritten }),
      ...payment,
    };
  }

  /** Passes on what is not kept. */
  #passed(order: Order, response: Response): Response {
    let leave = () => {};
    order.progress.away = new Promise((resolve) => {
      leave = resolve;
    });
    const { signal } = order.end;
    return tracked(response, { signal, isKept: false, onRead: () => {}, onWritten: leave });
  }

  /** Keeps a small answer for the order, and tells when it has arrived. */
  #kept(
    order: Order,
    response: Response,
    { payment, onWritten, isFree = false }: PassedOn,
  ): Response {
    const { kept, sleep } = this.#options;
    const { status, statusText, headers } = response;
    const { key, fingerprint: request, progress, verified } = order;
    const nodeIds = verified.nodes.map(({ id }) => id);
    let end = () => {};
    let leave = () => {};
    progress.ended = new Promise((resolve) => {
      end = resolve;
    });
    progress.left = new Promise((resolve) => {
      leave = resolve;
    });
    progress.away = progress.left;
    return tracked(response, {
      signal: order.end.signal,
      isKept: true,
      ...(!isFree && { readsOn: sleep }),
      onRead: (body) => {
        if (body !== undefined)
          kept.keep(key, nodeIds, {
            request,
            status,
            statusText,
            headers: [...headers],
            body,
            payment,
          });
        // What broke off is cut in the same step, and ends with that.
        queueMicrotask(end);
      },
      onWritten: (ending) => {
        progress.reached = ending !== "cut";
        onWritten(ending);
        leave();
      },
    });
  }

  /**
   * Asks the service for the answer that it may have kept: through the agent, if the credential may
   * be handed over, because the service knows the answer as one to the agent's own credential.
   *
   * @returns undefined if the order took it from another one, which has used it all the same
   * @throws PaymentError `ERR_ANSWER_LOST`
   */
  async #onceMore(order: Order, paid: PaidCredential): Promise<Purchase | undefined> {
    const { clock } = this.#options;
    const { record } = paid;
    if (!mayServe(paid, order.verified, order.target, clock())) throw answerLost(order, record);
    if (order.request.refused?.paymentHash !== record.paymentHash) {
      const purchase = await this.#handOver(order, paid, {});
      if (purchase !== undefined) return purchase;
    }
    const known = this.#evidence.of(record.paymentHash);
    const key = firstKeyOf(order, paid, { known, digest: this.#options.digest });
    let presented: Presented;
    try {
      presented = await this.#present(order, paid, { asBought: false, key });
    } catch (error) {
      throw noAnswer(spentBy(order, record), error);
    }
    const { response } = presented;
    const isNamed = givenKeyOf(order) !== undefined;
    if (!isNamed && (await isKnownKey(response))) {
      discard(response);
      throw answerLost(order, record);
    }
    if (!(await isRefusal(response))) return this.#answer(order, paid, presented, { key });
    await codeOf(response);
    if (isNamed || !mayGoOnWithout(order, record)) throw answerLost(order, record);
    return this.#lost(order, record);
  }

  /**
   * It is used up, and not by this order as far as the service knows.
   *
   * @throws PaymentError `ERR_ANSWER_LOST` if the order paid for it
   */
  async #lost(order: Order, record: PaymentRecord): Promise<undefined> {
    if (isOwnOf(order, record)) throw answerLost(order, record);
    // The order may pay for itself, so it must not have it any more.
    order.unfit.add(record.paymentHash);
    await this.#options.bought.giveBack(order, record);
    return undefined;
  }

  /**
   * The order goes on without it.
   *
   * @throws AdapterError `ERR_REQUEST` if the order itself paid for it
   */
  async #leave(order: Order, paid: PaidCredential, claim: Claim): Promise<undefined> {
    const { bought } = this.#options;
    const { record } = paid;
    order.unfit.add(record.paymentHash);
    bought.noteRefused(paid, order);
    if (isOwnOf(order, record)) throw anotherRequest();
    bought.leave(order, record, claim === "over");
    await bought.giveBack(order, record);
    return undefined;
  }

  /**
   * It is of no use any more.
   *
   * @throws PaymentError if the order paid for it: `ERR_ANSWER_LOST`, or `ERR_PAID_NOT_DELIVERED`
   * if the payment took too long
   */
  async #usedUp(
    order: Order,
    record: PaymentRecord,
    { isPastEnd, mayBeUsed }: Pick<RefusedFacts, "isPastEnd" | "mayBeUsed">,
  ): Promise<undefined> {
    const { bought } = this.#options;
    bought.usedUp([record]);
    if (isOwnOf(order, record) && isPastEnd && !mayBeUsed) throw endedBefore(record.origin);
    return this.#lost(order, record);
  }

  /**
   * Nothing is proven, and the service may do it on purpose: this node does not pay it for a while,
   * nor those above all that met it, if that happens again and again.
   *
   * @throws PaymentError `ERR_PAID_NOT_DELIVERED` always, once the origin is closed to the node
   */
  async #doubt(order: Order, record: PaymentRecord, doubt: Doubt, way: Way): Promise<never> {
    const { clock, quarantineSeconds: seconds, store, bought, blame, alarm } = this.#options;
    const { origin, paymentHash } = record;
    order.unfit.add(paymentHash);
    const isFirstHand = this.#isFirstHand(record, way);
    const closure = blame.doubt(origin, order.verified, clock(), { isFirstHand, seconds });
    const closed = { to: closure.to, until: clock() + closure.seconds };
    // An order that took it may pay for itself, once the origin is open again.
    if (!isOwnOf(order, record)) await bought.giveBack(order, record);
    await store.mark(paymentHash, { status: "used", closed });
    bought.usedUp([record]);
    alarm(
      `${origin} asks for payment ${paymentHash} again, ${doubtInWords(doubt)}. Node ${closed.to} does not pay there for ${closure.seconds} s (doubt ${closure.count})`,
    );
    throw unproven(origin, spentBy(order, record), doubt);
  }

  /** Only in the pass that paid: the agent could not use it, nor ask in another way. */
  #isFirstHand({ paymentHash }: PaymentRecord, { isPaying = false }: Way): boolean {
    return isPaying && this.#evidence.of(paymentHash).handedTo.length === 0;
  }

  /** @throws PaymentError `ERR_PAID_NOT_DELIVERED` always, once the origin is closed */
  async #accuse(
    order: Order,
    record: PaymentRecord,
    code: string | undefined,
    way: Way,
  ): Promise<never> {
    const { verified } = order;
    const { origin, paymentHash } = record;
    const { clock, quarantineSeconds, store, blame, alarm } = this.#options;
    const until = clock() + quarantineSeconds;
    const to = this.#isFirstHand(record, way)
      ? blame.prove(origin, verified, clock(), until)
      : verified.node.id;
    await store.mark(paymentHash, { status: "undelivered", closed: { to, until } });
    alarm(`${origin} took payment ${paymentHash} and did not deliver`);
    throw notDelivered(origin, spentBy(order, record), code);
  }

  /** Never fails: the agent gets its answer, and there may be no second one. */
  async #noteMaybeUsed({ paymentHash, delivered }: PaymentRecord): Promise<void> {
    this.#evidence.of(paymentHash).mayBeUsed = true;
    if (delivered) return;
    const mark: PaymentMark = { delivered: true };
    await this.#options.store.mark(paymentHash, mark).catch(() => {});
  }
}

/** Whether a head may be a gateway's, while the service answers. */
const mayBeLost = ({ status, headers }: Response): boolean =>
  status >= 500 && declaredIn(headers) === undefined;

/**
 * Whether an order whose purchase is used up may get another one, on the agent's word that the
 * service refused it. The order may have used it all the same, and be made a second time: so it
 * changes nothing there, and takes no use of the agent's that is counted once for the order.
 */
const mayGoOnWithout = (
  { request, verified, target: { method }, unfit }: Order,
  { paymentHash }: PaymentRecord,
): boolean =>
  (request.refused?.paymentHash === paymentHash || unfit.has(paymentHash)) &&
  (method === "GET" || method === "HEAD") &&
  verified.limits.every(({ kind }) => kind !== "uses");

/** Whether the order paid for it, and no other order has taken it over. */
const isOwnOf = ({ key }: Order, record: PaymentRecord): boolean =>
  record.order === key && isPaidBy(record, key);

/** What was paid for this very order, unless it reports what became of it. */
function paymentOf(
  { key, request }: Order,
  record: PaymentRecord,
  { isPaying = false }: Way,
): { readonly payment?: PaymentSummary } {
  const { origin, paymentHash, amount, fee = msat(0n) } = record;
  return isPaidBy(record, key) && request.refused?.paymentHash !== paymentHash
    ? { payment: { origin, paymentHash, amount, fee, ...(!isPaying && { earlier: true }) } }
    : {};
}
