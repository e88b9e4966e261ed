/** `agent`: opens a node of the tree of delegations. spec/2-caveats.md §4. */
import type { Refusal } from "../../errors.ts";
import { hexText } from "../../internal/bytes.ts";
import { nonceBytes } from "../../internal/crypto.ts";
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { field } from "../field.ts";
import { typedText } from "../flag.ts";

export interface Agent {
  readonly name: string;
  /** Distinguishes the nodes of two agents with the same name. */
  readonly nonce: string;
}

const NAME = "agent";
const AGENT = /^([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.([0-9a-f]{8,32})$/;

/** Not like a node id: owners name agents by either, and must not stop the wrong one. */
const NEW = /^(?![0-9a-fA-F]{32}$)[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The caveat that opens a node. @param nonce 8 to 32 hex digits in lower case */
export const agentCaveat = (name: string, nonce: string): string =>
  caveatOf({ name: NAME }, `${name}.${nonce}`);

/**
 * A framework's name as the caveat spells it. Frameworks allow names such as "Flight booker", and
 * number their agents with 32 hex digits.
 */
export function agentNameOf(text: string): string {
  const plain = text
    .replaceAll(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[_-]+/, "")
    .slice(0, 64);
  if (NEW.test(plain)) return plain;
  return plain === "" ? NAME : `${NAME}-${plain}`;
}

/** The refusal of a request whose agent is not known. */
export const agentUnknown = (have: string, need: string): Refusal => ({
  code: "ERR_AGENT_UNKNOWN",
  condition: NAME,
  have,
  need,
});

/** It never denies: a name is for people, and gives its bearer nothing. [case 18] */
export const agent = condition<Agent>({
  name: NAME,
  judgedBy: "both",
  // The owner's names are not shown to services. A hand-over opens a node of its own.
  handOver: "dropped",
  fields: [
    field("agent", (name, { nonce, what }) => {
      if (typeof name !== "string" || !NEW.test(name))
        throw new TypeError(
          `${what} must be 1 to 64 letters, digits, "-" or "_", no node id, such as "flight-booker"`,
        );
      return [agentCaveat(name, nonce ?? hexText(nonceBytes(8)))];
    }),
  ],
  parse(text) {
    const match = AGENT.exec(text);
    return match === null ? undefined : { name: match[1]!, nonce: match[2]! };
  },
  opens: ({ name }) => name,
});

export const agentTexts: ConditionTexts<Agent> = {
  spec: { value: "`name.nonce` (§4)", denies: "never: it opens a node" },
  fields: {
    agent: {
      example: '"booker"',
      flag: {
        name: "agent",
        value: "NAME",
        help: "the name of the agent that the credential is for",
        read: typedText,
      },
    },
  },
  // The name is shown as the heading of the node's other conditions.
  words: () => [],
};
