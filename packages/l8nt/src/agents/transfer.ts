/**
 * The one rule that decides which handle an agent has after a transfer of the conversation.
 * docs/guides/agents.md.
 */
import type { SigilHandle } from "./handle.ts";

export interface Transfer {
  /** Handle of the agent that transfers. */
  readonly giver: SigilHandle;
  /**
   * What the other agent, the same object, had in this run; undefined for an agent that this run
   * has not seen.
   */
  readonly before: SigilHandle | undefined;
  /** Name of the other agent. */
  readonly name: string;
}

/**
 * The handle that the other agent had before in this run, if work goes back to it, and else the
 * giver's entry for its name.
 *
 * A name alone never leads above the giver. Models choose names, and a run inside of a tool may
 * have an agent called like one above the agent that calls the tool.
 */
export const transferred = ({ giver, before, name }: Transfer): SigilHandle =>
  before !== undefined && giver.isWithin(before) ? before : giver.forAgent(name);
