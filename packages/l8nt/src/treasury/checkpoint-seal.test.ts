/** A treasury starts on books whose past its own key signed, or a key before it. */
import { expect, onTestFinished, test } from "vitest";
import { msat } from "../amount.ts";
import type { Store } from "../ports/store.ts";
import { keyedSeal } from "../receipt/checkpoint.ts";
import { ReceiptSigner } from "../receipt/key.ts";
import { MemoryStore } from "../stores/memory.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import { secretOf } from "../testing/fixtures/town.ts";
import { START, spend } from "../testing/store-laws.ts";
import { checkpointSeal } from "./checkpoint-seal.ts";
import { receiptSeedOf } from "./derived.ts";
import { Treasury, type TreasuryOptions } from "./index.ts";

const [FIRST, SECOND] = [secretOf("the first one"), secretOf("the second one")];
const SEEDS = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)] as const;
const KEY = (await ReceiptSigner.fromSeed(SEEDS[0])).publicKey;

const sealOf = (seed: Uint8Array) =>
  checkpointSeal({
    receipts: { signer: () => ReceiptSigner.fromSeed(seed) },
    ...{ previousSecrets: [], previousReceiptKeys: [] },
  })();

async function foldedBy(store: Store, seed: Uint8Array): Promise<void> {
  const counted = [spend("a")];
  await store.reserve({ id: "use.x.1", at: START, amount: msat(1n), uses: 1n, counted });
  await store.commit("use.x.1", msat(1n), START);
  await store.fold({ at: START + 100, keepSeconds: 1, limit: 10, seal: await sealOf(seed) });
}

type Keys = Partial<
  Pick<TreasuryOptions, "secret" | "previousSecrets" | "receiptSeed" | "previousReceiptKeys">
>;

async function start(store: Store, keys: Keys): Promise<string> {
  const treasury = new Treasury({
    ...{ secret: FIRST, location: "https://treasury.example", store, clock: () => START + 100 },
    wallet: async () => Promise.reject(new Error("it is not asked")),
    ...keys,
  });
  onTestFinished(() => treasury.stop());
  return treasury.start().then(
    () => "started",
    (error) => error.code,
  );
}

const CASES: readonly (readonly [string, Uint8Array, Keys, string])[] = [
  ["its own secret", receiptSeedOf(FIRST), {}, "started"],
  ["another secret", receiptSeedOf(SECOND), {}, "ERR_CHECKPOINT"],
  ["the secret before", receiptSeedOf(SECOND), { previousSecrets: [SECOND] }, "started"],
  ["its own seed", SEEDS[0], { receiptSeed: SEEDS[0] }, "started"],
  ["another seed", SEEDS[0], { receiptSeed: SEEDS[1] }, "ERR_CHECKPOINT"],
  ["the seed before", SEEDS[0], { receiptSeed: SEEDS[1], previousReceiptKeys: [KEY] }, "started"],
];

const stores = {
  memory: async () => new MemoryStore({ journal: true }),
  ...(process.getBuiltinModule("node:sqlite") && { SQLite: () => openSqliteStore(":memory:") }),
};

for (const [kind, open] of Object.entries(stores)) {
  test.each(CASES)(`on the ${kind} store, a checkpoint of %s`, async (_of, seed, keys, outcome) => {
    const store = await open();
    onTestFinished(() => store.close());
    await foldedBy(store, seed);
    expect(await start(store, keys)).toBe(outcome);
    if (outcome !== "started") return;
    // It is signed anew, so the key before it may be forgotten.
    const { previousSecrets: _, previousReceiptKeys: __, ...present } = keys;
    expect(await start(store, present)).toBe("started");
  });

  test(`on the ${kind} store, a treasury does not go on from a paywall's checkpoint`, async () => {
    const store = await open();
    onTestFinished(() => store.close());
    await store.note("x", START);
    const seal = keyedSeal([new Uint8Array(32).fill(9)]);
    await store.fold({ at: START + 100, keepSeconds: 1, limit: 10, seal });
    expect(await start(store, {})).toBe("ERR_CHECKPOINT");
  });
}
