/**
 * Which nodes are forgotten if too many have spent: a fair share for each. spec/4-purchase.md §7.
 */
import type { ForgottenNode, NodeOutline } from "../ports/nodes.ts";

/** How many children of one parent are listed. */
const MAX_CHILDREN = 1000;
/** How many nodes are listed in all. */
export const MAX_NODES = 10_000;

interface Family {
  readonly node: NodeOutline;
  readonly isEnded: boolean;
  readonly parent: Family | undefined;
  readonly children: Set<Family>;
  /** The node and all below it. */
  size: number;
}

/**
 * What to forget, with the node above that counts it. Of too many in all, those that have ended go
 * first, and are not counted. Then, at each level from the top down, the family with the most
 * loses one: so nodes that one agent makes drive out no other agent's. A living root stays,
 * because only the owner makes roots.
 */
export function surplusOf(
  outlines: readonly NodeOutline[],
  isEnded: (node: NodeOutline) => boolean,
): readonly ForgottenNode[] {
  const kept = new Map<string, Family>();
  const forgotten = new Map<string, NodeOutline>();
  for (const node of [...outlines].sort((a, b) => a.path.length - b.path.length)) {
    const above = node.path.at(-2);
    const parent = above === undefined ? undefined : kept.get(above);
    // Its parent was forgotten, here or by another treasury, before it spent.
    if (above !== undefined && parent === undefined) forgotten.set(node.id, node);
    else {
      const family = { node, isEnded: isEnded(node), parent, children: new Set<Family>(), size: 0 };
      kept.set(node.id, family);
      parent?.children.add(family);
      for (let at: Family | undefined = family; at !== undefined; at = at.parent) at.size++;
    }
  }

  const forget = (family: Family): void => {
    for (let at = family.parent; at !== undefined; at = at.parent) at.size -= family.size;
    family.parent?.children.delete(family);
    for (const all = [family]; all.length > 0; ) {
      const { node, children } = all.pop()!;
      kept.delete(node.id);
      forgotten.set(node.id, node);
      all.push(...children);
    }
  };

  for (const { children } of [...kept.values()])
    if (children.size > MAX_CHILDREN)
      [...children].sort(byWorth).slice(MAX_CHILDREN).forEach(forget);
  if (kept.size > MAX_NODES)
    for (const family of [...kept.values()])
      if (family.isEnded && kept.has(family.node.id)) forget(family);
  const roots = [...kept.values()].filter(({ parent }) => parent === undefined);
  while (kept.size > MAX_NODES) {
    let victim = largest(roots);
    while (victim.children.size > 0) victim = largest(victim.children);
    if (victim.parent === undefined) break;
    forget(victim);
  }

  return [...forgotten.values()].map((node) => {
    const into = node.path.findLast((id) => kept.has(id));
    return { id: node.id, ...(into !== undefined && !isEnded(node) && { into }) };
  });
}

/** Living ones first, and of these the oldest. */
const byWorth = (a: Family, b: Family): number =>
  Number(a.isEnded) - Number(b.isEnded) || a.node.metAt - b.node.metAt;

/** The largest family; of equal ones the newest. */
function largest(families: Iterable<Family>): Family {
  let found: Family | undefined;
  for (const one of families)
    if (
      found === undefined ||
      one.size > found.size ||
      (one.size === found.size && one.node.metAt >= found.node.metAt)
    )
      found = one;
  return found!;
}
