/** A world from one seed: the same seed gives the same trace. */

import { createHash } from "node:crypto";
import { Authority } from "l8nt/l402";
import { nodeTotal } from "../../packages/l8nt/src/ledger/index.ts";
import { Agents, scopeOf } from "./agents.ts";
import { Clocks } from "./clocks.ts";
import { crook } from "./crooks.ts";
import { Disk } from "./disk.ts";
import { end } from "./ending.ts";
import type { Agent } from "./facts.ts";
import { takeOver } from "./globals.ts";
import { House, LOCATION, SECRET } from "./house.ts";
import { LightningNode } from "./lightning.ts";
import { Oracle } from "./oracle.ts";
import { OwnerAtWork } from "./owner.ts";
import { Random } from "./random.ts";
import { Schedule } from "./schedule.ts";
import { SALES, shop } from "./shops.ts";
import type { Town } from "./town.ts";
import { weatherOf } from "./weather.ts";

/** More steps than any world needs, so that a world without an end is noticed. */
const MAX_STEPS = 40_000;
const MAX_DEATHS = 4;
/**
 * After these a process dies more often: something has happened that it has not written down, or
 * told.
 */
const DELICATE = /with a credential|node pa|begin|settle|← 200/;

export interface Story {
  readonly seed: number;
  readonly steps: number;
  readonly trace: readonly string[];
  /** Of the trace. */
  readonly digest: string;
  /** Empty if every law held. */
  readonly faults: readonly string[];
  readonly payments: number;
  readonly deaths: number;
}

export async function simulate(seed: number): Promise<Story> {
  const random = new Random(`world ${seed}`);
  const schedule = new Schedule(random);
  const restore = takeOver(schedule, new Random(`secrets ${seed}`));
  try {
    return await tell(seed, random, schedule);
  } finally {
    restore();
  }
}

async function tell(seed: number, random: Random, schedule: Schedule): Promise<Story> {
  const weather = weatherOf(random);
  const clocks = new Clocks(schedule, random, weather);
  const oracle = new Oracle(schedule, clocks);
  const lightning = new LightningNode({
    seed: `${seed}`,
    schedule,
    random,
    weather,
    onPay: (payment, amountMsat) => oracle.paying(payment, amountMsat),
  });
  const sites: Town["sites"][number][] = [];
  const town: Town = {
    seed: `${seed}`,
    random,
    schedule,
    weather,
    oracle,
    clocks,
    lightning,
    disk: new Disk(schedule, random, weather),
    sites,
    siteAt: (origin) => sites.find((site) => site.origin === origin)!,
  };
  const shops = SALES.map((sale, node) => shop(town, node, sale));
  sites.push(...shops.filter(() => random.chance(0.6)), crook(town, 5, "crook"));
  const house = new House(town);
  house.start();
  const registrar = new Authority({
    secret: SECRET,
    location: LOCATION,
    kind: "spending",
    clock: schedule.clock,
  });
  const agents = new Agents(
    town,
    house,
    (credential) => registrar.verifier.authenticate(credential).node.id,
  );
  const owner = new OwnerAtWork(town, house);
  for (let trees = 1 + random.below(2); trees > 0; trees--)
    agents.delegate(plant(town, agents, registrar));
  void owner.live();

  let isDown = false;
  while (
    !(agents.areDone && owner.isDone) &&
    schedule.steps < MAX_STEPS &&
    oracle.faults.length === 0
  ) {
    const danger = DELICATE.test(schedule.trace.at(-1) ?? "") ? 6 : 1;
    if (
      house.open !== undefined &&
      house.deaths < MAX_DEATHS &&
      random.chance(danger * weather.crash)
    )
      await house.die();
    if (random.chance(weather.agentDies)) await agents.killOne();
    if (random.chance(weather.clockJumps)) clocks.jump();
    if (house.open === undefined && !isDown) {
      isDown = true;
      schedule.later(random.between(0, 60), "the treasury starts again", () => {
        isDown = false;
        house.start();
      });
    }
    if (!(await schedule.step())) break;
    await audit(town);
  }
  oracle.demand(
    (agents.areDone && owner.isDone) || oracle.faults.length > 0,
    "somebody waits for an answer that never comes",
  );
  if (oracle.faults.length === 0) await end(town, house, agents, owner);
  const digest = createHash("sha256").update(schedule.trace.join("\n")).digest("hex");
  const { steps, trace } = schedule;
  return {
    seed,
    steps,
    trace,
    digest,
    faults: oracle.faults,
    payments: lightning.payments.length,
    deaths: house.deaths,
  };
}

/** The root of a tree. */
function plant({ random, schedule, sites }: Town, agents: Agents, registrar: Authority): Agent {
  const seconds = 86_400;
  const bounds = {
    budgetMsat: random.pick([60_000n, 150_000n, 400_000n]),
    origins: sites.map(({ origin }) => origin),
    until: Math.floor(schedule.now) + seconds,
  };
  const root = registrar.minter.mint({ ...scopeOf(bounds), expiresIn: `${seconds}s` });
  return agents.add(root, [], bounds);
}

/**
 * After every step: what the books say was spent is never less than what the node did; and a lie of
 * the node was heard.
 */
export async function audit({ disk, oracle, schedule, lightning }: Town): Promise<void> {
  const usage = await disk.image.usage(
    oracle.agents.map(({ id }) => nodeTotal(id, "msat")),
    schedule.now,
  );
  oracle.agents.forEach((agent, at) => {
    // What is paid after it failed is heard of at the next look.
    const { leastMsat } = oracle.paidBelow(agent, { withLate: false });
    const { used } = usage[at]!;
    oracle.demand(
      used >= leastMsat,
      `the books have ${used} msat for ${agent.name}, and the node has ${leastMsat}`,
    );
  });
  // Once for each payment in the life of a process.
  const told = oracle.alarms.filter((what) => /without a preimage that proves it/.test(what));
  oracle.demand(
    [...lightning.lies].every((hash) => told.some((what) => what.includes(hash))),
    "the node showed a preimage that proves nothing, and nobody raised an alarm",
  );
}
