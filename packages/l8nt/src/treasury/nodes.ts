/**
 * Directory of the nodes seen so far. Agents are never registered; each node is recorded on its
 * first request.
 */
import { Lru } from "../internal/lru.ts";
import type { Authority, Verified } from "../l402/index.ts";
import { nodeTotals, spentOf } from "../ledger/index.ts";
import type { NodeRecord } from "../ports/nodes.ts";
import type { Store } from "../ports/store.ts";
import type { NodeStanding } from "../ports/treasury.ts";
import type { SpendingGate } from "./gate.ts";

/** How many nodes are listed at a time. */
const MAX_NODES = 10_000;

export interface NodeDirectoryOptions {
  readonly store: Store;
  readonly authority: Authority;
  readonly gate: SpendingGate;
}

export class NodeDirectory {
  readonly #options: NodeDirectoryOptions;
  /** The nodes that are in the store already. */
  readonly #met = new Lru<string, true>(MAX_NODES);

  constructor(options: NodeDirectoryOptions) {
    this.#options = options;
  }

  /** Records every node on the chain of a verified credential. */
  async meet(verified: Verified, now: number): Promise<void> {
    const fresh = verified.nodes.flatMap(({ id }, depth) =>
      this.#met.get(id) ? [] : [recordOf(verified, depth, now)],
    );
    if (fresh.length === 0) return;
    await this.#options.store.meet(fresh);
    for (const { id } of fresh) this.#met.set(id, true);
  }

  /** Records a child that is revoked by its caveats, maybe before its first request. */
  async meetBelow(ancestor: Verified, caveats: readonly string[], now: number): Promise<void> {
    const child = ancestor.credential.append(caveats);
    await this.meet(this.#options.authority.verifier.authenticate(child), now);
  }

  /** The node of a credential and its ancestors, root first. */
  async chain(verified: Verified, now: number): Promise<readonly NodeStanding[]> {
    return Promise.all(
      verified.nodes.map((_node, depth) => this.#standing(recordOf(verified, depth, now), now)),
    );
  }

  /** A node and all below it, parents first; every node if `nodeId` is undefined. */
  async below(nodeId: string | undefined, now: number): Promise<readonly NodeStanding[]> {
    const records = await this.#options.store.nodes(nodeId, MAX_NODES);
    return Promise.all(records.map((record) => this.#standing(record, now)));
  }

  async #standing(record: NodeRecord, now: number): Promise<NodeStanding> {
    const { id, agent, path, caveats, limits } = record;
    const totals = nodeTotals(id);
    const usages = await this.#options.store.usage([...totals, ...limits], now);
    const used = usages.slice(totals.length);
    return {
      id,
      ...(agent !== undefined && { agent }),
      ...(path.length > 1 && { parentId: path.at(-2)! }),
      state: this.#state(record, now),
      caveats,
      spent: spentOf(usages),
      limits: limits.map(({ condition, unit, max, windowSeconds }, at) => ({
        condition,
        ...(unit !== undefined && { unit }),
        max,
        used: used[at]!.used,
        ...(windowSeconds !== undefined && { windowSeconds }),
      })),
    };
  }

  #state({ path, validUntil }: NodeRecord, now: number): NodeStanding["state"] {
    const { authority, gate } = this.#options;
    if (path.some((id) => authority.revocations.has(id))) return "revoked";
    if (validUntil !== undefined && validUntil <= now) return "expired";
    return gate.isFrozen(path) ? "frozen" : "active";
  }
}

function recordOf(verified: Verified, depth: number, metAt: number): NodeRecord {
  const { id, agent } = verified.nodes[depth]!;
  const line = verified.nodes.slice(0, depth + 1);
  const validUntil = verified.chain.validUntilOf(line.at(-1)!);
  return {
    id,
    ...(agent !== undefined && { agent }),
    path: line.map((node) => node.id) as unknown as NodeRecord["path"],
    caveats: verified.caveats
      .filter(({ node, isSecret }) => node.id === id && !isSecret)
      .map(({ condition, value }) => `${condition}=${value}`),
    limits: verified.limits
      .filter(({ node }) => node.id === id)
      .map(({ node: _, ...limit }) => limit),
    ...(validUntil !== undefined && { validUntil }),
    metAt,
  };
}
