/**
 * A revocation of what was handed over many times is in force at once, and recalled in parts: no
 * turn of the event loop has many, and a killed process loses none. [cases 111, 118]
 */
import { expect, test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { town } from "../testing/fixtures/town.ts";

const PURCHASES = 600;
/** How many recalls are written in one step of the store. */
const PART = 250;

test("600 recalls are written in three parts; a process that is killed after the first leaves the rest to the next", async () => {
  const store = new MemoryStore();
  const answers = { fetch: async () => new Response(null, { status: 503 }) };
  const world = await town({ store, ...answers });
  const scout = world.mint().delegate({ agent: "scout" });
  const line = world.treasury.authority.verifier.authenticate(scout).nodes.map(({ id }) => id);
  const [root, node] = line as [string, string];
  for (let at = 0; at < PURCHASES; at++)
    await store.handOver(
      {
        paymentHash: at.toString(16).padStart(64, "0"),
        origin: `https://shop-${at}.example`,
        nodeIds: line,
        payer: root,
        recallable: true,
        until: world.clock() + 900,
      },
      { at: world.clock(), maxBelow: PURCHASES },
    );

  const recall = store.recall.bind(store);
  let parts = 0;
  let began: () => void;
  const second = new Promise<void>((resolve) => {
    began = resolve;
  });
  store.recall = (revoked, page) => {
    if (++parts === 1) return recall(revoked, page);
    began();
    return new Promise(() => {});
  };
  void world.treasury.owner.revoke(node);
  // The agent is refused before anything is written.
  await expect(world.treasury.standing(scout.toString())).rejects.toMatchObject({
    code: "ERR_REVOKED",
  });
  await second;
  const pending = () => store.countPendingRecalls(world.clock(), 10_000);
  expect(await pending()).toBe(PART);
  await world.treasury.stop();

  parts = 0;
  const most: number[] = [];
  store.recall = async (revoked, page) => {
    const before = await pending();
    const after = await recall(revoked, page);
    most.push((await pending()) - before);
    return after;
  };
  const next = await town({ store, ...answers });
  await next.treasury.start();
  expect(await pending()).toBe(PURCHASES);
  // The first part is written again, and changes nothing.
  expect(most).toEqual([0, PART, PURCHASES - 2 * PART]);
  await next.treasury.stop();
});
