/**
 * The towns of a run of pytest. Takes commands as JSON lines on stdin, answers each with a line on
 * stdout, and ends when stdin does: so it ends with pytest, however that ends.
 *
 * `{"id": 1, "town": 1, "do": "mint", "scope": {…}}` is answered with `{"id": 1, "ok": …}` or
 * `{"id": 1, "error": "…"}`. Amounts are decimal texts in msat.
 */
import { createInterface } from "node:readline";
import type { Scope } from "l8nt";
import type { FaultRule } from "l8nt/testing";
import type { Fault } from "./line.ts";
import type { McpWishes } from "./mcp.ts";
import type { Meeting, Shop } from "./shop.ts";
import { type Demand, type ShopWishes, type TownOptions, World } from "./world.ts";

interface Command {
  readonly id: number;
  readonly town: number;
  readonly do: string;
  readonly url?: string;
  readonly text?: string;
  readonly count?: number;
  readonly now?: number;
  readonly scope?: Scope;
  readonly location?: string;
  readonly services?: readonly string[];
  readonly fault?: Fault;
  readonly rule?: FaultRule;
  readonly shop?: ShopWishes;
  readonly mcp?: McpWishes;
  readonly options?: TownOptions;
  readonly demand?: Demand;
  readonly balanceMsat?: string;
  readonly meetings?: readonly Meeting[];
}

const worlds = new Map<number, World>();

const lineOf = (world: World, { url = "" }: Command) => {
  const line = world.lines.get(url);
  if (line === undefined) throw new Error(`nothing of this town is at ${url}`);
  return line;
};
const shopOf = (world: World, { url = "" }: Command): Shop => {
  const shop = world.shops.get(url);
  if (shop === undefined) throw new Error(`no shop of this town is at ${url}`);
  return shop;
};
/** An argument that a command cannot do without. */
function given<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("the command lacks an argument");
  return value;
}

const COMMANDS: Readonly<Record<string, (world: World, command: Command) => unknown>> = {
  close: async (world, { town }) => {
    worlds.delete(town);
    await world.close();
  },
  clock: (world, { now }) => world.setClock(given(now)),
  mint: (world, { scope }) => world.mint(given(scope)).toString(),
  mintPublic: (world, { scope, location }) =>
    world.mintPublic(given(scope), given(location)).toString(),
  mintFor: (world, { services }) => world.mintFor(given(services)),
  openShop: async (world, { shop }) => (await world.openShop(given(shop))).line.url,
  openMcp: async (world, { mcp }) => (await world.openMcp(given(mcp))).url,
  openSite: async (world, { fault }) => (await world.openSite(fault)).url,
  challenge: (world, { demand }) => world.challenge(given(demand)),
  introduce: (world, { url }) => world.introduce(given(url)),
  fault: (world, command) => lineOf(world, command).fault(given(command.fault)),
  clearFaults: (world, command) => lineOf(world, command).clearFaults(),
  release: (world, command) => lineOf(world, command).release(),
  arrival: (world, command) => lineOf(world, command).arrival(given(command.count)),
  arrived: (world, command) => lineOf(world, command).arrived,
  meet: (world, command) => void shopOf(world, command).meetings.push(...given(command.meetings)),
  served: (world, command) => shopOf(world, command).served,
  walletFault: (world, { rule }) => world.walletFault(given(rule)),
  account: (world, { text, balanceMsat }) =>
    world.network.account(given(text), { balanceMsat: BigInt(given(balanceMsat)) }).url,
  settle: (world, { text }) => world.network.settle(given(text)),
  payments: (world) => world.network.payments(),
  alarms: (world) => world.alarms,
  standing: (world, { text }) => world.treasury.standing(given(text)),
  tree: (world) => world.treasury.owner.tree(),
  revoke: (world, { text }) => world.treasury.owner.revoke(given(text)),
  freeze: (world, { text }) => world.treasury.owner.freeze(text),
  thaw: (world, { text }) => world.treasury.owner.thaw(text),
  owner: (world) => world.treasury.owner.mint({ expiresIn: "1h" }).toString(),
  receiptKey: (world) => world.receiptKey,
  stopTreasury: (world) => world.stopTreasury(),
  startTreasury: (world) => world.startTreasury(),
};

async function run(command: Command): Promise<unknown> {
  if (command.do === "open") {
    const world = await World.open(given(command.options));
    worlds.set(command.town, world);
    return { treasury: world.treasuryLine.url };
  }
  const world = worlds.get(command.town);
  const handler = COMMANDS[command.do];
  if (world === undefined) throw new Error(`there is no town ${command.town}`);
  if (handler === undefined) throw new Error(`there is no command "${command.do}"`);
  return handler(world, command);
}

const written = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part));

async function answer(line: string): Promise<void> {
  const command = JSON.parse(line) as Command;
  const { id } = command;
  try {
    const ok = (await run(command)) ?? null;
    process.stdout.write(`${written({ id, ok })}\n`);
  } catch (error) {
    process.stdout.write(`${written({ id, error: String(error) })}\n`);
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => void answer(line))
  // What is still open belongs to tests that have ended.
  .on("close", () => process.exit());
