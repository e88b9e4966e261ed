/**
 * The laws that every world must keep, in arithmetic of its own over answers, payments and
 * servings.
 */
import type { Amount } from "l8nt/invoice";
import type { Credential } from "l8nt/l402";
import { Chronicle, type Serving } from "./chronicle.ts";
import { type Agent, type Deed, type Goods, isLive, lineOf, type Payment } from "./facts.ts";

/**
 * Longer than a store, a node and a look at the clock take together once the treasury has decided.
 */
const DECIDED_SECONDS = 10;
const HOUR = 3600;
/** How long a hand-over holds where it cannot be recalled. spec/4-purchase.md §6. */
const HANDOVER_SECONDS = 300;
const QUARANTINE_SECONDS = 580;
/** How long it takes until what was handed over counts as gone. */
const IN_HAND_SECONDS = 5;

export class Oracle extends Chronicle {
  /** Since when nothing at all is spent. */
  frozenAt: number | undefined;
  #isFrozenByAlarm = false;
  /** By agent and origin: until when it pays nothing there. */
  readonly #quarantines = new Map<string, { readonly from: number; readonly until: number }>();
  /** By origin: who was paid before the treasury knew of any, and when it knew. */
  readonly #payees = new Map<string, { knownAt: number; readonly nodes: Set<string> }>();

  /** A payment has reached the node. */
  paying(payment: Payment, amountMsat: bigint): void {
    const { paymentHash, deed } = payment;
    const { now } = this.schedule;
    const goods = this.goods.get(paymentHash);
    const agent = deed?.agent;
    this.demand(
      deed?.kind === "buy" && agent !== undefined,
      `${paymentHash} was paid, and nobody had ordered anything`,
    );
    this.demand(goods !== undefined, `${paymentHash} was paid, and nobody had offered it`);
    if (deed === undefined || agent === undefined || goods === undefined) return;
    const before = this.payments.filter(isLive);
    this.demand(
      !before.some((one) => one.paymentHash === paymentHash),
      `${paymentHash} was sent to the node while it was paid or in flight`,
    );
    this.demand(!before.some((one) => one.deed === deed), `${deed} paid twice`);
    this.demand(goods.trap === undefined, `${deed} paid for a trap: ${goods.trap}`);
    this.demand(
      goods.amountMsat === amountMsat,
      `${deed} paid another amount than the invoice has`,
    );
    this.#judgeOrder(deed, agent, goods);
    const closed = this.#quarantines.get(`${agent.name} ${goods.origin}`);
    this.demand(
      closed === undefined || now < closed.from + DECIDED_SECONDS || now > closed.until,
      `${deed} paid ${goods.origin}, which took a payment and did not deliver`,
    );
    for (const earlier of before)
      if (earlier.deed?.agent === agent && earlier.deed.url === deed.url)
        this.#judgeAgain(deed, earlier);
    this.payments.push(payment);
    this.#judgeLimits(agent);
  }

  #judgeOrder(deed: Deed, agent: Agent, goods: Goods): void {
    const { now } = this.schedule;
    this.demand(
      this.frozenAt === undefined || now < this.frozenAt + DECIDED_SECONDS,
      `${deed} paid while everything was frozen`,
    );
    for (const one of lineOf(agent)) {
      const { until, priceMsat, origins } = one.bounds;
      const whose = `${deed} paid for ${agent.name}, below ${one.name}, `;
      this.demand(deed.startedAt < until, `${whose}after its end`);
      this.demand(
        origins === undefined || origins.includes(goods.origin),
        `${whose}at a forbidden origin`,
      );
      this.demand(
        priceMsat === undefined || goods.amountMsat! <= priceMsat,
        `${whose}over its price`,
      );
      this.demand(
        one.revoked === undefined || now < one.revoked.at + DECIDED_SECONDS,
        `${whose}after its revocation`,
      );
      this.demand(
        one.frozenAt === undefined || now < one.frozenAt + DECIDED_SECONDS,
        `${whose}while it was frozen`,
      );
    }
    const payees = this.#payees.get(goods.origin) ?? {
      knownAt: Number.POSITIVE_INFINITY,
      nodes: new Set(),
    };
    this.demand(
      payees.knownAt > deed.startedAt || payees.nodes.has(goods.payee),
      `${deed} paid another node for ${goods.origin} than before`,
    );
    this.#payees.set(goods.origin, { ...payees, nodes: payees.nodes.add(goods.payee) });
  }

  /**
   * No intent is paid twice: not while the first is open, nor while what it bought is good and
   * nobody has it.
   */
  #judgeAgain(deed: Deed, { paymentHash, status, deed: first }: Payment): void {
    const goods = this.goods.get(paymentHash)!;
    const whose = `${deed} paid for the same as ${first} `;
    this.demand(status !== "in-flight", `${whose}while that was in flight`);
    if (!goods.isHonest || !this.isGood(goods)) return;
    const mayBeTaken =
      !goods.isPass &&
      (goods.left <= 1 || goods.handed > 0) &&
      this.deeds.some(
        (one) => one !== deed && one.kind === "buy" && (one.endedAt === undefined || one.isFaulted),
      );
    this.demand(mayBeTaken, `${whose}while what that had bought (${paymentHash}) was good`);
  }

  /** Whether its seller would still serve it, and its buyer can still use it. */
  isGood({ until, left, handed }: Goods): boolean {
    const isHandedOut = handed > 0 && left <= 1;
    return until > this.schedule.now + 60 && left > 0 && !isHandedOut;
  }

  #judgeLimits(agent: Agent): void {
    const { now } = this.schedule;
    for (const one of lineOf(agent)) {
      const { budgetMsat, hourMsat } = one.bounds;
      const paid = this.payments.filter(
        (payment) => isLive(payment) && lineOf(payment.deed!.agent!).includes(one),
      );
      const sum = (payments: readonly Payment[]) =>
        payments.reduce((total, payment) => total + payment.amountMsat + feeWithin(payment), 0n);
      this.demand(
        budgetMsat === undefined || sum(paid) <= budgetMsat,
        `${one.name} is over its budget: ${sum(paid)}`,
      );
      if (hourMsat === undefined) continue;
      const recent = paid.filter(({ status, at }) => status === "in-flight" || at > now - HOUR);
      this.demand(
        sum(recent) <= hourMsat,
        `${one.name} is over its budget of an hour: ${sum(recent)}`,
      );
    }
  }

  /**
   * The treasury is about to use a purchase: an agent that waited and was revoked in the meantime
   * gets nothing.
   */
  sending(deed: Deed): void {
    if (deed.kind !== "buy" || deed.hasSent) return;
    deed.hasSent = true;
    if (this.payments.some((payment) => payment.deed === deed && isLive(payment))) return;
    for (const one of lineOf(deed.agent!))
      this.demand(
        one.revoked === undefined || this.schedule.now < one.revoked.at + DECIDED_SECONDS,
        `${deed} used what is held for ${deed.agent!.name} after ${one.name} was revoked`,
      );
  }

  served(deed: Deed, paymentHash: string): void {
    const { now } = this.schedule;
    const goods = this.goods.get(paymentHash)!;
    goods.served++;
    goods.left--;
    this.servings.push({ deed, paymentHash, at: now });
    this.demand(goods.left >= 0, `${paymentHash} was served more often than it was sold`);
    const agent = deed.agent;
    // What a hostile service does with an agent of its own is between the two.
    if (agent === undefined || (deed.kind === "direct" && !goods.isHonest)) return;
    this.#judgeOwner(agent, paymentHash, `${deed} was served`);
    for (const one of lineOf(agent)) {
      const { uses, usesPerHour, until } = one.bounds;
      const whose = `${deed} was served for ${agent.name}, below ${one.name}, `;
      this.demand(deed.startedAt < until, `${whose}after its end`);
      this.#judgeRevoked(deed, one, goods, whose);
      const served = this.servings.filter((serving) => lineOf(serving.deed.agent!).includes(one));
      const count = (servings: readonly Serving[]) =>
        new Set(servings.map((serving) => serving.deed)).size;
      this.demand(uses === undefined || count(served) <= uses, `${whose}over its uses`);
      this.demand(
        usesPerHour === undefined ||
          count(served.filter(({ at }) => at > now - HOUR)) <= usesPerHour,
        `${whose}over its uses of an hour`,
      );
    }
  }

  #judgeRevoked(deed: Deed, { revoked }: Agent, { origin, isHonest }: Goods, whose: string): void {
    if (revoked === undefined || !isHonest) return;
    const { now } = this.schedule;
    this.demand(
      deed.startedAt <= revoked.at || deed.kind === "direct",
      `${whose}after its revocation`,
    );
    if (deed.kind !== "direct") return;
    const isRecalled = !revoked.unrecalled.has(origin);
    this.demand(!isRecalled || deed.startedAt <= revoked.at, `${whose}with what was recalled`);
    this.demand(
      now < revoked.at + HANDOVER_SECONDS + 2 * DECIDED_SECONDS,
      `${whose}long after its revocation`,
    );
  }

  /** The treasury has raised an alarm. */
  alarm(what: string, deed: Deed | undefined): void {
    this.schedule.note(`ALARM ${what}`);
    this.alarms.push(what);
    if (/over its cap/.test(what) && this.frozenAt === undefined) {
      this.frozenAt = this.schedule.now;
      this.#isFrozenByAlarm = true;
    }
    const [, origin, paymentHash] =
      /^(\S+) took payment (\S+) and did not deliver/.exec(what) ?? [];
    const { now } = this.schedule;
    if (origin === undefined || paymentHash === undefined || deed?.agent === undefined) return;
    this.#judgeAccusation(deed, this.goods.get(paymentHash)!);
    this.#quarantines.set(`${deed.agent.name} ${origin}`, {
      from: now,
      until: now + QUARANTINE_SECONDS,
    });
  }

  /** Nobody is said not to have delivered what was taken to another order of ours. */
  #judgeAccusation(
    deed: Deed,
    { paymentHash, origin, isHonest, isPass, left, served, handed }: Goods,
  ): void {
    const isSingle = isHonest && !isPass && left + served === 1;
    if (!isSingle || handed > 0 || deed.isDoubting || this.deeds.some(({ isFaulted }) => isFaulted))
      return;
    const others = this.servings.filter(
      (one) => one.paymentHash === paymentHash && one.deed !== deed,
    );
    this.demand(
      others.length === 0,
      `${deed} accused ${origin}, which had served ${others[0]?.deed} instead`,
    );
  }

  /** An agent was handed a credential. */
  handed(agent: Agent, { paymentHash }: Credential): void {
    const goods = this.goods.get(paymentHash)!;
    const { now } = this.schedule;
    const handedAt = goods.handedAt ?? now;
    const isSingle = goods.isHonest && !goods.isPass && goods.left + goods.served === 1;
    // Where the treasury died before it was certain that its answer had left, the agent may ask
    // again.
    const mayHaveLeft =
      this.deaths.some((at) => at >= handedAt && at < handedAt + IN_HAND_SECONDS) ||
      this.deeds.some(({ isFaulted }) => isFaulted);
    this.demand(
      !isSingle || (goods.handed === 0 && goods.served === 0) || mayHaveLeft,
      `${paymentHash} is good once, and was given twice`,
    );
    goods.handed++;
    goods.handedAt = handedAt;
    this.#judgeOwner(agent, paymentHash, `${agent.name} was handed`);
  }

  #judgeOwner(agent: Agent, paymentHash: string, what: string): void {
    const payer = this.payments.find((one) => one.paymentHash === paymentHash && isLive(one))?.deed
      ?.agent;
    const isTheirs = payer !== undefined && lineOf(agent).includes(payer);
    this.demand(isTheirs, `${what} what neither it nor one above it has paid for (${paymentHash})`);
  }

  /** What was frozen by an alarm a moment ago may not have been written down. */
  died(): void {
    this.deaths.push(this.schedule.now);
    if (this.#isFrozenByAlarm) this.frozenAt = undefined;
    this.#isFrozenByAlarm = false;
  }

  /** What an order was told about money. */
  told(
    deed: Deed,
    told: {
      readonly spent?: string | undefined;
      readonly payment?:
        | { readonly paymentHash: string; readonly amount: Amount; readonly fee: Amount }
        | undefined;
    },
  ): void {
    const mine = this.payments.filter((payment) => payment.deed === deed && isLive(payment));
    this.demand(
      told.spent !== "no" || mine.length === 0,
      `${deed} was told that nothing was spent, and it had paid`,
    );
    if (told.payment === undefined) return;
    const { paymentHash, amount, fee } = told.payment;
    const [real] = mine;
    this.demand(
      real?.status === "paid" &&
        real.paymentHash === paymentHash &&
        real.amountMsat === amount.value &&
        real.feeMsat === fee.value,
      `${deed} was told of a payment that was not so`,
    );
    const payees = this.#payees.get(this.goods.get(paymentHash)!.origin)!;
    payees.knownAt = Math.min(payees.knownAt, this.schedule.now);
  }

  /**
   * What the node did for it and all below it: at least, and at most with what is in flight at its
   * dearest.
   */
  paidBelow(agent: Agent): { readonly leastMsat: bigint; readonly mostMsat: bigint } {
    let [leastMsat, mostMsat] = [0n, 0n];
    for (const payment of this.payments) {
      if (!isLive(payment) || !lineOf(payment.deed!.agent!).includes(agent)) continue;
      const { status, amountMsat, feeMsat, maxFeeMsat } = payment;
      leastMsat += status === "paid" ? amountMsat + feeWithin(payment) : amountMsat;
      mostMsat += amountMsat + (status === "paid" ? feeMsat : maxFeeMsat);
    }
    return { leastMsat, mostMsat };
  }
}

/**
 * The cost that limits can count: a fee above its cap is the node's fault, and counts against no
 * limit. [case 46]
 */
const feeWithin = ({ status, feeMsat, maxFeeMsat }: Payment): bigint => {
  if (status !== "paid") return 0n;
  return feeMsat < maxFeeMsat ? feeMsat : maxFeeMsat;
};
