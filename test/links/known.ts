/** The cells that are known to break a law, each with the law and the reason. */
import type { Law } from "./judge.ts";

export interface Known {
  readonly law: Law;
  readonly why: string;
}

const GIVEN_UP =
  "a client whose caller gave up still waits for the order, so that the treasury relays to it; the answer is dropped, and meanwhile the new order pays";

const OTHER_ID =
  "each call over MCP has another JSON-RPC id, so it is another request than the one that was paid for: the refusal of what is held proves nothing, and the call is paid for";

/** By the name of the cell. */
export const KNOWN: Readonly<Record<string, Known>> = {
  "the agent's request times out during the payment | relayed | not served | new order": {
    law: "U",
    why: GIVEN_UP,
  },
  "the agent's request times out during the payment | relayed | not served | new process": {
    law: "U",
    why: GIVEN_UP,
  },
  "the service closes the connection: no head, FIN | mcp-http | served, refuses | new order": {
    law: "I",
    why: OTHER_ID,
  },
  "the service closes the connection: no head, RST | mcp-http | served, refuses | new order": {
    law: "I",
    why: OTHER_ID,
  },
};
