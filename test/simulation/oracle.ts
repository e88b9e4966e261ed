/**
 * The laws that every world must keep, in arithmetic of its own over answers, payments and
 * servings.
 */
import type { Amount } from "l8nt/invoice";
import type { Credential } from "l8nt/l402";
import { Chronicle, type Serving } from "./chronicle.ts";
import { type Agent, type Deed, type Goods, isLive, lineOf, type Payment } from "./facts.ts";
import type { Sender } from "./town.ts";

/**
 * Longer than a store, a node and a look at the clock take together once the treasury has decided.
 */
const DECIDED_SECONDS = 10;
const HOUR = 3600;
/** How long a hand-over holds where it cannot be recalled. spec/4-purchase.md §6. */
const HANDOVER_SECONDS = 300;
const QUARANTINE_SECONDS = 580;

export class Oracle extends Chronicle {
  /** Since when nothing at all is spent. */
  frozenAt: number | undefined;
  /** A backup forgets the uses that were counted since: no wallet knows of them. */
  isRestored = false;
  #isFrozenByAlarm = false;
  /** Who accused which origin. */
  readonly #accusations: { readonly agent: Agent; readonly origin: string }[] = [];
  /** Who met a connection without an answer, and then a refusal, at which origin. */
  readonly #doubts: { readonly agent: Agent; readonly origin: string }[] = [];
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
    this.demand(
      !before.some(
        ({ isLate, deed: other }) =>
          isLate !== true && other !== undefined && other.order === deed.order,
      ),
      `${deed} paid twice for its order`,
    );
    this.demand(goods.trap === undefined, `${deed} paid for a trap: ${goods.trap}`);
    this.demand(
      goods.amountMsat === amountMsat,
      `${deed} paid another amount than the invoice has`,
    );
    this.#judgeOrder(deed, agent, goods);
    const closed = this.#quarantines.get(`${agent.name} ${goods.origin}`);
    this.demand(
      closed === undefined ||
        now < closed.from + DECIDED_SECONDS ||
        now > closed.until - this.clocks.slackSeconds,
      `${deed} paid ${goods.origin}, which took a payment and did not deliver`,
    );
    for (const earlier of before)
      if (earlier.deed?.agent === agent && earlier.deed.url === deed.url && !earlier.isLate)
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
      this.demand(deed.startedAt < until + this.clocks.slackSeconds, `${whose}after its end`);
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
   * No intent is paid twice: not while the first is open, nor while what it bought is good and no
   * request that ran when this one was sent may have it.
   */
  #judgeAgain(deed: Deed, { paymentHash, status, deed: first }: Payment): void {
    const goods = this.goods.get(paymentHash)!;
    const whose = `${deed} paid for the same as ${first} `;
    this.demand(status !== "in-flight", `${whose}while that was in flight`);
    if (!goods.isHonest || !this.isGood(goods)) return;
    const mayBeTaken = this.deeds.some(
      (one) =>
        one !== deed &&
        one.kind === "buy" &&
        lineOf(one.agent!).includes(first!.agent!) &&
        (one.endedAt === undefined ||
          one.endedAt >= deed.startedAt ||
          one.atTreasury > 0 ||
          one.isFaulted),
    );
    this.demand(mayBeTaken, `${whose}while what that had bought (${paymentHash}) was good`);
  }

  /** Whether its seller would still serve it, and its buyer can still use it. */
  isGood({ until, left }: Goods): boolean {
    return until > this.schedule.now + 60 + this.clocks.slackSeconds && left > 0;
  }

  #judgeLimits(agent: Agent): void {
    const { now } = this.schedule;
    for (const one of lineOf(agent)) {
      const { budgetMsat, hourMsat } = one.bounds;
      // What is paid after it failed is counted late, and may pass a limit: it was spent.
      const paid = this.payments.filter(
        (payment) =>
          isLive(payment) && !payment.isLate && lineOf(payment.deed!.agent!).includes(one),
      );
      const sum = (payments: readonly Payment[]) =>
        payments.reduce((total, payment) => total + payment.amountMsat + feeWithin(payment), 0n);
      this.demand(
        budgetMsat === undefined || sum(paid) <= budgetMsat,
        `${one.name} is over its budget: ${sum(paid)}`,
      );
      if (hourMsat === undefined) continue;
      const from = now - HOUR + this.clocks.slackSeconds;
      const recent = paid.filter(({ status, at }) => status === "in-flight" || at > from);
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

  served(deed: Deed, paymentHash: string, { isAgent, sentAt, isUnheard = false }: Sender): void {
    const { now } = this.schedule;
    const goods = this.goods.get(paymentHash)!;
    goods.served++;
    goods.left--;
    this.servings.push({ deed, paymentHash, at: now, isUnheard });
    this.demand(goods.left >= 0, `${paymentHash} was served more often than it was sold`);
    const agent = deed.agent;
    // What a hostile service does with an agent of its own is between the two.
    if (agent === undefined || (isAgent && !goods.isHonest)) return;
    this.#judgeOwner(agent, paymentHash, `${deed} was served`);
    for (const one of lineOf(agent)) {
      const { uses, usesPerHour, until } = one.bounds;
      const whose = `${deed} was served for ${agent.name}, below ${one.name}, `;
      this.demand(deed.startedAt < until + this.clocks.slackSeconds, `${whose}after its end`);
      this.#judgeRevoked(deed, one, goods, { whose, isAgent, sentAt });
      // A 5xx gives the use back, also if a gateway said it while the service served.
      const served = this.servings.filter(
        (serving) => !serving.isUnheard && lineOf(serving.deed.agent!).includes(one),
      );
      const count = (servings: readonly Serving[]) =>
        new Set(servings.map((serving) => serving.deed.order)).size;
      this.demand(
        this.isRestored || uses === undefined || count(served) <= uses,
        `${whose}over its uses`,
      );
      this.demand(
        this.isRestored ||
          usesPerHour === undefined ||
          count(served.filter(({ at }) => at > now - HOUR + this.clocks.slackSeconds)) <=
            usesPerHour,
        `${whose}over its uses of an hour`,
      );
    }
  }

  #judgeRevoked(
    deed: Deed,
    { revoked }: Agent,
    { origin, isHonest }: Goods,
    { whose, isAgent, sentAt }: Sender & { readonly whose: string },
  ): void {
    if (revoked === undefined || !isHonest) return;
    const { now } = this.schedule;
    this.demand(deed.startedAt <= revoked.at || isAgent, `${whose}after its revocation`);
    if (!isAgent) return;
    const isRecalled = !revoked.unrecalled.has(origin);
    this.demand(!isRecalled || sentAt <= revoked.at, `${whose}with what was recalled`);
    this.demand(
      now < revoked.at + HANDOVER_SECONDS + 2 * DECIDED_SECONDS + this.clocks.slackSeconds,
      `${whose}long after its revocation`,
    );
  }

  /** The treasury has raised an alarm. */
  alarm(what: string, deed: Deed | undefined): void {
    this.schedule.note(`ALARM ${what}`);
    this.alarms.push(what);
    const stops = /over its cap/.test(what) || /^spending has stopped: the wallet made/.test(what);
    if (stops && this.frozenAt === undefined) {
      this.frozenAt = this.schedule.now;
      this.#isFrozenByAlarm = true;
    }
    const [, accused, paymentHash] =
      /^(\S+) took payment (\S+) and did not deliver/.exec(what) ?? [];
    // Closed to the agent that met it, and nobody is accused.
    const [, doubted] =
      /^(\S+) asks for payment \S+ again, (?:whose connection ended|which it says)/.exec(what) ??
      [];
    const origin = accused ?? doubted;
    const { now } = this.schedule;
    if (origin === undefined || deed?.agent === undefined) return;
    if (doubted !== undefined) this.#doubts.push({ agent: deed.agent, origin });
    if (accused !== undefined && paymentHash !== undefined) {
      this.#accusations.push({ agent: deed.agent, origin });
      this.#judgeAccusation(deed, this.goods.get(paymentHash)!);
    }
    this.#quarantines.set(`${deed.agent.name} ${origin}`, {
      from: now,
      until: now + QUARANTINE_SECONDS,
    });
  }

  /**
   * A service is accused only where it took the money and refused the very thing: no answer reached
   * anyone, and nobody but the service broke a connection with it. An honest one is never accused,
   * whatever the web or a gateway lost.
   */
  #judgeAccusation(deed: Deed, goods: Goods): void {
    const { paymentHash, origin, isHonest, refused, heard, givenUp, liars } = goods;
    const whose = `${deed} accused ${origin} over ${paymentHash}, `;
    this.demand(refused > 0, `${whose}which did not refuse it`);
    // An agent that lies about a purchase of its own closes the origin to itself.
    if (liars.size > 0) return;
    this.demand(heard === 0, `${whose}of which an answer had arrived`);
    this.demand(givenUp === 0, `${whose}on which a connection was closed at this side`);
    this.demand(!isHonest, `${whose}which serves what it sells`);
  }

  /** An agent is told that an origin is closed to it: by its own proof, or by two of others. */
  closed({ agent }: Deed, origin: string): void {
    const proofs = this.#accusations.filter((one) => one.origin === origin);
    const met = [...proofs, ...this.#doubts.filter((one) => one.origin === origin)];
    const isOwn = met.some((one) => lineOf(agent!).includes(one.agent));
    const isSpread = proofs.some((one) =>
      proofs.some(
        (other) =>
          !lineOf(one.agent).includes(other.agent) && !lineOf(other.agent).includes(one.agent),
      ),
    );
    // Doubts of two close it to the lowest node above both.
    const isShared = this.#doubts.some((one) =>
      this.#doubts.some((other) => {
        const [line, line2] = [lineOf(one.agent), lineOf(other.agent)];
        // Without the root.
        const above = line.slice(1).filter((each) => line2.includes(each));
        return (
          one.origin === origin &&
          other.origin === origin &&
          !line.includes(other.agent) &&
          !line2.includes(one.agent) &&
          above.some((each) => lineOf(agent!).includes(each))
        );
      }),
    );
    this.demand(
      isOwn || isSpread || isShared,
      `${agent!.name} is kept from ${origin} by the word of one other`,
    );
  }

  /** An agent was handed a credential. */
  handed(agent: Agent, { paymentHash }: Credential): void {
    this.goods.get(paymentHash)!.handed++;
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

  /**
   * What an order was told about money.
   *
   * @param isTaken whether the books say that another order has what an order paid for
   */
  async told(
    deed: Deed,
    told: {
      readonly spent?: string | undefined;
      readonly payment?:
        | { readonly paymentHash: string; readonly amount: Amount; readonly fee: Amount }
        | undefined;
    },
    isTaken: (paymentHash: string) => Promise<boolean>,
  ): Promise<void> {
    const mine = this.payments.filter(
      (payment) => payment.deed?.order === deed.order && isLive(payment),
    );
    // What an order paid for and another one took is the other one's. spec/4-purchase.md §4.4.
    if (told.spent === "no")
      for (const { paymentHash, isLate, deed: payer } of mine)
        this.demand(
          // Another request of the order, sent beside this one, may pay after this one's answer.
          (payer !== deed && (payer?.endedAt ?? this.schedule.now) > deed.startedAt) ||
            isLate === true ||
            (await isTaken(paymentHash)),
          `${deed} was told that nothing was spent, and it had paid`,
        );
    if (told.payment === undefined) return;
    const { paymentHash, amount, fee } = told.payment;
    const real = mine.find((one) => one.paymentHash === paymentHash);
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
  paidBelow(
    agent: Agent,
    { withLate = true } = {},
  ): { readonly leastMsat: bigint; readonly mostMsat: bigint } {
    let [leastMsat, mostMsat] = [0n, 0n];
    for (const payment of this.payments) {
      if (payment.isLate && !withLate) continue;
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
