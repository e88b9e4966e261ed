/** npm's `l402`, an interceptor of axios, at our paywall over TCP, paid on the dev network. */
import axios from "axios";
import { Invoice } from "l8nt/invoice";
import { devWallet } from "l8nt/wallets/dev";
import { MemoryTokenStore, PaymentResult, setupL402Interceptor, Wallet } from "l402";
import { expect, test } from "vitest";
import { type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";

/** A wallet as that library wants one. */
class DevNetworkWallet extends Wallet {
  readonly #wallet;

  constructor({ network }: Town) {
    super();
    this.#wallet = devWallet(network.account("treasury").url);
  }

  async payInvoice(invoice: string): Promise<PaymentResult> {
    const { paymentHash, amountMsat } = Invoice.decode(invoice);
    const outcome = await this.#wallet.pay({
      ...{ invoice, paymentHash, amountMsat: amountMsat!, maxFeeMsat: 3000n },
      timeoutSeconds: 10,
    });
    return outcome.status === "paid"
      ? new PaymentResult(outcome.preimage, true)
      : new PaymentResult("", false);
  }
}

test.each([
  ["", {}],
  [" that lists issuers", { paywall: { trust: ["https://treasury.example"] } }],
])(
  "pays a challenge of ours%s and is served, and a second request pays nothing while its credential lasts",
  async (_what, more) => {
    const world = await town();
    const shop = await world.openShop({ price: "21 sat", grants: { uses: 2 }, ...more });
    const client = axios.create();
    // Its declarations mean axios for CommonJS, whose types are others.
    setupL402Interceptor(client as never, new DevNetworkWallet(world), new MemoryTokenStore());
    for (const served of [1, 2]) {
      const response = await client.get(`${shop.url}/a`);
      expect([response.status, response.data]).toEqual([200, { served }]);
    }
    expect(world.paid()).toMatchObject({ count: 1 });
  },
);
