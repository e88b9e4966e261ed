/** The memory store: the laws of every store, and what it forgets. */

import { expect, test } from "vitest";
import { msat } from "../amount.ts";
import type { Counted } from "../ports/limit.ts";
import { storeContract } from "../testing/store-contract.ts";
import { MemoryStore } from "./memory.ts";

storeContract(test, {
  name: "the memory store",
  setup: async () => ({ store: new MemoryStore({ journal: true }), teardown: async () => {} }),
  histories: 150,
});

const NOW = 1_900_000_000;
/** More than it takes until the next sweep. */
const MANY = 5000;

const limit = (id: string, expiresAt?: number): Counted => ({
  id,
  kind: "spend",
  unit: "msat",
  max: 10n,
  ...(expiresAt !== undefined && { expiresAt }),
});

async function churn(store: MemoryStore, at: number): Promise<void> {
  for (let turn = 0; turn < MANY; turn++)
    await store.reserve({
      id: `${at} ${turn}`,
      at,
      amount: msat(1n),
      uses: 1n,
      counted: [limit(`${turn}`, at + 1)],
    });
}

async function spend(store: MemoryStore, counted: Counted): Promise<void> {
  await store.reserve({ id: counted.id, at: NOW, amount: msat(10n), uses: 1n, counted: [counted] });
  await store.commit(counted.id, msat(10n), NOW);
}

const used = async (store: MemoryStore, counted: Counted) =>
  (await store.usage([counted], NOW))[0]?.used;

test("forgets no limit whose credential lives, and none without an end", async () => {
  const store = new MemoryStore();
  const [ends, endless] = [limit("ends", NOW + 100), limit("endless")];
  for (const one of [ends, endless]) await spend(store, one);
  for (const at of [NOW, NOW + 99, NOW + 100]) await churn(store, at);
  expect([await used(store, ends), await used(store, endless)]).toEqual([10n, 10n]);
});

const isKept = async (store: MemoryStore, { id }: Counted) =>
  (await store.counters("", 100_000)).some((counter) => counter.id === id);

test("forgets a limit whose credential has ended, so that memory is bounded [case 117]", async () => {
  let elapsed = 0;
  const store = new MemoryStore({ elapsed: () => elapsed });
  const ends = limit("ends", NOW + 100);
  await spend(store, ends);
  elapsed += 101;
  await churn(store, NOW + 101);
  expect(await isKept(store, ends)).toBe(true);
  elapsed += 86_400;
  await churn(store, NOW + 86_400 + 101);
  expect(await isKept(store, ends)).toBe(false);
  // Nothing is left of what may have been used, if the clock is set back. [case 109]
  expect(await used(store, ends)).toBe(10n);
  const request = { id: "again", at: NOW, amount: msat(1n), uses: 1n, counted: [ends] };
  expect(await store.reserve(request)).toMatchObject({ reserved: false });
  // What ends later was not forgotten.
  expect(await used(store, limit("later", NOW + 86_400 + 101))).toBe(0n);
});

test("forgets nothing if the clock is set ahead and back [case 109]", async () => {
  let elapsed = 0;
  const store = new MemoryStore({ elapsed: () => elapsed });
  const ends = limit("ends", NOW + 100);
  await spend(store, ends);
  await churn(store, NOW);
  for (let hour = 0; hour < 5; hour++) {
    elapsed += 3600;
    await churn(store, NOW + 2 * 86_400 + elapsed);
  }
  expect(await isKept(store, ends)).toBe(true);
  expect(await used(store, limit("new", NOW + 100))).toBe(0n);
});

test("forgets nothing that is in flight, also beyond the credential's end [case 52]", async () => {
  const store = new MemoryStore();
  const ends = limit("ends", NOW + 100);
  await store.reserve({ id: "open", at: NOW, amount: msat(10n), uses: 1n, counted: [ends] });
  await churn(store, NOW + 200_000);
  expect(await used(store, ends)).toBe(10n);
  expect(await store.commit("open", msat(12n), NOW + 200_001)).toMatchObject({ amount: msat(12n) });
  expect(await used(store, ends)).toBe(12n);
});

test("remembers how a reservation ended for as long as its like may still ask", async () => {
  const store = new MemoryStore();
  await spend(store, limit("a"));
  for (let turn = 0; turn < 4000; turn++) {
    await store.reserve({ id: `x${turn}`, at: NOW, amount: msat(0n), uses: 1n, counted: [] });
    await store.release(`x${turn}`, NOW);
  }
  expect(await store.release("a", NOW)).toEqual({
    outcome: "committed",
    amount: msat(10n),
    uses: 1n,
  });
});
