/**
 * The facts of a world for the oracle: agents, sales and payments, independent of the ledger's
 * types.
 */
import type { Credential } from "l8nt/l402";

/** What a node's own caveats allow; its ancestors' hold too. */
export interface Bounds {
  readonly budgetMsat?: bigint;
  readonly hourMsat?: bigint;
  readonly priceMsat?: bigint;
  readonly uses?: number;
  readonly usesPerHour?: number;
  /** Undefined if every origin is allowed. */
  readonly origins?: readonly string[];
  /** Unix seconds. */
  readonly until: number;
}

export interface Agent {
  readonly name: string;
  /** The id of its node. */
  readonly id: string;
  readonly parent?: Agent;
  readonly credential: Credential;
  /** Those that lead from its parent to it. */
  readonly caveats: readonly string[];
  readonly bounds: Bounds;
  /**
   * When a revocation of this very node was told to be done, and where its recall may have failed.
   */
  revoked?: { readonly at: number; readonly unrecalled: ReadonlySet<string> };
  /** Since when this very node is told to be frozen. */
  frozenAt?: number | undefined;
}

/** Itself and everyone above. */
export function lineOf(agent: Agent): readonly Agent[] {
  return agent.parent === undefined ? [agent] : [...lineOf(agent.parent), agent];
}

/** One action, from its start to the answer that its actor gets. */
export class Deed {
  readonly number: number;
  readonly kind: "buy" | "direct" | "owner" | "agent";
  readonly agent: Agent | undefined;
  readonly url: string;
  readonly startedAt: number;
  endedAt: number | undefined;
  /** Names its order: a request with the same key, in another process too, is the same order. */
  order: string;
  /** How many of its requests the treasury is at. */
  atTreasury = 0;
  /** Whether its agent has the answer. */
  isAnswered = false;
  /** A store, a wallet or a process failed under it: what it had taken may stay taken. */
  isFaulted = false;
  /** Whether the treasury has sent what it holds for it. */
  hasSent = false;
  /** Whether it says that what it was handed was refused. */
  isDoubting = false;
  /** The origins at which its recall may not have arrived. */
  readonly unrecalled = new Set<string>();

  constructor(
    number: number,
    kind: Deed["kind"],
    agent: Agent | undefined,
    url: string,
    startedAt: number,
  ) {
    this.number = number;
    this.kind = kind;
    this.agent = agent;
    this.url = url;
    this.startedAt = startedAt;
    this.order = `#${number}`;
  }

  toString(): string {
    return `#${this.number}`;
  }
}

/** What an invoice buys. */
export interface Goods {
  readonly paymentHash: string;
  readonly origin: string;
  readonly payee: string;
  readonly amountMsat: bigint | undefined;
  /** Why it must not be paid. */
  readonly trap?: string;
  /** Whether its seller keeps to what it sells. */
  readonly isHonest: boolean;
  readonly isPass: boolean;
  /** Unix seconds. */
  readonly until: number;
  /** How many requests it still serves; a pass counts none. */
  left: number;
  served: number;
  /** How often it was answered with 402. */
  refused: number;
  /** How often an agent was handed a credential of it. */
  handed: number;
  /** How often an answer of success reached the one that asked. */
  heard: number;
  /** How often its service or the web lost a request or an answer. */
  lost: number;
  /** How often the one that asked closed the connection, or died. */
  givenUp: number;
  /** The agents that said an untruth about it. */
  readonly liars: Set<Agent>;
}

/** What the node really did. */
export interface Payment {
  readonly paymentHash: string;
  /** Undefined for a payment of the node's owner. */
  readonly deed: Deed | undefined;
  readonly amountMsat: bigint;
  readonly maxFeeMsat: bigint;
  feeMsat: bigint;
  status: "in-flight" | "paid" | "failed";
  /** It had failed, and was made all the same. */
  isLate?: boolean;
  /** Unix seconds: when its status was decided. */
  at: number;
  /**
   * When the treasury was last told that it was paid: then an alarm is due for a fee over its cap.
   */
  toldAt?: number;
}

/** What is counted of an invoice before anything happens to it. */
export const untouched = () => ({
  served: 0,
  refused: 0,
  handed: 0,
  heard: 0,
  lost: 0,
  givenUp: 0,
  liars: new Set<Agent>(),
});

export const isLive = ({ status }: Payment): boolean => status !== "failed";
