/** The tool `budget`: what a credential allows, and what is left of its budgets. */
import type { CallToolResult } from "@modelcontextprotocol/server";
import { Client, type Credential, type NodeStanding, SigilError, type Standing } from "l8nt";
import { formatCounted, limitWords } from "l8nt/caveats";
import { type Amount, formatAmount, type Unit } from "l8nt/invoice";
import { printable } from "../secrecy.ts";
import { inWords } from "../words.ts";
import type { Agent, Agents } from "./agents.ts";
import { refused, said } from "./answer.ts";

export async function budgetTool(
  agents: Agents,
  { as }: { readonly as?: string | undefined },
): Promise<CallToolResult> {
  try {
    const agent = agents.find(as);
    const texts = await Promise.all(
      agent.credentials.map((credential) => budgetOf(credential, agent)),
    );
    return said(texts.join("\n\n"));
  } catch (error) {
    return refused(error);
  }
}

async function budgetOf(credential: Credential, { fetch: fetcher }: Agent): Promise<string> {
  const now = Date.now() / 1000;
  const scope = credential.caveats
    .flatMap((caveat) => inWords(caveat, now))
    .map((line) => `  ${line}`);
  return [
    "The credential's conditions (all of them apply):",
    ...(scope.length === 0 ? ["  none"] : scope),
    ...(await left(credential, fetcher)),
  ].join("\n");
}

async function left(credential: Credential, fetcher: typeof fetch): Promise<readonly string[]> {
  try {
    const nodes = await new Client({ credential, fetch: fetcher }).standing();
    const least = leastLeft(nodes.flatMap((node) => node.limits));
    return [
      "What is left, from the root down:",
      ...nodes.flatMap(standingText),
      ...(least.length === 0
        ? []
        : [
            `At most ${least.map(formatAmount).join(" and ")} can be spent now, routing fees included.`,
          ]),
    ];
  } catch (error) {
    if (!(error instanceof SigilError)) throw error;
    return [`The treasury did not say what is left: ${printable(error.message)}`];
  }
}

/** The smallest remainder of all limits, for each unit that has a limit. */
function leastLeft(limits: readonly Standing[]): readonly Amount[] {
  const least = new Map<Unit, bigint>();
  for (const limit of limits) {
    const { unit } = limit;
    if (unit === undefined) continue;
    const [left, before] = [leftOf(limit), least.get(unit)];
    if (before === undefined || left < before) least.set(unit, left);
  }
  return [...least].map(([unit, value]) => ({ unit, value }));
}

const leftOf = ({ max, used }: Standing): bigint => (used < max ? max - used : 0n);

function standingText({ agent, state, spent, limits }: NodeStanding): readonly string[] {
  return [
    `  ${agent ?? "the root"} (${state}): spent ${spent.map(formatAmount).join(" and ")}`,
    ...limits.map((limit) => {
      const { condition, max } = limit;
      return `    ${formatCounted(condition, leftOf(limit))} left of ${limitWords(condition, max)}`;
    }),
  ];
}
