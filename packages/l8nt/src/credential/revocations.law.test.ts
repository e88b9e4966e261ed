/**
 * The laws of revocations by holders, over random floods of them: whatever the nodes below a node
 * revoked, each ancestor can still revoke each of them; the list says of every node what a list
 * without limits and without folding says; its size is bounded. [case 111]
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AdapterError } from "../errors.ts";
import { type ProvenNode, RevocationList } from "./revocations.ts";

const NOW = 1_900_000_000;

/** A node of the tree of this test: its ids from the root to itself. */
type Path = readonly string[];

/** Time passes as the clock shows it. */
const listOf = (clock: () => number) => new RevocationList({ clock }, clock);

let made = 0;
const fresh = (): string => (++made).toString(16).padStart(32, "0");
const below = (path: Path): Path => [...path, fresh()];

/** A list beside a model of it, which remembers every node that was revoked. */
function judged() {
  const list = new RevocationList({ clock: () => NOW });
  const revoked = new Set<string>();
  const isRevoked = (path: Path) =>
    list.refusalOf(() => path.map((id) => ({ id })) as unknown as ProvenNode[], NOW) !== undefined;
  return {
    list,
    /** Whether `by` may revoke `path` now. */
    revoke(by: Path, path: Path): boolean {
      try {
        list.revokeBelow({
          nodeId: path.at(-1)!,
          above: path.slice(0, -1),
          by: by.at(-1)!,
          endsAt: NOW + 60,
        });
      } catch (error) {
        expect(error).toMatchObject({ name: "AdapterError", code: "ERR_RATE_LIMITED" });
        return false;
      }
      revoked.add(path.at(-1)!);
      return true;
    },
    isRevoked,
    /** Those of which the list does not say what the model says. */
    misjudged: (paths: readonly Path[]) =>
      paths.filter((path) => isRevoked(path) !== path.some((id) => revoked.has(id))),
  };
}

/** Bursts by nodes below one: each node hangs below the one with the index `from`. */
const bursts = fc.array(
  fc.record({
    from: fc.nat(20),
    depth: fc.integer({ min: 1, max: 4 }),
    count: fc.constantFrom(1, 7, 1000, 1050),
    deep: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40, size: "max" },
);

describe("whatever the nodes below a node revoked", () => {
  test("it and each of its ancestors can revoke each of them, and then all of its own", () => {
    let refused = 0;
    let full = 0;
    fc.assert(
      fc.property(bursts, fc.integer({ min: 0, max: 4 }), fc.nat(), (floods, depth, pick) => {
        const { list, revoke, isRevoked, misjudged } = judged();
        const line: Path[] = [[fresh()]];
        for (let at = 0; at < depth; at++) line.push(below(line.at(-1)!));
        const top = line.at(-1)!;
        const nodes: Path[] = [top];
        const children: Path[] = [];
        for (const { from, depth: steps, count, deep } of floods) {
          let by = nodes[from % nodes.length]!;
          for (let step = 0; step < (by === top ? steps : steps - 1); step++) {
            by = below(by);
            nodes.push(by);
          }
          for (let at = 0; at < count; at++) {
            const child = deep ? below(below(by)) : below(by);
            if (!revoke(by, child)) refused++;
            children.push(child);
          }
        }
        if (list.size > 12_000) full++;
        expect(list.size).toBeLessThanOrEqual(25_000);
        expect(misjudged(children.concat(nodes))).toEqual([]);

        const revoker = line[pick % line.length]!;
        // Nothing of it was used up by the flood.
        for (let at = 0; at < 500; at++) expect(revoke(revoker, below(revoker))).toBe(true);
        for (const path of nodes.slice(1).reverse()) {
          expect(revoke(revoker, path)).toBe(true);
          expect(isRevoked(path)).toBe(true);
        }
        // And more once the flood is folded.
        for (let at = 0; at < 100; at++) expect(revoke(revoker, below(top))).toBe(true);
        expect(misjudged(children.concat(nodes, line))).toEqual([]);
        expect(isRevoked(top)).toBe(false);
        // One entry is left for each branch that hangs on the top, and six hundred for the others.
        const branches = new Set(nodes.slice(1).map((path) => path[top.length]));
        expect(list.size).toBe(600 + branches.size);
      }),
      // Shrinking floods takes minutes.
      { numRuns: 25, endOnFailure: true },
    );
    expect(Math.min(refused, full)).toBeGreaterThan(0);
  });

  test("the entries of one node are at most a thousand, and room comes back when they end or are folded", () => {
    let now = NOW;
    const list = listOf(() => now);
    const root = fresh();
    const by = fresh();
    const child = (endsAt: number, ...more: string[]) => ({
      nodeId: fresh(),
      above: [root, by, ...more],
      by,
      endsAt,
    });
    const branch = fresh();
    for (let at = 0; at < 500; at++) list.revokeBelow(child(NOW + 10));
    for (let at = 0; at < 500; at++) list.revokeBelow(child(NOW + 90, branch));
    const refused = () => list.revokeBelow(child(NOW + 90));
    expect(refused).toThrow(AdapterError);
    now = NOW + 11;
    expect(refused).not.toThrow();
    expect(list.size).toBe(501);
    list.revokeBelow({ nodeId: branch, above: [root, by], by, endsAt: NOW + 90 });
    expect(list.size).toBe(2);
    for (let at = 0; at < 998; at++) list.revokeBelow(child(NOW + 90));
    expect(refused).toThrow(AdapterError);
    // A node with revoked ones below it fits all the same.
    const flooder = fresh();
    list.revokeBelow({ nodeId: fresh(), above: [root, by, flooder], by: flooder });
    list.revokeBelow({ nodeId: flooder, above: [root, by], by });
    expect([list.has(flooder), list.size]).toEqual([true, 1001]);
    list.revoke(by);
    expect(list.size).toBe(1);
  });

  test("the owner's revocation always fits, in a tree that is full", () => {
    const list = new RevocationList({ clock: () => NOW });
    const root = fresh();
    let refused = 0;
    for (let node = 0; node < 24; node++) {
      const by = fresh();
      for (let at = 0; at < 1000; at++)
        try {
          list.revokeBelow({ nodeId: fresh(), above: [root, by], by });
        } catch {
          refused++;
        }
    }
    // The first hundred of each child, and what is not kept for the root.
    expect([list.size, refused]).toEqual([24 * 100 + 19_000, 2600]);
    const [one, other] = [fresh(), fresh()];
    list.revoke(one);
    list.revoke(other, NOW + 5, { above: [root] });
    expect([list.has(one), list.has(other)]).toEqual([true, true]);
    list.revoke(root);
    expect(list.size).toBe(2);
  });

  test("a child that floods with all below it leaves its siblings, and theirs below them, a hundred each", () => {
    const list = new RevocationList({ clock: () => NOW });
    const [root, evil] = [fresh(), fresh()];
    const revoke = (...above: readonly string[]): boolean => {
      try {
        list.revokeBelow({ nodeId: fresh(), above, by: above.at(-1)! });
        return true;
      } catch {
        return false;
      }
    };
    for (let node = 0; node < 30; node++) {
      const below = fresh();
      for (let at = 0; at < 1000; at++) revoke(root, evil, below);
    }
    for (let at = 0; at < 1000; at++) revoke(root, evil);
    expect([revoke(root, evil), revoke(root, evil, fresh())]).toEqual([false, false]);
    for (const good of [fresh(), fresh()]) {
      const under = fresh();
      for (let at = 0; at < 50; at++)
        expect([revoke(root, good), revoke(root, good, under)]).toEqual([true, true]);
      expect(revoke(root, good)).toBe(false);
    }
    for (let at = 0; at < 1000; at++) expect(revoke(root)).toBe(true);
    // Children that the root makes without end.
    for (let at = 0; at < 60_000; at++) revoke(root, fresh());
    expect(list.size).toBeLessThanOrEqual(25_000);
  });

  test("the holders of other trees leave a thousand to each tree, whatever they revoke", () => {
    const list = new RevocationList({ clock: () => NOW });
    /** @returns how many of these revocations, by a root and nodes below it, there was room for */
    const flood = (count: number): number => {
      const root = fresh();
      let revoked = 0;
      for (let at = 0, by = fresh(); at < count; at++) {
        if (at % 1000 === 0) by = fresh();
        const isRoots = at < 1000;
        try {
          list.revokeBelow({
            nodeId: fresh(),
            above: isRoots ? [root] : [root, by],
            by: isRoots ? root : by,
          });
          revoked++;
        } catch {
          // What this node may revoke is used up; the next one tries.
          at += 999 - (at % 1000);
        }
      }
      return revoked;
    };
    const trees = Array.from({ length: 12 }, () => flood(25_000));
    // Of 24 children of a root the first hundred each, beside the tree's own room.
    expect(trees[0]).toBe(24 * 100 + 19_000);
    for (const one of trees) expect(one).toBeGreaterThanOrEqual(950);
    expect(list.size).toBeLessThan(100_000 + 12 * 5000);
    expect(flood(1000)).toBeGreaterThanOrEqual(950);
    const { size } = list;
    for (let at = 0; at < 100; at++) list.revoke(fresh());
    expect(list.size).toBe(size + 100);
  });

  test("a revocation above 19,000 entries that stand 61 deep is in force at once, and clears few references in one call [case 118]", () => {
    let now = NOW;
    const list = listOf(() => now);
    const line = Array.from({ length: 60 }, () => fresh());
    for (let at = 0; at < 19_000; at++)
      list.revoke(fresh(), NOW + 9, { above: line, by: line[at % 20]! });
    expect(list.size).toBe(19_000);
    let deleted = 0;
    const { delete: real } = Set.prototype;
    Set.prototype.delete = function (value) {
      deleted++;
      return real.call(this, value);
    };
    let most = 0;
    try {
      const acts = [
        () => list.revoke(line[0]!, NOW + 9),
        // All that is left of them ends together.
        ...Array.from({ length: 150 }, () => () => list.revoke(fresh(), NOW + 5)),
        () => {
          now = NOW + 20;
          for (let at = 0; at < 1024; at++) list.revoke(fresh());
        },
      ];
      for (const act of acts.slice(0, -1)) {
        deleted = 0;
        act();
        most = Math.max(most, deleted);
        expect(list.has(line[0]!)).toBe(true);
      }
      acts.at(-1)!();
    } finally {
      Set.prototype.delete = real;
    }
    expect(most).toBeLessThanOrEqual(12_100);
    expect(list.size).toBe(1024);
    // What was removed takes no room of the tree, and takes the place of nothing.
    const root = line[0]!;
    expect(list.has(root)).toBe(false);
  });

  test("the order of two revocations on one line does not matter, and the later end holds", () => {
    const ends = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(ends, ends, fc.boolean(), fc.boolean(), (a, b, isReversed, isKnown) => {
        let now = NOW;
        const list = listOf(() => now);
        const [root, upper, lower] = [fresh(), fresh(), fresh()];
        const acts = [
          () => list.revoke(upper, NOW + a, isKnown ? { above: [root], by: root } : {}),
          () => list.revoke(lower, NOW + b, { above: [root, upper], by: upper }),
        ];
        for (const act of isReversed ? acts.reverse() : acts) act();
        expect(list.size).toBe(1);
        expect(list.has(upper)).toBe(true);
        now = NOW + Math.max(a, b);
        for (let at = 0; at < 1100; at++) list.revoke(fresh(), NOW + 99);
        expect(list.has(upper)).toBe(true);
        now++;
        for (let at = 0; at < 1100; at++) list.revoke(fresh(), NOW + 99);
        expect(list.has(upper)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});
