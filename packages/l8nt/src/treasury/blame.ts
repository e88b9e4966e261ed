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
   * @returns `*` if a node neither above nor below this one has such a proof as well, and this
   * node's id otherwise
   */
  prove(origin: string, { nodes }: Verified, now: number, until: number): string {
    const nodeIds = nodes.map(({ id }) => id);
    const own = nodeIds.at(-1)!;
    const others = (this.#proofs.get(origin) ?? []).filter((proof) => proof.until > now);
    this.#proofs.set(origin, [...others, { nodeIds, until }].slice(-MAX_PROOFS));
    const isIndependent = (proof: Proof) =>
      !proof.nodeIds.includes(own) && !nodeIds.includes(proof.nodeIds.at(-1)!);
    return others.some(isIndependent) ? ALL_NODES : own;
  }

  /** Forgets what an origin was accused of, on the owner's word. */
  forget(origin: string): void {
    this.#proofs.delete(origin);
  }
}
