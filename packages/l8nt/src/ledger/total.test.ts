/** What is shown of a node's spending. */
import { expect, test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { nodeTotal, nodeTotals, spentOf } from "./index.ts";

const NOW = 1_900_000_000;
const totals = nodeTotals("node");

async function shownAfter(...spent: readonly (readonly ["msat" | "usd_micro", bigint])[]) {
  const store = new MemoryStore();
  for (const [at, [unit, value]] of spent.entries()) {
    const counted = [nodeTotal("node", unit)];
    await store.reserve({ id: `${at}`, at: NOW, amount: { unit, value }, uses: 0n, counted });
  }
  return spentOf(await store.usage(totals, NOW));
}

test("a node has one counter for each unit", () => {
  expect(new Set(totals.map(({ id }) => id)).size).toBe(2);
  expect(totals.map(({ unit }) => unit)).toEqual(["msat", "usd_micro"]);
});

test("msat stands first, also if nothing was spent; another unit is there once it was spent", async () => {
  expect(await shownAfter()).toEqual([{ unit: "msat", value: 0n }]);
  expect(await shownAfter(["usd_micro", 40n], ["usd_micro", 2n])).toEqual([
    { unit: "msat", value: 0n },
    { unit: "usd_micro", value: 42n },
  ]);
  expect(await shownAfter(["usd_micro", 40n], ["msat", 7n])).toEqual([
    { unit: "msat", value: 7n },
    { unit: "usd_micro", value: 40n },
  ]);
});
