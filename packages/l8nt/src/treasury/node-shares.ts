/**
 * Which nodes are forgotten if too many have spent: a fair share for each. spec/4-purchase.md §7.
 */
import type { ForgottenNode, NodeOutline } from "../ports/nodes.ts";

/** How many children of one parent are listed. */
const MAX_CHILDREN = 1000;
/** How many nodes are listed in all. */
export const MAX_NODES = 10_000;

/** How many steps of its work are done in one turn of the event loop: a millisecond or two. */
const STEPS = 20_000;

interface Family {
  readonly id: string;
  readonly metAt: number;
  readonly isEnded: boolean;
  readonly parent: Family | undefined;
  readonly children: Set<Family>;
  /** The node and all below it. */
  size: number;
}

/** A node whose parent was forgotten, here or by another treasury, before it spent. */
interface Orphan {
  readonly node: NodeOutline;
  readonly isEnded: boolean;
}

/**
 * Finds what to forget, with the node above that counts it. Of too many in all, those that have
 * ended go first, and are not counted. Then, at each level from the top down, the family with the
 * most loses one: so nodes that one agent makes drive out no other agent's. A living root stays,
 * because only the owner makes roots.
 */
export class Families {
  readonly #isEnded: (node: NodeOutline) => boolean;
  readonly #kept = new Map<string, Family>();
  readonly #forgotten: Family[] = [];
  readonly #orphans: Orphan[] = [];
  #steps = 0;

  constructor(isEnded: (node: NodeOutline) => boolean) {
    this.#isEnded = isEnded;
  }

  /** Adds nodes, parents first. */
  add(outlines: readonly NodeOutline[]): void {
    for (const node of outlines) {
      const { id, path, metAt } = node;
      const above = path.at(-2);
      const parent = above === undefined ? undefined : this.#kept.get(above);
      const isEnded = this.#isEnded(node);
      if (above !== undefined && parent === undefined) {
        this.#orphans.push({ node, isEnded });
        continue;
      }
      const family = { id, metAt, isEnded, parent, children: new Set<Family>(), size: 0 };
      this.#kept.set(id, family);
      parent?.children.add(family);
      for (let at: Family | undefined = family; at !== undefined; at = at.parent) at.size++;
    }
  }

  /** Returns what to forget, those that are below others first. Yields when a turn has enough. */
  *surplus(): Generator<undefined, readonly ForgottenNode[]> {
    for (const { children } of [...this.#kept.values()]) {
      yield* this.#did(1);
      if (children.size <= MAX_CHILDREN) continue;
      yield* this.#did(children.size);
      for (const child of [...children].sort(byWorth).slice(MAX_CHILDREN))
        yield* this.#forget(child);
    }
    if (this.#kept.size > MAX_NODES)
      for (const family of [...this.#kept.values()]) {
        yield* this.#did(1);
        if (family.isEnded && this.#kept.has(family.id)) yield* this.#forget(family);
      }
    const roots = new Set([...this.#kept.values()].filter(({ parent }) => parent === undefined));
    while (this.#kept.size > MAX_NODES) {
      let victim = yield* this.#largest(roots);
      while (victim.children.size > 0) victim = yield* this.#largest(victim.children);
      if (victim.parent === undefined) break;
      yield* this.#forget(victim);
    }
    const orphans = this.#orphans.map(({ node: { id, path }, isEnded }) =>
      gone(id, isEnded, () => path.findLast((above) => this.#kept.has(above))),
    );
    const others = this.#forgotten.map((family) =>
      gone(family.id, family.isEnded, () => {
        let at = family.parent;
        while (at !== undefined && !this.#kept.has(at.id)) at = at.parent;
        return at?.id;
      }),
    );
    return [...orphans, ...others].reverse();
  }

  /** The largest family; of equal ones the newest. */
  *#largest(families: ReadonlySet<Family>): Generator<undefined, Family> {
    yield* this.#did(families.size);
    let found: Family | undefined;
    for (const one of families)
      if (
        found === undefined ||
        one.size > found.size ||
        (one.size === found.size && one.metAt >= found.metAt)
      )
        found = one;
    return found!;
  }

  *#forget(family: Family): Generator<undefined, void> {
    for (let at = family.parent; at !== undefined; at = at.parent) at.size -= family.size;
    family.parent?.children.delete(family);
    for (const all = [family]; all.length > 0; ) {
      const one = all.pop()!;
      this.#kept.delete(one.id);
      this.#forgotten.push(one);
      all.push(...one.children);
      yield* this.#did(1);
    }
  }

  *#did(steps: number): Generator<undefined, void> {
    this.#steps += steps;
    if (this.#steps < STEPS) return;
    this.#steps = 0;
    yield;
  }
}

const gone = (id: string, isEnded: boolean, above: () => string | undefined): ForgottenNode => {
  const into = isEnded ? undefined : above();
  return { id, ...(into !== undefined && { into }) };
};

/** Living ones first, and of these the oldest. */
const byWorth = (a: Family, b: Family): number =>
  Number(a.isEnded) - Number(b.isEnded) || a.metAt - b.metAt;
