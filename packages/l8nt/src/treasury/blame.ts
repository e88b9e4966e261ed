/**
 * Whom an origin is closed to, and for how long: one witness of an accusation, or everyone on two;
 * and after a doubt one node, or the lowest one above several. spec/4-purchase.md §4.5.
 */
import { Lru } from "../internal/lru.ts";
import type { Verified } from "../l402/index.ts";
import { begunAt } from "../ports/clock.ts";
import { ALL_NODES } from "../ports/directives.ts";

interface Proof {
  /** The node that met the refusal, with its ancestors, root first. */
  readonly nodeIds: readonly string[];
  /** Unix seconds. */
  readonly at: number;
  /** Unix seconds. */
  readonly until: number;
}

/** What an origin did to one family that proves nothing. */
interface Doubts {
  readonly count: number;
  /** Ids of the nodes that are above every node which met one, root first. */
  readonly above: readonly string[];
  /** The node that the last one closed the origin to. */
  readonly to: string;
  /** Until when, in Unix seconds. */
  readonly until: number;
  /** Unix seconds of the last one. */
  readonly at: number;
}

/** Whom an origin is closed to. */
export interface Closure {
  /** A node id. */
  readonly to: string;
  readonly seconds: number;
  /** Which doubt it is of the family, from 1. */
  readonly count: number;
}

const REMEMBERED = 1000;
/** Of one origin. More would prove nothing more. */
const MAX_PROOFS = 64;
/** The doubt from which on an origin is closed to more than one node. */
const FAMILY_DOUBTS = 3;
/** For how long a doubt is remembered, and the most that one closes for. */
const DAY_SECONDS = 86_400;

export class Blame {
  /** By origin. */
  readonly #proofs = new Lru<string, readonly Proof[]>(REMEMBERED);
  /** By origin, and then by family. */
  readonly #doubts = new Lru<string, Lru<string, Doubts>>(REMEMBERED);

  /**
   * Adds a first-hand proof against an origin.
   *
   * @param until Unix seconds
   * @returns `*` if a node of another family has such a proof as well, and this node's id otherwise
   */
  prove(origin: string, { nodes }: Verified, now: number, until: number): string {
    const nodeIds = nodes.map(({ id }) => id);
    const own = nodeIds.at(-1)!;
    const others = (this.#proofs.get(origin) ?? [])
      .map((proof) => heldFrom(proof, now))
      .filter((proof) => proof.until > now);
    this.#proofs.set(origin, [...others, { nodeIds, at: now, until }].slice(-MAX_PROOFS));
    return others.some((proof) => areApart(proof.nodeIds, nodeIds)) ? ALL_NODES : own;
  }

  /**
   * Adds a doubt, which never closes an origin to another family: what is between may be at fault.
   * Each one of a family closes it for twice as long as the one before, and from the third on to
   * the lowest node above all that met one, so that a service which lies about uses is not paid for
   * each node anew, and no agent closes it to its siblings alone.
   *
   * @param isFirstHand whether no agent could bring it about
   * @param seconds how long the first one closes it
   */
  doubt(
    origin: string,
    { nodes }: Verified,
    now: number,
    { isFirstHand, seconds }: { readonly isFirstHand: boolean; readonly seconds: number },
  ): Closure {
    const own = nodes.at(-1)!.id;
    // What an agent may have brought about counts for its own node alone.
    const family = isFirstHand ? (nodes[1] ?? nodes.at(-1)!).id : `alone ${own}`;
    const ofOrigin = this.#doubts.get(origin) ?? new Lru<string, Doubts>(REMEMBERED);
    const before = this.#held(ofOrigin, family, now);
    const count = before !== undefined && now < before.at + DAY_SECONDS ? before.count + 1 : 1;
    const ids = nodes.map(({ id }) => id);
    const above = count === 1 ? ids : common(before!.above, ids);
    const to = count >= FAMILY_DOUBTS ? above.at(-1)! : own;
    const longer = Math.max(seconds, Math.min(seconds * 2 ** (count - 1), DAY_SECONDS));
    ofOrigin.set(family, { count, above, to, until: now + longer, at: now });
    this.#doubts.set(origin, ofOrigin);
    return { to, seconds: longer, count };
  }

  /** Whether the origin is still closed to one of these nodes, root first, by a doubt. */
  isDoubted(origin: string, nodeIds: readonly string[], now: number): boolean {
    const ofOrigin = this.#doubts.get(origin);
    if (ofOrigin === undefined) return false;
    const families = [nodeIds[1] ?? nodeIds[0], ...nodeIds.map((id) => `alone ${id}`)];
    return families
      .map((family) => this.#held(ofOrigin, family!, now))
      .some((doubts) => doubts && now < doubts.until && nodeIds.includes(doubts.to));
  }

  #held(ofOrigin: Lru<string, Doubts>, family: string, now: number): Doubts | undefined {
    const found = ofOrigin.get(family);
    const doubts = found && heldFrom(found, now);
    if (doubts !== undefined && doubts !== found) ofOrigin.set(family, doubts);
    return doubts;
  }

  /** Forgets what an origin was accused of or doubted for, on the owner's word. */
  forget(origin: string): void {
    this.#proofs.delete(origin);
    this.#doubts.delete(origin);
  }
}

/** What was held against an origin by a clock that was ahead holds for its length from now on. */
function heldFrom<Held extends { readonly at: number; readonly until: number }>(
  held: Held,
  now: number,
): Held {
  const at = begunAt(held.at, now);
  return at === held.at ? held : { ...held, at, until: at + (held.until - held.at) };
}

/**
 * Whether two nodes are of families that no agent made: below different children of a root, which
 * its owner made, or below different roots. An agent makes as many nodes below its own as it likes.
 */
const areApart = ([root, child]: readonly string[], [root2, child2]: readonly string[]): boolean =>
  root !== root2 || (child !== undefined && child2 !== undefined && child !== child2);

/** What two lines of nodes have in common, from the root. */
const common = (one: readonly string[], other: readonly string[]): readonly string[] =>
  one.filter((id, depth) => other[depth] === id);
