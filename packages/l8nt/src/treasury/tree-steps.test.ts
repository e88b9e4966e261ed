/**
 * A page of a large tree is looked up in steps, other requests have their turn between them, and no
 * node is missing from the pages together. [case 118]
 */
import { expect, test } from "vitest";
import { MAX_CAVEATS } from "../macaroon/packet.ts";
import type { NodeRecord } from "../ports/nodes.ts";
import { MemoryStore } from "../stores/memory.ts";
import { town } from "../testing/fixtures/town.ts";

const PARALLEL = 8;
/** What one kind of request may read in one turn of the event loop. */
const NODES_IN_TURN = 25;
const COUNTERS_IN_TURN = 250;

const idOf = (at: number): string => at.toString(16).padStart(32, "0");
const limitOf = (node: string, at: number): NodeRecord["limits"][number] => ({
  id: `${node} ${at}`,
  kind: "spend",
  unit: "msat",
  max: 5n,
  condition: "budget_msat",
});

/** What the shape of a directory is, below a root: the nodes are met in this order. */
const SHAPES: Readonly<Record<string, (root: string) => readonly NodeRecord[]>> = {
  "2,000 children of one node": (root) =>
    Array.from({ length: 2000 }, (_, at) => recordOf([root, idOf(at + 1)], at)),
  "40 lines of 61 nodes": (root) =>
    Array.from({ length: 40 }, (_, line) =>
      Array.from({ length: 61 }, (_, depth) =>
        recordOf(
          [root, ...Array.from({ length: depth + 1 }, (_, at) => idOf(line * 100 + at + 1))],
          line,
        ),
      ),
    ).flat(),
  "500 nodes with as many limits as a credential has caveats": (root) =>
    Array.from({ length: 500 }, (_, at) => {
      const record = recordOf([root, idOf(at + 1)], at);
      const limits = Array.from({ length: MAX_CAVEATS - 1 }, (_, n) => limitOf(record.id, n));
      return { ...record, limits };
    }),
};

function recordOf(path: readonly string[], metAt: number): NodeRecord {
  const id = path.at(-1)!;
  return { id, path: path as NodeRecord["path"], caveats: [], limits: [], metAt };
}

test.each(Object.entries(SHAPES))(
  "eight agents and an owner that ask for a tree of %s at once take no turn of the event loop for more than a step each [case 118]",
  async (_, shape) => {
    const store = new MemoryStore();
    const world = await town({ store });
    const root = world.mint();
    const rootId = world.treasury.authority.verifier.authenticate(root).node.id;
    const records = shape(rootId);
    await store.meet(records);
    await world.treasury.start();

    const turn = { counters: 0, nodes: 0 };
    const most = { counters: 0, nodes: 0 };
    const { usage, nodes } = store;
    store.usage = (counted, at) => {
      turn.counters += counted.length;
      return usage.call(store, counted, at);
    };
    store.nodes = async (query) => {
      const read = await nodes.call(store, query);
      turn.nodes += read.length;
      return read;
    };
    let isOver = false;
    const turns = (async () => {
      while (!isOver) {
        await new Promise((next) => setImmediate(next));
        most.counters = Math.max(most.counters, turn.counters);
        most.nodes = Math.max(most.nodes, turn.nodes);
        Object.assign(turn, { counters: 0, nodes: 0 });
      }
    })();
    const [owner, ...trees] = await Promise.all([
      world.treasury.owner.tree(),
      ...Array.from({ length: PARALLEL }, () => world.treasury.tree(root.toString())),
    ]);
    isOver = true;
    await turns;

    // Agents and the owner have a step each in a turn.
    expect(most.nodes).toBeLessThanOrEqual(2 * NODES_IN_TURN);
    expect(most.counters).toBeLessThanOrEqual(2 * COUNTERS_IN_TURN);
    const ids = records.map(({ id }) => id).sort();
    expect(owner!.map(({ id }) => id).sort()).toEqual(ids);
    for (const tree of trees) {
      // The root has no record.
      expect(tree[0]!.id).toBe(rootId);
      expect(
        tree
          .slice(1)
          .map(({ id }) => id)
          .sort(),
      ).toEqual(ids);
      const seen = new Set<string>();
      for (const { id, parentId } of tree) {
        expect(parentId === undefined || seen.has(parentId)).toBe(true);
        seen.add(id);
      }
    }
  },
);
