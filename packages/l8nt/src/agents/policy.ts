/**
 * Who may be handed what: the owner's table of agents, by the names that the framework knows them
 * by.
 */
import type { Scope } from "../caveat/index.ts";

/** What one agent is given when work is handed to it, and whom it may hand work to in turn. */
export interface AgentPolicy extends Omit<Scope, "agent"> {
  readonly agents?: AgentPolicies;
}

export type AgentPolicies = Readonly<Record<string, AgentPolicy>>;

/**
 * As the `agent` caveat has it, which begins with a letter or a digit: frameworks let an agent be
 * called "Flight booker".
 */
export function caveatName(name: string): string {
  const plain = name
    .replaceAll(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[_-]+/, "")
    .slice(0, 64);
  return plain === "" ? "agent" : plain;
}

/** A table that a prototype's member is no entry of. @throws TypeError */
export function readPolicies(policies: AgentPolicies = {}): ReadonlyMap<string, AgentPolicy> {
  if (typeof policies !== "object" || policies === null)
    throw new TypeError(
      'agents is a table, such as { researcher: { budget: "100 sat", expiresIn: "15m" } }',
    );
  return new Map(Object.entries(policies));
}
