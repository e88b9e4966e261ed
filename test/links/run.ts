/** Runs cells of the table: the first request, the break, who asks again, and another agent. */
import { DevNetwork } from "l8nt/testing";
import type { Agent, Outcome } from "./agent.ts";
import { arm, type First } from "./breaks.ts";
import type { Cell } from "./cells.ts";
import { dies } from "./cells.ts";
import { judge, type Story, thingEvents, type Wrong } from "./judge.ts";
import { Processes } from "./processes.ts";
import { OTHER, THING } from "./shop.ts";
import { type Ground, Town } from "./town.ts";

/** Longer than any answer takes; a request that takes longer is said to hang. */
const PATIENCE_MS = 45_000;

export interface Verdict {
  readonly cell: Cell;
  readonly wrong: readonly Wrong[];
  readonly story: Story | undefined;
}

export async function openGround(): Promise<Ground & AsyncDisposable> {
  const [network, processes] = await Promise.all([DevNetwork.start(), Processes.open()]);
  return {
    network,
    processes,
    async [Symbol.asyncDispose]() {
      await processes.close();
      await network.stop();
    },
  };
}

export async function runCell(cell: Cell, ground: Ground): Promise<Verdict> {
  const town = await Town.open(cell, ground);
  try {
    const story = await tell(town);
    return { cell, wrong: judge(story), story };
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { cell, wrong: [{ law: "Z", what: `the cell broke off: ${what}` }], story: undefined };
  } finally {
    await town.close();
  }
}

async function tell(town: Town): Promise<Story> {
  const { cell } = town;
  const key = cell.again === "same order" ? "the-order-of-the-cell" : undefined;
  const agent = await town.firstAgent();
  const controller = new AbortController();
  let begin!: (first: First) => void;
  const broken = arm(
    town,
    new Promise<First>((resolve) => {
      begin = resolve;
    }),
  );
  const told = inTime(agent.ask({ thing: THING, key, signal: controller.signal }));
  begin({ agent, told, abort: () => controller.abort() });
  const first = await told;
  broken.undo();
  await broken.arrived();

  const secondAt = town.tick();
  const second = await askAgain(town, agent, key);
  await broken.end();
  await agent.close();
  const another = await town.otherAgent();
  const other = await inTime(another.ask({ thing: OTHER }));
  await another.close();
  const books = await town.books();
  const sum = town.payments().reduce((total, one) => total + one.amountMsat + one.feeMsat, 0n);
  return {
    cell,
    broke: broken.happened(),
    first,
    second,
    secondAt,
    payments: town.payments(THING),
    paidAt: town.paidAt,
    paidMsat: sum,
    events: thingEvents(town.shop.events),
    alarms: town.alarms,
    books,
    other,
  };
}

async function askAgain(
  town: Town,
  agent: Agent,
  key: string | undefined,
): Promise<Outcome | undefined> {
  const { cell } = town;
  if (cell.again === "never") return undefined;
  if (cell.again !== "new process" && !dies(cell)) return inTime(agent.ask({ thing: THING, key }));
  // The books of an embedded treasury have one writer.
  await agent.close();
  const fresh = await town.newProcess();
  try {
    return await inTime(fresh.ask({ thing: THING, key }));
  } finally {
    await fresh.close();
  }
}

async function inTime(asking: Promise<Outcome>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<Outcome>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, {
      kind: "error",
      name: "Hung",
      code: undefined,
      spent: undefined,
      message: "no answer came",
      ours: false,
    } satisfies Outcome);
  });
  return Promise.race([asking, hung]).finally(() => clearTimeout(timer));
}
