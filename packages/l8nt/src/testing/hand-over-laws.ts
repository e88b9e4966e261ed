/** The laws of a store's hand-overs and recalls, part of the store contract. */
import assert from "node:assert/strict";
import type { HandOver, Recall, Revoked } from "../ports/hand-overs.ts";
import type { Store } from "../ports/store.ts";
import { type Law, START } from "./store-laws.ts";

const id = (name: string): string => Buffer.from(name).toString("hex").padStart(32, "0");
const ids = (line: string): readonly string[] => line.split(" ").map(id);

/** @param line names of nodes, root first; `*` follows the name of the one that paid */
const handed = (line: string, payment = "p1", more: Partial<HandOver> = {}): HandOver => ({
  paymentHash: payment,
  origin: `https://${payment}.example`,
  nodeIds: ids(line.replace("*", "")),
  payer: id(
    line
      .split(" ")
      .find((name) => name.endsWith("*"))!
      .slice(0, -1),
  ),
  recallable: true,
  until: START + 300,
  ...more,
});
const terms = { at: START, maxBelow: 1000 };
/** In the smallest parts, so that a law which does not speak of parts holds over many. */
async function recallAll(store: Store, revoked: Revoked, limit = 1): Promise<number> {
  let after: string | undefined;
  let parts = 0;
  do {
    after = await store.recall(revoked, { after, limit });
    parts++;
  } while (after !== undefined);
  return parts;
}
const owner = { rank: 0, at: START };
const paths = (recalls: readonly Recall[]): readonly string[] =>
  recalls.map(({ paymentHash, path }) => `${paymentHash}: ${path.join(" ")}`).sort();
const path = (payment: string, line: string): string => `${payment}: ${ids(line).join(" ")}`;
const pending = async (store: Store, at = START): Promise<readonly string[]> =>
  paths(await store.pendingRecalls(at, [], 100));

export function handOverLaws(law: Law): void {
  law("recalls one hand-over for each purchase, however many children hold it", async (store) => {
    for (let child = 0; child < 20; child++)
      for (const payment of ["p1", "p2"])
        assert.equal(
          await store.handOver(handed(`root payer* mallory c${child}`, payment), terms),
          true,
        );
    await store.handOver(handed("root payer* other", "p3"), terms);
    await recallAll(store, { nodeId: id("mallory"), ...owner });
    assert.deepEqual(await pending(store), [
      path("p1", "payer mallory"),
      path("p2", "payer mallory"),
    ]);
  });

  law("recalls at the payer's node what a node above the payer is revoked for", async (store) => {
    await store.handOver(handed("root parent payer* child"), terms);
    await recallAll(store, { nodeId: id("root"), ...owner });
    assert.deepEqual(await pending(store), [path("p1", "payer")]);
  });

  law("recalls nothing that has ended, and lists nothing once it has ended", async (store) => {
    await store.handOver(handed("root* a", "p1", { until: START + 10 }), terms);
    await store.handOver(handed("root* a", "p2", { until: START + 30 }), terms);
    await recallAll(store, { nodeId: id("a"), rank: 0, at: START + 10 });
    assert.deepEqual(await pending(store, START + 10), [path("p2", "root a")]);
    assert.equal(await store.countPendingRecalls(START + 29, 10), 1);
    assert.deepEqual(await pending(store, START + 30), []);
    assert.equal(await store.countPendingRecalls(START + 30, 10), 0);
  });

  law("moves the end of a hand-over that is repeated, and never back", async (store) => {
    await store.handOver(handed("root* a", "p1", { until: START + 300 }), terms);
    await store.handOver(handed("root* a", "p1", { until: START + 60 }), terms);
    await recallAll(store, { nodeId: id("a"), ...owner });
    const [recall] = await store.pendingRecalls(START, [], 10);
    assert.equal(recall?.until, START + 300);
  });

  law("puts the recall of an ancestor in the place of those below it", async (store) => {
    const lines = ["root* a b", "root* a c", "root* d"];
    for (const line of lines) await store.handOver(handed(line), terms);
    for (const name of ["b", "c", "d"]) await recallAll(store, { nodeId: id(name), ...owner });
    assert.deepEqual(
      await pending(store),
      lines.map((line) => path("p1", line.replace("*", ""))),
    );
    await recallAll(store, { nodeId: id("a"), rank: 0, at: START + 1 });
    assert.deepEqual(await pending(store), [path("p1", "root a"), path("p1", "root d")]);
    // What is below it has no recall of its own from then on.
    await recallAll(store, { nodeId: id("b"), rank: 0, at: START + 2 });
    assert.deepEqual(await pending(store), [path("p1", "root a"), path("p1", "root d")]);
  });

  law(
    "writes the recalls of a revocation in parts, and a part again without effect",
    async (store) => {
      for (let count = 0; count < 10; count++)
        await store.handOver(handed("root* a b", `p${count}`), terms);
      for (const name of ["c", "d", "e"]) {
        await store.handOver(handed(`root* a ${name}`, "p5"), terms);
        await recallAll(store, { nodeId: id(name), ...owner });
      }
      const first = await store.recall({ nodeId: id("a"), ...owner }, { limit: 3 });
      assert.equal((await pending(store)).length, 6);
      assert.equal(await store.recall({ nodeId: id("a"), ...owner }, { limit: 3 }), first);
      assert.equal((await pending(store)).length, 6);
      // A process that was killed in between begins again.
      const parts = await recallAll(store, { nodeId: id("a"), ...owner }, 3);
      assert.ok(parts >= 4 && parts <= 6, `${parts} parts`);
      const all = Array.from({ length: 10 }, (_, count) => path(`p${count}`, "root a"));
      assert.deepEqual(await pending(store), all);
      await store.acknowledge({ paymentHash: "p3", path: ids("root a") }, START + 1);
      await recallAll(store, { nodeId: id("a"), ...owner }, 100);
      assert.equal((await pending(store)).length, 9);
      assert.equal(await store.recall({ nodeId: id("nobody"), ...owner }, { limit: 3 }), undefined);
    },
  );

  law("keeps a recall that was acknowledged out of the pending ones", async (store) => {
    await store.handOver(handed("root* a"), terms);
    await recallAll(store, { nodeId: id("a"), ...owner });
    const [recall] = await store.pendingRecalls(START, [], 10);
    await store.acknowledge(recall!, START + 1);
    await store.acknowledge(recall!, START + 2);
    assert.deepEqual(await pending(store), []);
    assert.equal((await store.recalls(id("a"), 10))[0]?.acknowledgedAt, START + 1);
    await recallAll(store, { nodeId: id("a"), rank: 0, at: START + 3 });
    assert.deepEqual(await pending(store), []);
  });

  law(
    "lists recalls of lower rank first, then older ones, and none at the origins left out",
    async (store) => {
      for (const [at, payment] of ["p1", "p2", "p3", "p4"].entries()) {
        await store.handOver(handed("root a*", payment), terms);
        await store.handOver(handed(`root a* n${payment}`, payment), terms);
        await recallAll(store, { nodeId: id(`n${payment}`), by: id("a"), rank: 2, at: START + at });
      }
      await store.handOver(handed("root b*", "p5"), terms);
      await recallAll(store, { nodeId: id("b"), rank: 0, at: START + 9 });
      const list = async (except: readonly string[], limit: number) =>
        (await store.pendingRecalls(START, except, limit)).map(({ paymentHash }) => paymentHash);
      assert.deepEqual(await list([], 3), ["p5", "p1", "p2"]);
      assert.deepEqual(await list(["https://p5.example", "https://p1.example"], 9), [
        "p2",
        "p3",
        "p4",
      ]);
    },
  );

  law("keeps a recall that was postponed out of the pending ones until then", async (store) => {
    await store.handOver(handed("root* a"), terms);
    await recallAll(store, { nodeId: id("a"), ...owner });
    await store.postponeRecall({ paymentHash: "p1", path: ids("root a") }, START + 5);
    assert.deepEqual(await pending(store, START + 4), []);
    assert.equal(await store.countPendingRecalls(START + 4, 10), 1);
    assert.deepEqual(await pending(store, START + 5), [path("p1", "root a")]);
  });

  law(
    "presents the revoking node where the service knows it, and the payer's credential else",
    async (store) => {
      for (const payment of ["p1", "p2", "p3"])
        await store.handOver(handed("root a* b c", payment), terms);
      await recallAll(store, { nodeId: id("c"), by: id("b"), rank: 3, at: START });
      const presented = async () =>
        new Set((await store.pendingRecalls(START, [], 10)).map((recall) => recall.presented));
      assert.deepEqual(await presented(), new Set([2]));
      await recallAll(store, { nodeId: id("c"), by: id("root"), rank: 1, at: START });
      assert.deepEqual(await presented(), new Set([0]));
    },
  );

  law("widens a recall to the node above, in the place of all below that node", async (store) => {
    for (const line of ["root* a b", "root* a c"]) {
      await store.handOver(handed(line), terms);
      await recallAll(store, {
        nodeId: ids(line.replace("*", "")).at(-1)!,
        by: id("a"),
        rank: 2,
        at: START,
      });
    }
    await store.widenRecall({ paymentHash: "p1", path: ids("root a b") });
    const [widened, ...others] = await store.pendingRecalls(START, [], 10);
    assert.deepEqual(others, []);
    assert.deepEqual([widened?.path, widened?.presented], [ids("root a"), 1]);
    await store.widenRecall(widened!);
    await store.widenRecall({ paymentHash: "p1", path: ids("root") });
    assert.deepEqual(await pending(store), [path("p1", "root")]);
  });

  law(
    "writes a recall that no service can confirm, and never lists it to be sent",
    async (store) => {
      await store.handOver(handed("root* a", "p1", { recallable: false }), terms);
      await recallAll(store, { nodeId: id("a"), ...owner });
      assert.deepEqual(await pending(store), []);
      assert.equal(await store.countPendingRecalls(START, 10), 1);
      assert.deepEqual(paths(await store.recalls(id("a"), 10)), ["p1: "]);
    },
  );

  law(
    "refuses a new hand-over below a node with too many, and refuses nobody else",
    async (store) => {
      const few = { at: START, maxBelow: 3 };
      for (const name of ["a", "b", "c"])
        assert.equal(await store.handOver(handed(`root* mallory ${name}`), few), true);
      assert.equal(await store.handOver(handed("root* mallory d"), few), false);
      // One that is there already is repeated; it is not counted twice.
      assert.equal(await store.handOver(handed("root* mallory a"), few), true);
      assert.equal(await store.handOver(handed("root* other"), few), true);
      assert.equal(await store.handOver(handed("root* other child"), few), true);
      assert.equal(await store.handOver(handed("root mallory*", "p2"), few), true);
      // A refused one left no row.
      await recallAll(store, { nodeId: id("d"), ...owner });
      assert.deepEqual(await pending(store), []);
      // Once those have ended there is room again.
      assert.equal(
        await store.handOver(handed("root* mallory d", "p1", { until: START + 900 }), {
          at: START + 300,
          maxBelow: 3,
        }),
        true,
      );
    },
  );

  law(
    "writes hand-overs that come at once, the same one and refused ones among them",
    async (store) => {
      const few = { at: START, maxBelow: 1 };
      await store.handOver(handed("root* mallory a"), few);
      const answers = await Promise.all(
        [
          handed("root* mallory a"),
          handed("root* mallory a", "p1", { until: START + 600 }),
          handed("root* mallory b"),
          handed("root* other", "p2"),
          handed("root* other", "p2"),
        ].map((one, at) => store.handOver(one, at < 3 ? few : terms)),
      );
      assert.deepEqual(answers, [true, true, false, true, true]);
      await recallAll(store, { nodeId: id("root"), ...owner });
      const recalls = await store.pendingRecalls(START, [], 10);
      assert.deepEqual(
        recalls.map(({ paymentHash, until }) => [paymentHash, until - START]).sort(),
        [
          ["p1", 600],
          ["p2", 300],
        ],
      );
    },
  );

  law("deletes in batches what ended, and keeps the rest", async (store) => {
    for (let child = 0; child < 5; child++)
      await store.handOver(handed(`root* c${child}`, `p${child}`), terms);
    await store.handOver(handed("root* late", "p9", { until: START + 900 }), terms);
    await recallAll(store, { nodeId: id("root"), ...owner });
    let batches = 1;
    const ends = { handOvers: START + 301, recalls: START + 301 };
    while (await store.forgetHandOvers(ends, 4)) batches++;
    assert.equal(batches, 3);
    assert.deepEqual(paths(await store.recalls(undefined, 100)), [path("p9", "root")]);
    await recallAll(store, { nodeId: id("late"), ...owner });
    assert.deepEqual(await pending(store, START + 400), [path("p9", "root")]);
  });
}
