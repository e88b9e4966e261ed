/** First payments, and what a wallet says late or wrongly. spec/4 §4.3. */
import { describe, expect, onTestFinished, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import type { Payer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import {
  ask402,
  challenger,
  failure,
  gate,
  secretOf,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury, type TreasuryOptions } from "./index.ts";

class SharedStore extends MemoryStore {
  override readonly shared = true as unknown as false;
}

const buy = (
  treasury: Pick<Treasury, "buy">,
  credential: Credential,
  url: string,
  more: object = {},
) =>
  treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
    ...more,
  });

/** Another treasury on the same books and the same wallet. */
function beside(world: Town, store: MemoryStore, options: Partial<TreasuryOptions> = {}): Treasury {
  const other = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => world.alarms.push(what),
    store,
    ...options,
  });
  onTestFinished(() => other.stop());
  return other;
}

describe("the first payment to an origin", () => {
  const held = async (world: Town, amountMsat = 10_000n) =>
    site(async (_request, response, url) => {
      ask402(response, await challenger(world, url).demand({ enforced: undefined, amountMsat }));
    });

  test("is one, however many orders hold its invoices [cases 70, 71, 86]", async () => {
    const world = await town({ maxFirstPayment: "10 sat" });
    const shop = await held(world);
    for (let times = 0; times < 8; times++) world.network.fault({ kind: "stuck", delayMs: 0 });
    const root = world.mint();
    const errors = await Promise.all(
      Array.from({ length: 8 }, (_, at) => failure(buy(world.treasury, root, `${shop.url}/${at}`))),
    );
    const codes = errors.map(({ code }) => code);
    expect(codes.filter((code) => code === "ERR_PAYMENT_UNKNOWN")).toHaveLength(1);
    expect(codes.filter((code) => code === "ERR_IN_FLIGHT")).toHaveLength(7);
    for (const { paymentHash } of world.network.payments()) world.network.settle(paymentHash);
    expect(world.paid().count).toBe(1);
  });

  test("is one over two treasuries on one store", async () => {
    const store = new SharedStore();
    const world = await town({ store, maxFirstPayment: "10 sat" });
    onTestFinished(() => world.treasury.stop());
    const other = beside(world, store, { maxFirstPayment: "10 sat" });
    const shop = await held(world);
    for (let times = 0; times < 2; times++) world.network.fault({ kind: "stuck", delayMs: 0 });
    const root = world.mint();
    const errors = await Promise.all(
      [world.treasury, other].map((treasury, at) =>
        failure(buy(treasury, root, `${shop.url}/${at}`)),
      ),
    );
    expect(errors.map(({ code }) => code).sort()).toEqual(["ERR_IN_FLIGHT", "ERR_PAYMENT_UNKNOWN"]);
    expect(world.network.payments()).toHaveLength(1);
  });

  test("opens the origin once it is made, and its end opens it for another try", async () => {
    const world = await town({ maxFirstPayment: "10 sat" });
    const shop = await world.openShop();
    const root = world.mint();
    world.network.fault({ kind: "stuck", delayMs: 0 });
    await failure(buy(world.treasury, root, `${shop.url}/a`));
    world.network.fail(world.network.payments()[0]!.paymentHash);
    await world.treasury.reconcile();
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, at) => buy(world.treasury, root, `${shop.url}/${at}`)),
    );
    expect(all.every(({ payment }) => payment !== undefined)).toBe(true);
  });
});

test("a payment that was given up and is made after all counts, stops spending, and buys what it paid for", async () => {
  const store = new MemoryStore();
  let inner: Payer | undefined;
  const [asked, answer] = [gate(), gate()];
  const world = await town({
    store,
    wallet: {
      network: () => inner!.network(),
      pay: (request) => inner!.pay(request),
      async find(hash) {
        asked.open();
        await answer.opened;
        return inner!.find(hash);
      },
    },
  });
  inner = devWallet(world.network.account("treasury").url);
  const shop = await world.openShop();
  const root = world.mint();
  world.network.fault({ kind: "stuck", delayMs: 0 });
  await failure(buy(world.treasury, root, `${shop.url}/a`));
  const { paymentHash } = (await store.openPayments())[0]!;
  // The owner gives it up while the wallet is being asked.
  const looking = world.treasury.reconcile();
  await asked.opened;
  await world.treasury.owner.giveUp(paymentHash, "it never arrived");
  expect(await world.spent(root)).toBe(0n);
  world.network.settle(paymentHash);
  answer.open();
  await looking.catch(() => {});
  expect(await world.spent(root)).toBe(world.paid().msat);
  expect(await world.treasury.owner.health()).toMatchObject({ spending: false });
  expect(world.alarms.join("\n")).toContain(paymentHash);
  // It was paid for, so it is used, and nothing is spent for that.
  const used = await buy(world.treasury, root, `${shop.url}/a`);
  expect(used).toMatchObject({ kind: "credential" });
  expect(used.payment).toBeUndefined();
  expect(world.paid().count).toBe(1);
});

test.each([
  ["nothing", undefined],
  ["a number", 7],
  ["an empty text", ""],
  ["another preimage", "00".repeat(32)],
])(
  "a wallet that says paid and proves it with %s is not believed, and not paid twice",
  async (_what, preimage) => {
    const world = await town({
      wallet: {
        network: async () => "bcrt",
        pay: async () => ({ status: "paid", preimage, feeMsat: 0n }) as never,
        find: async () => ({ status: "paid", preimage, feeMsat: 0n }) as never,
      },
    });
    const shop = await world.openShop();
    const root = world.mint();
    for (let times = 0; times < 2; times++)
      expect(await failure(buy(world.treasury, root, `${shop.url}/a`))).toMatchObject({
        name: "PaymentError",
        code: "ERR_PAYMENT_PREIMAGE",
        spent: "unknown",
      });
    expect(await world.spent(root)).toBe(13_000n);
  },
);
