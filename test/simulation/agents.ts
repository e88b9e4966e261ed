/**
 * Simulated agents: they buy, race, overspend, lie, delegate, revoke, and request what is not
 * theirs.
 */

import { Client, type PaymentError, type Scope, SigilError } from "l8nt";
import { Credential } from "l8nt/l402";
import type { PurchaseRequest } from "l8nt/ports";
// Loaded before any world: a client loads it at its first order, which takes real time.
import "../../packages/l8nt/src/client/remote.ts";
import { type Agent, type Bounds, type Deed, type Goods, lineOf } from "./facts.ts";
import type { House } from "./house.ts";
import { linkOf } from "./link.ts";
import { forget } from "./memory.ts";
import { acting, Life } from "./schedule.ts";
import type { Town } from "./town.ts";
import { webOf } from "./web.ts";

/** A process of an agent: what it holds is in its client's memory, and dies with it. */
interface Running {
  readonly life: Life;
  readonly client: Client;
  /** How many of its requests are under way. */
  requests: number;
}

/** How many orders, children or revocations a flood is. */
const FLOOD = 8;

const MAX_AGENTS = 12;
const BUDGETS = [20_000n, 45_000n, 90_000n, 200_000n];

export class Agents {
  readonly #town: Town;
  readonly #house: House;
  /** Identifies the node of a credential. */
  readonly #idOf: (credential: Credential) => string;
  readonly #processes = new Map<Agent, Running>();
  #lives = 0;
  /** In some worlds there are hours between two requests. */
  readonly #pauseSeconds: number;
  #running = 0;
  isClosing = false;

  constructor(town: Town, house: House, idOf: (credential: Credential) => string) {
    this.#town = town;
    this.#house = house;
    this.#idOf = idOf;
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
    if (random.chance(this.#town.weather.floods)) return this.#flood(agent, url);
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
        return this.#askAgain(agent, url);
      case 7:
        return this.#do("agent", agent, "stands", () =>
          this.#house.ask((treasury) => treasury.standing(agent.credential.toString())),
        );
      default:
        return this.#insist(agent, url);
    }
  }

  /** Asks with new orders until it has an answer, a few times: the next one may be refused. */
  async #insist(agent: Agent, url: string): Promise<void> {
    const { schedule, random } = this.#town;
    for (let left = 1 + random.below(4); left > 0; left--) {
      if (await this.buy(agent, url)) return;
      await schedule.turn(`${agent.name} waits`, { seconds: random.pick([0, 1, 6]) });
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
    // With what its process holds, at each site.
    for (const { origin, paths } of this.#town.sites) await this.buy(child, origin + paths[0]);
    return this.buy(child, url);
  }

  /** Says of a purchase, its own or another's, that it was refused: used up, or never served. */
  async #lie(agent: Agent, url: string): Promise<unknown> {
    const { random, oracle } = this.#town;
    if (oracle.payments.length === 0) return this.buy(agent, url);
    const { paymentHash, deed } = random.pick(oracle.payments);
    oracle.goods.get(paymentHash)!.liars.add(agent);
    await this.#order(agent, random.chance(0.7) ? deed!.url : url, {
      refused: { paymentHash, mayBeUsed: random.chance(0.5) },
    });
  }

  /** An order of a program of its own, which does with the answer what it likes. */
  async #order(agent: Agent, url: string, more: Partial<PurchaseRequest> = {}): Promise<void> {
    const { oracle } = this.#town;
    await this.#do("buy", agent, url, async (deed) => {
      const purchase = await this.#house.ask((treasury) =>
        treasury.buy({
          id: this.#newKey(),
          credential: agent.credential.toString(),
          method: "GET",
          url,
          headers: [],
          ...more,
        }),
      );
      await oracle.told(deed, { payment: purchase.payment }, this.#town.disk.isTaken);
      if (purchase.kind === "response") return void (await purchase.response.text());
      const credential = Credential.parse(purchase.credential);
      const goods = oracle.goods.get(credential.paymentHash)!;
      // It keeps what it was handed from the agent's own process, and does not say so.
      goods.liars.add(agent);
      oracle.handed(agent, credential);
      const life = this.#processOf(agent).life;
      const web = webOf(this.#town, life, { isAgent: true });
      const headers = { authorization: `L402 ${credential.toString()}` };
      await Promise.race([web(url, { headers }), life.death]);
    });
  }

  #newKey(): string {
    return Buffer.from(this.#town.random.fill(new Uint8Array(16))).toString("hex");
  }

  /** More orders, children or revocations than any honest agent makes at once. */
  async #flood(agent: Agent, url: string): Promise<unknown> {
    const { random, schedule } = this.#town;
    const many = (act: (at: number) => Promise<unknown>) =>
      Promise.all(Array.from({ length: FLOOD }, (_, at) => act(at)));
    const child = (at: number) =>
      agent.credential.delegate({ agent: `flood-${at}`, expiresIn: "300s" }, { now: schedule.now });
    switch (random.below(3)) {
      case 0:
        return many(() => this.#order(agent, url));
      case 1:
        return many((at) =>
          this.#do("agent", agent, "opens a child", () =>
            this.#house.ask((treasury) => treasury.standing(child(at).toString())),
          ),
        );
      default:
        return many((at) =>
          this.#do("agent", agent, "revokes a child", () =>
            this.#house.ask((treasury) =>
              treasury.revoke(
                agent.credential.toString(),
                child(at)
                  .caveats.slice(agent.credential.caveats.length)
                  .map(({ condition, value }) => `${condition}=${value}`),
              ),
            ),
          ),
        );
    }
  }

  /** The same order twice, one after the other or both at once, perhaps from a new process. */
  async #askAgain(agent: Agent, url: string): Promise<unknown> {
    const { random } = this.#town;
    const key = this.#newKey();
    if (random.chance(0.3)) return Promise.all([1, 2].map(() => this.buy(agent, url, key)));
    await this.buy(agent, url, key);
    if (random.chance(0.3)) await this.#kill(agent);
    return this.buy(agent, url, key);
  }

  #processOf(agent: Agent): Running {
    const known = this.#processes.get(agent);
    if (known?.life.isAlive) return known;
    const life = new Life(`${agent.name} process ${++this.#lives}`, "the agent");
    const web = webOf(this.#town, life, { isAgent: true });
    const client = new Client({
      credential: agent.credential,
      clock: this.#town.schedule.clock,
      fetch: linkOf(this.#town, this.#house, life, web),
      onPayment: (payment) =>
        void this.#town.oracle.told(acting.getStore()!, { payment }, this.#town.disk.isTaken),
    });
    const running = { life, client, requests: 0 };
    this.#processes.set(agent, running);
    return running;
  }

  /** One that waits for something dies. */
  async killOne(): Promise<void> {
    const waiting = [...this.#processes].filter(
      ([, { life, requests }]) => life.isAlive && requests > 0,
    );
    if (waiting.length > 0) await this.#kill(this.#town.random.pick(waiting)[0]);
  }

  async #kill(agent: Agent): Promise<void> {
    const { schedule } = this.#town;
    const { life } = this.#processOf(agent);
    schedule.note(`${life.name} dies`);
    await schedule.kill(life);
    forget(agent.credential);
  }

  /**
   * Requests something as a program does, with its client. Gives whether the answer arrived.
   *
   * @param key the program's `Idempotency-Key`
   */
  async buy(agent: Agent, url: string, key?: string): Promise<boolean> {
    const { random, oracle } = this.#town;
    const running = this.#processOf(agent);
    let isServed = false;
    await this.#do("buy", agent, url, async (deed) => {
      if (key !== undefined) deed.order = `${agent.name} ${key}`;
      const controller = new AbortController();
      if (random.chance(this.#town.weather.agentGivesUp))
        setTimeout(() => controller.abort(), random.between(0, 5000));
      running.requests++;
      try {
        const response = await Promise.race([
          running.client.get(url, {
            signal: controller.signal,
            ...(key !== undefined && { headers: { "idempotency-key": key } }),
          }),
          running.life.death,
        ]);
        await Promise.race([response.text(), running.life.death]);
        isServed = response.status === 200;
        deed.isAnswered = isServed;
        await oracle.told(deed, {}, this.#town.disk.isTaken);
      } finally {
        running.requests--;
      }
    });
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
        if (error instanceof SigilError) {
          const { spent } = error as PaymentError;
          await oracle.told(deed, { spent }, this.#town.disk.isTaken);
          if (error.code === "ERR_ORIGIN_QUARANTINED") oracle.closed(deed, new URL(url).origin);
        }
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
  (error as Error).name === "AbortError" ||
  /^(?:the (?:treasury|agent) (?:died|is down)|fetch failed|terminated)$/.test(
    (error as Error).message,
  );

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
