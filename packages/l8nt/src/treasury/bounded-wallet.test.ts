/** A wallet that never answers holds nothing for ever. spec/4-purchase.md §4.3. */
import { expect, onTestFinished, test, vi } from "vitest";
import type { Payer, PaymentOutcome } from "../ports/wallet.ts";
import { failure, gate, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { openBounded } from "./bounded-wallet.ts";

const never = <Answer>() => new Promise<Answer>(() => {});
const PAYMENT = {
  invoice: "an invoice",
  paymentHash: "0".repeat(64),
  amountMsat: 1000n,
  maxFeeMsat: 0n,
  timeoutSeconds: 60,
};
const SILENT: Payer = {
  network: never,
  pay: never,
  find: never,
  paidSince: never,
  identity: never,
};

const outcomeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: { code?: string }) => error.code);

function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
}

test("a payment without an answer is unknown two minutes after its time-out, and not before", async () => {
  fakeTimers();
  const wallet = await openBounded(async () => SILENT);
  let outcome: PaymentOutcome | undefined;
  void wallet.pay(PAYMENT).then((ended) => {
    outcome = ended;
  });
  await vi.advanceTimersByTimeAsync(179_000);
  expect(outcome).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1000);
  expect(outcome).toMatchObject({ status: "unknown" });
});

test("every other question without an answer fails after two minutes", async () => {
  fakeTimers();
  const wallet = await openBounded(async () => SILENT);
  const questions = Promise.all(
    [
      wallet.network(),
      wallet.find(PAYMENT.paymentHash),
      wallet.paidSince!(0),
      wallet.identity!(),
      openBounded(never),
    ].map(outcomeOf),
  );
  await vi.advanceTimersByTimeAsync(120_000);
  expect(await questions).toEqual(Array.from({ length: 5 }, () => "ERR_WALLET"));
});

test("what a wallet answers and throws is passed on, and what it cannot do stays absent", async () => {
  const answer: Payer = {
    network: async () => "bcrt",
    pay: async () => ({ status: "failed", reason: "no route" }),
    find: async () => {
      throw new Error("it is down");
    },
  };
  const wallet = await openBounded(async () => answer);
  expect(await wallet.network()).toBe("bcrt");
  expect(await wallet.pay(PAYMENT)).toEqual({ status: "failed", reason: "no route" });
  await expect(wallet.find(PAYMENT.paymentHash)).rejects.toThrow("it is down");
  expect([wallet.paidSince, wallet.identity]).toEqual([undefined, undefined]);
});

test("an order whose payment the wallet never answers ends, and the order is answered once the wallet finds it", async () => {
  let inner: Payer | undefined;
  const asked = gate();
  const world = await town({
    wallet: {
      network: () => inner!.network(),
      async pay(request) {
        await inner!.pay(request);
        asked.open();
        return never();
      },
      find: (hash) => inner!.find(hash),
    },
  });
  inner = devWallet(world.network.account("treasury").url);
  const shop = await world.openShop();
  const order = {
    id: "one-order-of-the-agent",
    credential: world.mint().toString(),
    method: "GET",
    url: `${shop.url}/a`,
    headers: [],
  };
  const real = globalThis.setTimeout;
  fakeTimers();
  const first = failure(world.treasury.buy(order));
  await asked.opened;
  await new Promise((resolve) => real(resolve, 20));
  await vi.advanceTimersByTimeAsync(180_000);
  expect(await first).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
  vi.useRealTimers();
  expect(await world.treasury.buy(order)).toMatchObject({ kind: "credential" });
  expect(world.paid().count).toBe(1);
});
