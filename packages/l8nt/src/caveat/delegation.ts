/**
 * `agent`, `max_depth` and `purpose`: whose credential this is, and how far it may be handed down.
 */
import type { Condition } from "./condition.ts";
import { readInteger } from "./integer.ts";

export interface Agent {
  readonly name: string;
  /** Keeps twins apart: two agents of one name have two nodes. */
  readonly nonce: string;
}

const AGENT = /^([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.([0-9a-f]{8,32})$/;

export const isAgentName = (name: string): boolean => AGENT.test(`${name}.00000000`);

/**
 * Opens a new node. It never denies: a name is for people, and gives its bearer nothing. [case 18]
 */
export const agent: Condition<Agent> = {
  name: "agent",
  parse(text) {
    const match = AGENT.exec(text);
    return match === null ? undefined : { name: match[1]!, nonce: match[2]! };
  },
};

export const maxDepth: Condition<bigint> = {
  name: "max_depth",
  parse: readInteger,
  prohibits: (max, _access, { agentsAfter }) =>
    BigInt(agentsAfter) <= max
      ? undefined
      : { code: "ERR_DEPTH", have: `at most ${max} delegations below`, need: `${agentsAfter}` },
};

/** For people and for the audit. */
export const purpose: Condition<string> = { name: "purpose", parse: (text) => text };
