/** What a wallet says is read, not only declared: numbers, proofs and outcomes that cannot be. */
import { describe, expect, onTestFinished, test } from "vitest";
import { MAX_MSAT, msat } from "../amount.ts";
import type { Credential } from "../l402/index.ts";
import type { Payer, PaymentOutcome } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import { failure, type Shop, secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury } from "./index.ts";

type Change = (outcome: PaymentOutcome) => unknown;

/** A treasury whose wallet's outcomes are changed as long as `change` is there. */
async function start(change: Change) {
  const world = await town();
  const shop = await world.openShop({ price: "10 sat" });
  const inner = devWallet(world.network.account("treasury").url);
  const lie: { change: Change | undefined } = { change };
  const told = (outcome: PaymentOutcome) =>
    (lie.change === undefined ? outcome : lie.change(outcome)) as PaymentOutcome;
  const wallet: Payer = {
    ...inner,
    pay: async (request) => told(await inner.pay(request)),
    find: async (hash) => told(await inner.find(hash)),
  };
  const treasury = treasuryOn(world, wallet);
  return { world, shop, lie, treasury, root: world.mint({ expiresIn: "30d" }) };
}

function treasuryOn(world: Town, wallet: Payer): Treasury {
  const treasury = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet,
    store: new MemoryStore({ journal: true }),
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => world.alarms.push(what),
  });
  onTestFinished(() => treasury.stop());
  return treasury;
}

let serial = 0;
const buy = (treasury: Treasury, credential: Credential, shop: Shop, path = `/${++serial}`) =>
  treasury.buy({
    id: `order-${++serial}`.padEnd(12, "-"),
    credential: credential.toString(),
    method: "GET",
    url: `${shop.url}${path}`,
    headers: [],
  });

const spentBy = async (treasury: Treasury, credential: Credential) =>
  (await treasury.standing(credential.toString()))[0]!.spent[0]!.value;

const freezes = async (treasury: Treasury) =>
  (await treasury.owner.journal(0, 1000)).flatMap(({ event }) =>
    event.type === "directive" && event.kind === "freeze" ? [event.reason] : [],
  );

const asPaid = (more: object) => (outcome: PaymentOutcome) =>
  outcome.status === "paid" ? { ...outcome, ...more } : outcome;

const FEES: readonly (readonly [name: string, feeMsat: unknown, said: string])[] = [
  ["an underflow", 2n ** 64n - 1n, "18446744073709551615"],
  ["one more than there is bitcoin", MAX_MSAT + 1n, "2100000000000000001"],
  ["all the bitcoin there is", MAX_MSAT, "2100000000000000000"],
  ["far over its cap", 1_000_000_000n, "1000000000"],
  ["below zero", -1n, "-1"],
  ["missing", undefined, "undefined"],
  ["null", null, "null"],
  ["no number", Number.NaN, "NaN"],
  ["a number", 10, "10"],
  ["a text", "10", '"10"'],
  ["an object", {}, "an object"],
];

describe("a fee that cannot be", () => {
  test.for(FEES)(
    "(%s) counts as its cap and freezes everyone once, with the wallet's own number; after the owner's thaw spending goes on for good [case 46]",
    async ([, feeMsat, said]) => {
      const { shop, treasury, root, lie, world } = await start(asPaid({ feeMsat }));
      expect(await buy(treasury, root, shop)).toMatchObject({ kind: "credential" });
      const [stated] = world.network.payments();
      const reason = `the wallet states a routing fee of ${said} msat for ${stated!.paymentHash}`;
      expect(await freezes(treasury)).toEqual([expect.stringContaining(reason)]);
      expect(await failure(buy(treasury, root, shop))).toMatchObject({ code: "ERR_FROZEN" });
      expect(await spentBy(treasury, root)).toBe(13_000n);
      expect(await treasury.owner.payments()).toMatchObject([
        { status: "paid", fee: msat(3_000n) },
      ]);
      await treasury.owner.thaw();
      for (let turn = 0; turn < 3; turn++) {
        world.clock.advance("15s");
        await treasury.reconcile();
      }
      lie.change = undefined;
      expect(await buy(treasury, root, shop)).toMatchObject({ kind: "credential" });
      expect(await freezes(treasury)).toHaveLength(1);
      expect(await treasury.owner.health()).toMatchObject({ spending: true });
    },
  );

  test("of a payment that was given up stops spending until the owner has explained it, and not again", async () => {
    const { shop, treasury, root, lie, world } = await start(() => ({
      status: "unknown",
      reason: "the line is cut",
    }));
    await failure(buy(treasury, root, shop));
    const { paymentHash } = world.network.payments()[0]!;
    await treasury.owner.giveUp(paymentHash, "the wallet does not say");
    lie.change = asPaid({ feeMsat: 2n ** 64n - 1n });
    await treasury.reconcile();
    await treasury.owner.explain(paymentHash, { as: "late" });
    await treasury.owner.thaw();
    for (let turn = 0; turn < 3; turn++) await treasury.reconcile();
    lie.change = undefined;
    expect(await buy(treasury, root, shop)).toMatchObject({ kind: "credential" });
    expect(await freezes(treasury)).toHaveLength(2);
  });

  test("is not met again in a payment that the owner has explained as its own", async () => {
    const { shop, treasury, root, lie, world } = await start(() => ({
      status: "unknown",
      reason: "the line is cut",
    }));
    await failure(buy(treasury, root, shop));
    const { paymentHash } = world.network.payments()[0]!;
    await treasury.owner.giveUp(paymentHash, "the wallet does not say");
    await treasury.reconcile();
    await treasury.owner.explain(paymentHash, { as: "own" });
    lie.change = asPaid({ feeMsat: 2n ** 64n - 1n });
    for (let turn = 0; turn < 2; turn++) await treasury.reconcile();
    lie.change = undefined;
    expect(await buy(treasury, root, shop)).toMatchObject({ kind: "credential" });
    expect(await freezes(treasury)).toHaveLength(1);
    expect(await spentBy(treasury, root)).toBe(10_010n);
  });
});

const OUTCOMES: readonly (readonly [name: string, change: Change])[] = [
  ["nothing", () => undefined],
  ["null", () => null],
  ["a text", () => "paid"],
  ["no status", () => ({})],
  ["an unknown status", () => ({ status: "settled", reason: "" })],
  ["no preimage", asPaid({ preimage: undefined })],
  ["another preimage", asPaid({ preimage: "ab".repeat(32) })],
  ["a preimage that is too short", asPaid({ preimage: "ab" })],
  ["a preimage that is a number", asPaid({ preimage: 7 })],
];

describe("an outcome that proves nothing", () => {
  test.for(OUTCOMES)(
    "(%s) keeps the amount reserved, and the order is answered once the wallet says what became of it [cases 57, 75]",
    async ([, change]) => {
      const { shop, treasury, root, lie, world } = await start(change);
      for (let turn = 0; turn < 2; turn++)
        expect(await failure(buy(treasury, root, shop, "/a"))).toMatchObject({ spent: "unknown" });
      await treasury.reconcile();
      expect(await spentBy(treasury, root)).toBe(13_000n);
      expect(world.alarms.length).toBeLessThanOrEqual(1);
      lie.change = undefined;
      expect(await buy(treasury, root, shop, "/a")).toMatchObject({ kind: "credential" });
      expect(world.paid().count).toBe(1);
      expect(await spentBy(treasury, root)).toBe(10_010n);
    },
  );

  test("a failure without a reason is a failure", async () => {
    const { shop, treasury, root } = await start(() => ({ status: "failed" }));
    expect(await failure(buy(treasury, root, shop))).toMatchObject({
      code: "ERR_PAYMENT_FAILED",
      message: expect.stringContaining("the wallet gives no reason"),
    });
  });
});
