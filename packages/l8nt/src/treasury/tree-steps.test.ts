/** A large tree is looked up in steps, and other requests have their turn. [case 118] */
import { expect, test } from "vitest";
import type { NodeRecord } from "../ports/nodes.ts";
import { MemoryStore } from "../stores/memory.ts";
import { town } from "../testing/fixtures/town.ts";

const NODES = 2000;
const PARALLEL = 8;
/** Nodes that all requests together look up in one turn of the event loop. */
const STEP = 50;

const idOf = (at: number): string => at.toString(16).padStart(32, "0");

test("eight trees of 2,000 nodes at once take no turn of the event loop for more than one step [case 118]", async () => {
  const store = new MemoryStore();
  const looked: number[] = [];
  const usage = store.usage.bind(store);
  let inTurn = 0;
  store.usage = (counted, at) => {
    inTurn++;
    return usage(counted, at);
  };
  const reads: number[] = [];
  const nodes = store.nodes.bind(store);
  let readsInTurn = 0;
  store.nodes = (under, limit) => {
    readsInTurn++;
    return nodes(under, limit);
  };
  const world = await town({ store });
  const root = world.mint();
  const rootId = world.treasury.authority.verifier.authenticate(root).node.id;
  const records = Array.from({ length: NODES }, (_, at): NodeRecord => {
    const id = idOf(at + 1);
    return { id, path: [rootId, id], caveats: [], limits: [], metAt: at };
  });
  await store.meet(records);
  await world.treasury.start();

  let isOver = false;
  const turns = (async () => {
    while (!isOver) {
      await new Promise((next) => setImmediate(next));
      looked.push(inTurn);
      reads.push(readsInTurn);
      inTurn = 0;
      readsInTurn = 0;
    }
  })();
  const trees = await Promise.all(
    Array.from({ length: PARALLEL }, () => world.treasury.tree(root.toString())),
  );
  isOver = true;
  await turns;
  for (const tree of trees) expect(tree).toHaveLength(NODES + 1);
  // The root has no record, so that each request looks it up on its own.
  expect(Math.max(...looked)).toBeLessThanOrEqual(STEP + PARALLEL);
  expect(Math.max(...reads)).toBe(1);
});
