/** The nodes that a treasury has met: agents are not registered, they turn up. */
import type { Node } from "../caveat/index.ts";
import { Lru } from "../internal/lru.ts";
import type { Authority, Verified } from "../l402/index.ts";
import type { Store } from "../ports/store.ts";
import type { NodeStanding } from "../ports/treasury.ts";

interface Entry {
  readonly verified: Verified;
  /** Which of its nodes. */
  readonly depth: number;
}

const MAX_NODES = 10_000;

export class Census {
  readonly #entries = new Lru<string, Entry>(MAX_NODES);
  readonly #store: Store;
  readonly #authority: Authority;

  constructor(store: Store, authority: Authority) {
    this.#store = store;
    this.#authority = authority;
  }

  /** Every node on the chain of a credential that was verified. The first one met speaks for each. */
  meet(verified: Verified): void {
    for (const [depth, { id }] of verified.nodes.entries())
      if (this.#entries.get(id) === undefined) this.#entries.set(id, { verified, depth });
  }

  async chain(verified: Verified, now: number): Promise<readonly NodeStanding[]> {
    return Promise.all(verified.nodes.map((_node, depth) => this.#standing({ verified, depth }, now)));
  }

  /** The node of a credential and all below it, parents first. */
  async below(verified: Verified, now: number): Promise<readonly NodeStanding[]> {
    this.meet(verified);
    const root = verified.node.id;
    const entries = [...this.#entries.values()]
      .filter(({ verified: { nodes }, depth }) => nodes.slice(0, depth + 1).some(({ id }) => id === root))
      .sort((a, b) => a.depth - b.depth);
    return Promise.all(entries.map((entry) => this.#standing(entry, now)));
  }

  async #standing({ verified, depth }: Entry, now: number): Promise<NodeStanding> {
    const node = verified.nodes[depth]!;
    const parent = verified.nodes[depth - 1];
    const limits = verified.limits.filter((limit) => limit.node === node);
    const [spent, ...used] = await this.#store.usage([{ id: node.id, kind: "spend" }, ...limits], now);
    return {
      id: node.id,
      ...(node.agent !== undefined && { agent: node.agent }),
      ...(parent !== undefined && { parentId: parent.id }),
      state: this.#state(verified, depth, now),
      caveats: verified.caveats
        .filter((caveat) => caveat.node === node && caveat.condition !== "preimage")
        .map(({ condition, value }) => `${condition}=${value}`),
      spentMsat: spent!.used,
      limits: limits.map(({ condition, max, windowSeconds }, at) => ({
        condition,
        max,
        used: used[at]!.used,
        ...(windowSeconds !== undefined && { windowSeconds }),
      })),
    };
  }

  #state(verified: Verified, depth: number, now: number): NodeStanding["state"] {
    const line: readonly Node[] = verified.nodes.slice(0, depth + 1);
    if (line.some(({ id }) => this.#authority.isRevoked(id!))) return "revoked";
    const ends = verified.caveats.filter(
      ({ condition, node }) => condition === "valid_until" && line.includes(node),
    );
    return ends.some(({ value }) => Number(value) <= now) ? "expired" : "active";
  }
}
