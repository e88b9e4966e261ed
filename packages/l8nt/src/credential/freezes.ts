/** Nodes that are frozen: denied, with all below them, until they are thawed. */
import { type Node, refusal } from "../caveat/index.ts";
import type { Refusal } from "../errors.ts";
import { ALL_NODES } from "../ports/directives.ts";

type ProvenNode = Node & { readonly id: string };

export class Freezes {
  /** The reason of each freeze, by node id or `ALL_NODES`. */
  readonly #reasons = new Map<string, string>();
  readonly #what: string;
  readonly #frozen: (nodeId: string) => void;

  /**
   * @param what stands in refusals for everything that a freeze of all nodes stops: `a treasury`
   * @param frozen called with each node that is frozen
   */
  constructor(what: string, frozen: (nodeId: string) => void = () => {}) {
    this.#what = what;
    this.#frozen = frozen;
  }

  freeze(nodeId: string, reason = "by its owner"): void {
    this.#reasons.set(nodeId, reason);
    this.#frozen(nodeId);
  }

  thaw(nodeId: string): void {
    this.#reasons.delete(nodeId);
  }

  /** Why all nodes are frozen; undefined if they are not. */
  get reason(): string | undefined {
    return this.#reasons.get(ALL_NODES);
  }

  /** The refusal of every node; undefined if they are not all frozen. */
  get ofAll(): Refusal | undefined {
    return this.reason === undefined
      ? undefined
      : {
          code: "ERR_FROZEN",
          condition: "frozen",
          have: `${this.#what} that is frozen: ${this.reason}`,
          need: "its owner to thaw it",
        };
  }

  /** Whether one of these nodes, or every node, is frozen. */
  isFrozen(nodeIds: readonly string[]): boolean {
    if (this.#reasons.size === 0) return false;
    return [ALL_NODES, ...nodeIds].some((id) => this.#reasons.has(id));
  }

  /** Ids are derived only if there is something to look for. */
  refusals(nodes: () => readonly ProvenNode[]): readonly Refusal[] {
    if (this.#reasons.size === 0) return [];
    const all = this.reason;
    if (all !== undefined) return [refused(nodes()[0]!, `${this.#what} that is frozen: ${all}`)];
    return nodes()
      .filter(({ id }) => this.#reasons.has(id))
      .map((node) => refused(node, `an agent that is frozen: ${this.#reasons.get(node.id)}`));
  }
}

const refused = (node: Node, have: string): Refusal =>
  refusal(node, "frozen", { code: "ERR_FROZEN", have, need: "its owner to thaw it" });
