/**
 * Whom an accused origin is closed to: one witness, or everyone on two. spec/4-purchase.md §4.5.
 */
import { Lru } from "../internal/lru.ts";
import type { Verified } from "../l402/index.ts";
import { ALL_NODES } from "../ports/directives.ts";

interface Proof {
  /** The node that met the refusal, with its ancestors, root first. */
  readonly nodeIds: readonly string[];
  /** Unix seconds. */
  readonly until: number;
}

const REMEMBERED = 1000;
/** Of one origin. More would prove nothing more. */
const MAX_PROOFS = 64;

export class Blame {
  /** By origin. */
  readonly #proofs = new Lru<string, readonly Proof[]>(REMEMBERED);

  /**
   * Adds a first-hand proof against an origin.
   *
   * @param until Unix seconds
   * @returns `*` if a node of another family has such a proof as well, and this node's id otherwise
   */
  prove(origin: string, { nodes }: Verified, now: number, until: number): string {
    const nodeIds = nodes.map(({ id }) => id);
    const own = nodeIds.at(-1)!;
    const others = (this.#proofs.get(origin) ?? []).filter((proof) => proof.until > now);
    this.#proofs.set(origin, [...others, { nodeIds, until }].slice(-MAX_PROOFS));
    return others.some((proof) => areApart(proof.nodeIds, nodeIds)) ? ALL_NODES : own;
  }

  /** Forgets what an origin was accused of, on the owner's word. */
  forget(origin: string): void {
    this.#proofs.delete(origin);
  }
}

/**
 * Whether two nodes are of families that no agent made: below different children of a root, which
 * its owner made, or below different roots. An agent makes as many nodes below its own as it likes.
 */
const areApart = ([root, child]: readonly string[], [root2, child2]: readonly string[]): boolean =>
  root !== root2 || (child !== undefined && child2 !== undefined && child !== child2);
