/** One use, claimed before it is served and counted or given back afterwards. [case 88] */

import { expect, test } from "vitest";
import { msat, type Unit } from "../amount.ts";
import { Authority } from "../l402/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { claimUse, endAbandonedUses } from "./claim.ts";

const NOW = 2_000_000_000;

function world() {
  const store = new MemoryStore();
  const authority = new Authority({
    secret: "91c4e07a3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728",
    location: "https://treasury.example",
    kind: "spending",
    clock: () => NOW,
  });
  const credential = authority.minter.mint({
    endpoints: ["* https://*:*/**"],
    expiresIn: "1h",
    budget: "10 sat",
    maxUses: 1,
  });
  const { limits } = authority.verifier.authenticate(credential);
  const claim = (value = 0n, unit: Unit = "msat") =>
    claimUse(store, { by: "service", limits, amount: { unit, value }, at: NOW });
  const used = async () => (await store.usage(limits, NOW)).map((usage) => usage.used);
  return { store, claim, used, limits };
}

test("a claim that is committed counts; the next one is refused and says of what", async () => {
  const { claim, used } = world();
  await (await claim(4_000n)).commit(NOW);
  expect((await used()).sort()).toEqual([1n, 4_000n]);
  await expect(claim()).rejects.toMatchObject({ name: "BudgetError", code: "ERR_USES" });
});

test("a claim under way counts, and one that is released is given back whole", async () => {
  const { claim, used } = world();
  const first = await claim(4_000n);
  await expect(claim()).rejects.toMatchObject({ code: "ERR_USES" });
  await first.release(NOW);
  expect(await used()).toEqual([0n, 0n]);
  await (await claim()).commit(NOW);
});

test("a store that fails is an error that can be tried again, and nothing is claimed", async () => {
  const { store, claim, used } = world();
  const reserve = store.reserve.bind(store);
  store.reserve = () => Promise.reject(new Error("the disk is full"));
  await expect(claim()).rejects.toMatchObject({
    name: "AdapterError",
    code: "ERR_STORE",
    message: expect.stringContaining("nothing was served"),
  });
  store.reserve = reserve;
  expect(await used()).toEqual([0n, 0n]);
});

test("a claim of a price in dollars that a dead process left behind counts as used, too [case 89]", async () => {
  const { store, claim, used, limits } = world();
  await claim(50n, "usd_micro");
  await endAbandonedUses(store, { of: "service", before: NOW + 1, at: NOW + 1 });
  expect((await used())[limits.findIndex(({ kind }) => kind === "uses")]).toBe(1n);
  expect(await store.abandoned(NOW + 1)).toEqual([]);
});

test("what a use that a dead process left behind costs is spent, not given back [case 89]", async () => {
  const { store, claim, used, limits } = world();
  const late = await claim(4_000n);
  await endAbandonedUses(store, { of: "service", before: NOW + 1, at: NOW + 1 });
  const spent = async () => (await used())[limits.findIndex(({ kind }) => kind === "spend")];
  expect(await spent()).toBe(4_000n);
  // The process is not dead after all: the first end stands.
  await late.commit(NOW + 2);
  expect(await spent()).toBe(4_000n);
});

test("a claim that a dead process left behind counts as used; other reservations do not end [case 89]", async () => {
  const { store, claim, used, limits } = world();
  await claim();
  const other = { id: "a payment", counted: [], amount: msat(1n), uses: 0n };
  await store.reserve({ ...other, at: NOW });
  await endAbandonedUses(store, { of: "service", before: NOW + 1, at: NOW + 1 });
  expect((await used())[limits.findIndex(({ kind }) => kind === "uses")]).toBe(1n);
  expect(await store.abandoned(NOW + 1)).toEqual([{ id: "a payment", amount: msat(1n) }]);
});

test("only the claims of the dead claimant end: not another's, and not those of one that lives", async () => {
  const { store, limits } = world();
  const claimBy = (by: string) =>
    claimUse(store, {
      by,
      limits: limits.filter(({ kind }) => kind === "in-flight"),
      amount: msat(0n),
      at: NOW,
    });
  for (const by of ["service.a.1", "service.a.2", "service.ab.1", "treasury"]) await claimBy(by);
  const left = async () =>
    (await store.abandoned(NOW + 1)).map(({ id }) => id.replace(/\.[0-9a-f]{32}$/, "")).sort();
  await endAbandonedUses(store, {
    of: "service.a",
    isGone: (claimant) => claimant !== "service.a.2",
    before: NOW + 1,
    at: NOW,
  });
  expect(await left()).toEqual(["use.service.a.2", "use.service.ab.1", "use.treasury"]);
  await endAbandonedUses(store, { of: "service", before: NOW + 1, at: NOW });
  expect(await left()).toEqual(["use.treasury"]);
});
