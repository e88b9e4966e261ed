/** An agent and the owner, as a test has them. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, inject } from "vitest";
import type { AskOptions, Told } from "../programs/agent.ts";
import type { HostName, TreasuryName } from "./plan.ts";
import { type Ended, Inside } from "./processes.ts";

export const world = inject("world");
export const inside = new Inside(world.place);
afterAll(() => inside.close());

/** A running program of an agent, which is asked one thing after the other. */
export interface Agent {
  ask(options: AskOptions): Promise<Told>;
}

/** Starts the program of an agent on a host. */
export async function openAgent(host: HostName = "agents"): Promise<Agent> {
  const child = inside.program(host, "agent");
  let printed = "";
  child.stderr.on("data", (part) => (printed += part));
  const lines = createInterface({ input: child.stdout });
  await Promise.race([
    once(lines, "line"),
    once(child, "exit").then(() => Promise.reject(new Error(`the agent ended: ${printed}`))),
  ]);
  let last: Promise<unknown> = Promise.resolve();
  return {
    ask(options) {
      const told = last.then(async () => {
        const line = once(lines, "line");
        child.stdin.write(`${JSON.stringify(options)}\n`);
        const [text] = (await line) as [string];
        return JSON.parse(text) as Told;
      });
      last = told.catch(() => {});
      return told;
    },
  };
}

/** Runs `sigil` on the owner's host, with the owner's credential of a treasury. */
export const owner = (treasury: TreasuryName, ...args: readonly string[]): Promise<Ended> =>
  inside.sigil("owner", args, { SIGIL_OWNER_CREDENTIAL: world.credentials[treasury].owner });

/** The payments of a treasury, by its own books. */
export async function paymentsOf(treasury: TreasuryName): Promise<readonly Payment[]> {
  const { stdout } = await owner(treasury, "payments", "--limit", "1000", "--json");
  return (JSON.parse(stdout) as { payments: readonly Payment[] }).payments;
}

/** One of `sigil payments --json`. */
export interface Payment {
  readonly origin: string;
  readonly path: string;
}

const linesOf = (path: string): readonly string[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");

/** Connections to addresses that must not be reached, since the start. */
export const trapped = (): readonly string[] => linesOf(world.trapLog);

/** The hosts and ports whose answers were broken off, since the start. */
export const brokenOff = (): readonly string[] => linesOf(world.cutLog);

/** What was asked of the egress proxy, since the start. */
export const proxiedTo = (): readonly string[] => linesOf(world.egressLog);
