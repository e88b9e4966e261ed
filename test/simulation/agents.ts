/**
 * Simulated agents: they buy, race, overspend, lie, delegate, revoke, and request what is not
 * theirs.
 */

import type { Scope } from "l8nt";
import { type PaymentError, SigilError } from "l8nt";
import { Credential } from "l8nt/l402";
import type { PurchaseRequest } from "l8nt/ports";
import { type Agent, type Bounds, type Deed, type Goods, lineOf } from "./facts.ts";
import type { House } from "./house.ts";
import { acting } from "./schedule.ts";
import type { Town } from "./town.ts";
import { webOf } from "./web.ts";

interface Held {
  readonly agent: Agent;
  readonly credential: Credential;
  readonly url: string;
  served: number;
}

const MAX_AGENTS = 12;
const BUDGETS = [20_000n, 45_000n, 90_000n, 200_000n];

export class Agents {
  readonly #town: Town;
  readonly #house: House;
  /** Identifies the node of a credential. */
  readonly #idOf: (credential: Credential) => string;
  readonly #web: typeof fetch;
  readonly #held: Held[] = [];
  /** In some worlds there are hours between two requests. */
  readonly #pauseSeconds: number;
  #running = 0;
  isClosing = false;

  constructor(town: Town, house: House, idOf: (credential: Credential) => string) {
    this.#town = town;
    this.#house = house;
    this.#idOf = idOf;
    this.#web = webOf(town, undefined);
    this.#pauseSeconds = town.random.chance(0.3) ? 3000 : 90;
  }

  get areDone(): boolean {
    return this.#running === 0;
  }

  /** Starts an agent with its own credential and some requests. */
  add(
    credential: Credential,
    caveats: readonly string[],
    bounds: Agent["bounds"],
    parent?: Agent,
  ): Agent {
    const { oracle } = this.#town;
    const agent: Agent = {
      name: `agent-${oracle.agents.length}`,
      id: this.#idOf(credential),
      ...(parent !== undefined && { parent }),
      credential,
      caveats,
      bounds,
    };
    oracle.agents.push(agent);
    this.#running++;
    void this.#live(agent).finally(() => {
      this.#running--;
    });
    return agent;
  }

  async #live(agent: Agent): Promise<void> {
    const { schedule, random } = this.#town;
    for (let left = 4 + random.below(8); left > 0 && !this.isClosing; left--) {
      const seconds = random.pick([0, 0, 0.01, 1, random.between(0, this.#pauseSeconds)]);
      await schedule.turn(`${agent.name} thinks`, { seconds });
      await this.#act(agent);
    }
  }

  async #buySoon(agent: Agent, url: string): Promise<void> {
    const { schedule, random } = this.#town;
    await schedule.turn(`${agent.name} waits`, {
      seconds: random.pick([0, 0, random.between(0, 5)]),
    });
    await this.buy(agent, url);
  }

  async #act(agent: Agent): Promise<unknown> {
    const { random, oracle } = this.#town;
    const url = this.#url();
    switch (random.below(12)) {
      case 0:
        return this.delegate(agent);
      case 1:
        return this.#revokeBelow(agent);
      case 2:
      case 3: {
        return Promise.all(
          Array.from({ length: 2 + random.below(2) }, () => this.#buySoon(agent, url)),
        );
      }
      case 4: {
        // With a sibling or a child, if there is one: the same request, another node.
        const other = random.pick(oracle.agents);
        return Promise.all([this.buy(agent, url), this.buy(other, url)]);
      }
      case 5:
        return this.#lie(agent, url);
      case 6:
        return this.#useHeld(agent);
      case 7:
        return this.#do("agent", agent, "stands", () =>
          this.#house.ask((treasury) => treasury.standing(agent.credential.toString())),
        );
      default:
        return this.buy(agent, url);
    }
  }

  #url(): string {
    const { random, sites } = this.#town;
    const { origin, paths } = random.pick(sites);
    return `${origin}${random.pick(paths)}`;
  }

  /** Opens a node below an agent, offline. */
  delegate(parent: Agent, wish: Partial<Bounds> = {}): Agent | undefined {
    const { random, schedule, sites, oracle } = this.#town;
    if (oracle.agents.length >= MAX_AGENTS) return undefined;
    const some = <Value>(probability: number, value: () => Value) =>
      random.chance(probability) ? value() : undefined;
    const seconds = random.chance(0.2) ? 300 : 86_400;
    const bounds = dropUndefined({
      budgetMsat: some(0.6, () => random.pick(BUDGETS)),
      hourMsat: some(0.4, () => random.pick(BUDGETS)),
      priceMsat: some(0.3, () => random.pick([8000n, 24_000n])),
      uses: some(0.3, () => 1 + random.below(3)),
      usesPerHour: some(0.25, () => 1 + random.below(2)),
      origins: some(0.3, () => sites.map(({ origin }) => origin).filter(() => random.chance(0.7))),
      until: Math.floor(schedule.now) + seconds,
      ...wish,
    });
    if (bounds.origins?.length === 0) return undefined;
    const scope: Scope & { agent: string } = {
      agent: `agent-${oracle.agents.length}`,
      expiresIn: `${seconds}s`,
      ...scopeOf(bounds),
    };
    const credential = parent.credential.delegate(scope, { now: schedule.now });
    const caveats = credential.caveats
      .slice(parent.credential.caveats.length)
      .map(({ condition, value }) => `${condition}=${value}`);
    return this.add(credential, caveats, bounds, parent);
  }

  async #revokeBelow(agent: Agent): Promise<unknown> {
    const { random, oracle, schedule } = this.#town;
    // One whose every request is relayed has to come back for each.
    const wish = random.chance(0.75) ? { uses: 2 + random.below(4) } : {};
    const fresh = random.chance(0.75) ? this.delegate(agent, wish) : undefined;
    const children = fresh ? [fresh] : oracle.agents.filter(({ parent }) => parent === agent);
    if (children.length === 0) return this.buy(agent, this.#url());
    const child = random.pick(children);
    // Under way, or about to be: what it is given meanwhile must not outlive it.
    const url = this.#url();
    const orders = Promise.all(
      Array.from({ length: random.below(4) }, () => this.#buySoon(child, url)),
    );
    await schedule.turn(`${agent.name} waits`, {
      seconds: random.pick([0, 0.01, 0.05, 0.5, 2, 6]),
    });
    await this.#do("agent", agent, `revokes ${child.name}`, async (mine) => {
      await this.#house.ask((treasury) =>
        treasury.revoke(agent.credential.toString(), child.caveats),
      );
      child.revoked ??= { at: schedule.now, unrecalled: mine.unrecalled };
    });
    await orders;
    for (const held of this.#held.filter((one) => one.agent === child)) await this.#use(held);
    return this.buy(child, url);
  }

  /** Says of a purchase, its own or another's, that it was refused: used up, or never served. */
  async #lie(agent: Agent, url: string): Promise<unknown> {
    const { random, oracle } = this.#town;
    if (oracle.payments.length === 0) return this.buy(agent, url);
    const { paymentHash, deed } = random.pick(oracle.payments);
    await this.buy(agent, random.chance(0.7) ? deed!.url : url, {
      paymentHash,
      mayBeUsed: random.chance(0.5),
    });
  }

  async #useHeld(agent: Agent): Promise<void> {
    const { random } = this.#town;
    const mine = this.#held.filter((held) => held.agent === agent);
    if (mine.length > 0) await this.#use(random.pick(mine));
    else await this.buy(agent, this.#url());
  }

  /** An agent alone with a service, as it is with a credential that it was handed. */
  async #use(held: Held): Promise<void> {
    const { agent, credential, url } = held;
    let status = 0;
    await this.#do("direct", agent, url, async () => {
      const headers = { authorization: `L402 ${credential.toString()}` };
      status = (await this.#web(url, { headers })).status;
    });
    if (status === 200) held.served++;
    if (status === 402) {
      const { paymentHash } = credential;
      await this.buy(agent, url, { paymentHash, mayBeUsed: held.served > 0 });
    }
  }

  /** Orders one request, and is told something. Gives whether it was served, or may be. */
  async buy(agent: Agent, url: string, refused?: PurchaseRequest["refused"]): Promise<boolean> {
    const { oracle, random } = this.#town;
    let isServed = false;
    let held: Held | undefined;
    await this.#do("buy", agent, url, async (deed) => {
      deed.isDoubting = refused !== undefined;
      const controller = new AbortController();
      if (random.chance(0.08)) setTimeout(() => controller.abort(), random.between(0, 5000));
      const purchase = await this.#house.ask((treasury) =>
        treasury.buy({
          id: Buffer.from(random.fill(new Uint8Array(16))).toString("hex"),
          credential: agent.credential.toString(),
          method: "GET",
          url,
          headers: [],
          signal: controller.signal,
          ...(refused !== undefined && { refused }),
        }),
      );
      oracle.told(deed, { payment: purchase.payment });
      if (purchase.kind === "response") {
        isServed = purchase.response.status === 200;
        await purchase.response.text();
        return;
      }
      isServed = true;
      const credential = Credential.parse(purchase.credential);
      oracle.handed(agent, credential);
      held = { agent, credential, url, served: 0 };
    });
    if (held !== undefined) {
      this.#held.push(held);
      if (random.chance(0.8)) await this.#use(held);
    }
    return isServed;
  }

  async #do(
    kind: Deed["kind"],
    agent: Agent,
    url: string,
    work: (deed: Deed) => Promise<unknown>,
  ): Promise<Deed> {
    const { oracle, schedule } = this.#town;
    const deed = oracle.begin(kind, agent, url);
    await acting.run(deed, async () => {
      try {
        await work(deed);
        schedule.note("is done");
      } catch (error) {
        schedule.note(
          `is told ${error instanceof SigilError ? error.code : (error as Error).message}`,
        );
        if (error instanceof SigilError)
          oracle.told(deed, { spent: (error as PaymentError).spent });
        else deed.isFaulted = true;
        oracle.demand(isExpected(error), `${deed} threw ${String(error)}`);
      }
    });
    deed.endedAt = schedule.now;
    return deed;
  }

  /** At the end of a world: a purchase that is paid and valid must still serve. */
  async collect(goods: Goods, agent: Agent, url: string): Promise<void> {
    const { oracle } = this.#town;
    const before = oracle.payments.length;
    const isServed = await this.buy(agent, url);
    oracle.demand(
      isServed && oracle.payments.length === before,
      `${goods.paymentHash} was paid and is good, and ${agent.name} does not get what it buys at ${url}`,
    );
  }
}

const isExpected = (error: unknown): boolean =>
  error instanceof SigilError ||
  /^(?:the treasury (?:died|is down)|fetch failed)$/.test((error as Error).message);

function dropUndefined<Value extends object>(
  value: Value,
): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as never;
}

export function scopeOf({
  budgetMsat,
  hourMsat,
  priceMsat,
  uses,
  usesPerHour,
  origins,
}: Agent["bounds"]): Scope {
  return {
    ...(budgetMsat !== undefined && { budget: `${budgetMsat} msat` as const }),
    ...(hourMsat !== undefined && { budgetPerHour: `${hourMsat} msat` as const }),
    ...(priceMsat !== undefined && { maxPrice: `${priceMsat} msat` as const }),
    ...(uses !== undefined && { maxUses: uses }),
    ...(usesPerHour !== undefined && { maxUsesPerHour: usesPerHour }),
    ...(origins !== undefined && { endpoints: origins.map((origin) => `GET ${origin}/**`) }),
  };
}

export const hasUses = (agent: Agent): boolean =>
  lineOf(agent).some(({ bounds }) => bounds.uses !== undefined || bounds.usesPerHour !== undefined);
