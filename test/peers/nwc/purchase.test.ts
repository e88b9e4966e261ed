/**
 * Purchases over Nostr Wallet Connect, both ends of it: a treasury pays, and a service makes its
 * invoices, through a relay.
 */
import { Invoice } from "l8nt/invoice";
import { devWallet } from "l8nt/wallets/dev";
import { nwcWallet } from "l8nt/wallets/nwc";
import { expect, onTestFinished, test } from "vitest";
import { town } from "../../../packages/l8nt/src/testing/fixtures/town.ts";
import { TestRelay } from "./support/nostr-relay.ts";
import { METHODS, TestWalletService } from "./support/nwc-wallet-service.ts";

test("a treasury pays five times through a relay for what a client asks for, and a service is paid the same way", async () => {
  const relay = await TestRelay.start();
  onTestFinished(() => relay.down());
  let net!: Awaited<ReturnType<typeof town>>["network"];
  /** Stands up before the town's network does. */
  const service = (account: string, methods: readonly string[]) => {
    const own = () => net.account(account);
    const wallet = () => devWallet(own().url);
    const running = new TestWalletService({
      relays: [relay],
      methods,
      balanceMsat: () => own().balanceMsat(),
      wallet: {
        network: () => wallet().network(),
        createInvoice: (request) => wallet().createInvoice(request),
        pay: (request) => wallet().pay(request),
        find: (paymentHash) => wallet().find(paymentHash),
        paidSince: (at) => wallet().paidSince!(at),
      },
    });
    onTestFinished(() => running.stop());
    return running;
  };
  const purse = service("treasury", METHODS);
  const till = service("shop", ["make_invoice"]);
  await Promise.all([purse.start(), till.start()]);

  const world = await town({ wallet: nwcWallet(purse.url) });
  net = world.network;
  const shop = await world.openShop({ price: "10 sat" }, { invoicer: nwcWallet(till.url) });
  const client = world.connect(world.mint());
  for (let n = 1; n <= 5; n++) {
    const response = await client.get(`${shop.url}/forecast/${n}?city=tokyo`);
    expect(await response.json()).toEqual({ served: n });
  }

  expect(world.paid()).toEqual({ count: 5, msat: 5n * (10_000n + 10n) });
  expect(world.network.account("shop").balanceMsat()).toBe(50_000n);
  expect(world.alarms).toEqual([]);
  const payments = purse.asked.filter(({ method }) => method === "pay_invoice");
  expect(
    new Set(payments.map(({ params }) => Invoice.decode(String(params.invoice)).paymentHash)).size,
  ).toBe(5);
  expect(payments).toHaveLength(5);
});
