/** What the owner of a gateway sees and may do while it runs: stop agents, and top them up. */
import type { AmountText } from "l8nt";
import { formatAmount, readAmountOption } from "l8nt/invoice";
import type { Ledger } from "l8nt/ports";
import { ambiguous, explicitNode, nodesMeant } from "../../node-meant.ts";
import { leftOf, spendingOf } from "../meter/limits.ts";
import type { Service } from "../service.ts";
import type { Agents } from "./agents.ts";

export interface AgentView {
  readonly node: string;
  readonly agent?: string;
  /** The names from the root to it, with slashes between them; empty for the root. */
  readonly name: string;
  /** Of a root, if the gateway prints a key: whether it is that of the key. */
  readonly isPrinted?: boolean;
  readonly state: "active" | "frozen" | "revoked";
  readonly limits: readonly {
    readonly condition: string;
    readonly limit: string;
    readonly used: string;
    readonly left: string;
  }[];
}

export interface OwnerOptions {
  /** The services that the gateway has now. */
  readonly services: () => readonly Pick<Service, "paywall">[];
  readonly ledger: Pick<Ledger, "usage">;
  readonly agents: Agents;
  /** The node of the key that the gateway printed, if it prints one. */
  readonly printed: () => string | undefined;
  /** Unix seconds. */
  readonly clock: () => number;
}

/** A mistake of the owner, with what to do. */
export class OwnerError extends Error {
  override readonly name = "OwnerError";
}

/** Every service of a gateway reads the same log, so one of them writes to it. */
export class Owner {
  readonly #options: OwnerOptions;

  constructor(options: OwnerOptions) {
    this.#options = options;
  }

  /** Every agent that was seen since the start, parents first. */
  async list(): Promise<readonly AgentView[]> {
    const { agents, ledger, clock } = this.#options;
    const printed = this.#options.printed();
    const { paywall } = this.#first;
    const { revocations } = paywall.authority;
    const all = agents.all();
    const limits = all.map((one) => paywall.limits(one));
    const left = await spendingOf(limits.flat(), ledger, clock());
    return all.map(({ id, agent, lineage, path }) => ({
      node: id,
      ...(agent !== undefined && { agent }),
      name: lineage.join("/"),
      ...(path.length === 1 && printed !== undefined && { isPrinted: id === printed }),
      state: path.some((one) => revocations.has(one))
        ? "revoked"
        : revocations.freezes.isFrozen(path)
          ? "frozen"
          : "active",
      limits: left
        .filter(({ nodeId }) => nodeId === id)
        .map((one) => {
          const text = (value: bigint) => formatAmount({ unit: one.unit, value });
          const { condition, max, used } = one;
          return { condition, limit: text(max), used: text(used), left: text(leftOf(one)) };
        }),
    }));
  }

  /** For good, with all below it. Returns the node's id. @throws OwnerError */
  async revoke(named: string): Promise<string> {
    const node = this.#nodeOf(named);
    for (const { paywall } of this.#options.services()) paywall.authority.revocations.revoke(node);
    await this.#first.paywall.revoke(node);
    return node;
  }

  /** Of one agent with all below it, or of all. @throws OwnerError */
  async freeze(named: string | undefined, reason: string | undefined): Promise<string> {
    const node = named === undefined ? ALL : this.#nodeOf(named);
    for (const { paywall } of this.#options.services())
      paywall.authority.revocations.freezes.freeze(node, reason);
    await this.#first.paywall.freeze(node, reason);
    return node;
  }

  /** @throws OwnerError */
  async thaw(named: string | undefined, reason: string | undefined): Promise<string> {
    const node = named === undefined ? ALL : this.#nodeOf(named);
    await this.#first.paywall.thaw(node, reason);
    return node;
  }

  /**
   * @throws OwnerError, also if the agent was seen and has no limit that would be higher; TypeError
   * for an amount or an end that cannot be
   */
  async topUp(
    named: string,
    more: { readonly amount: string; readonly until: number; readonly reason?: string | undefined },
  ): Promise<string> {
    const node = this.#nodeOf(named);
    const { amount, until, reason } = more;
    const { unit } = readAmountOption(amount as AmountText, "a top-up's amount");
    const seen = this.#options.agents.all().find(({ id }) => id === node);
    if (seen?.limits.some((limit) => limit.node.id === node && limit.unit === unit) === false)
      throw new OwnerError(
        `${seen.lineage.join("/") || "The root"} has no limit of its own in ${WORDS[unit]}, so nothing would be higher. Top up an agent above it that has one: sigil gateway agents shows the limits of each.`,
      );
    await this.#first.paywall.topUp(node, {
      amount: amount as AmountText,
      until,
      ...(reason !== undefined && { reason }),
    });
    return node;
  }

  get #first(): Pick<Service, "paywall"> {
    return this.#options.services()[0]!;
  }

  /** @throws OwnerError unless exactly one node can be meant */
  #nodeOf(named: string): string {
    const explicit = explicitNode(named);
    if (explicit !== undefined) return explicit;
    const found = this.#options.agents.named(named).map(({ id }) => id);
    const nodes = nodesMeant(named, found);
    if (nodes.length === 1) return nodes[0]!;
    throw new OwnerError(
      nodes.length === 0
        ? "No agent of that name has been seen since the gateway started. Give its node id, which the log has as nodeId, or revoke or freeze an agent above it. sigil gateway agents lists those that were seen."
        : ambiguous(named, nodes),
    );
  }
}

const ALL = "*";

const WORDS = { usd_micro: "usd", msat: "sat" } as const;
