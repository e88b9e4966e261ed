/** The laws of every wallet, on two LDK nodes with a hop in between. */

import { Invoice } from "l8nt/invoice";
import { walletContract } from "l8nt/testing";
import { expect, test } from "vitest";
import { LdkInvoicer } from "./support/invoicer.ts";
import { LdkPayer } from "./support/payer.ts";
import { Road } from "./support/road.ts";

walletContract(test, {
  name: "LDK",
  setup: async () => {
    const road = await Road.open();
    const time = { ahead: 0 };
    return {
      road,
      time,
      payer: new LdkPayer(road, () => Date.now() / 1000 + time.ahead),
      invoicer: new LdkInvoicer(road.payee),
      network: "bcrt" as const,
      secrets: [
        Buffer.from(road.payer.secretKey).toString("hex"),
        Buffer.from(road.payee.secretKey).toString("hex"),
      ],
      teardown: async () => road.close(),
    };
  },
  powers: {
    routingFees: true,
    balanceMsat: async ({ road }) => {
      await road.rest();
      return road.payer.balanceMsat();
    },
    expireInvoices: async ({ time }) => {
      time.ahead += 601;
    },
    stick: async ({ road }) => {
      road.payee.hold();
      return {
        arrive: async (paymentHash) => {
          road.payee.release(paymentHash);
          await road.rest();
        },
      };
    },
  },
});

test("two wallets of one node do not pay one hash twice, and the later one never calls it failed [case 64]", async () => {
  const road = await Road.open();
  const [wallet, other] = [new LdkPayer(road), new LdkPayer(road)];
  const invoice = await new LdkInvoicer(road.payee).createInvoice({
    amountMsat: 10_000n,
    expirySeconds: 600,
  });
  const { paymentHash } = Invoice.decode(invoice);
  const request = {
    invoice,
    paymentHash,
    amountMsat: 10_000n,
    maxFeeMsat: 3_000n,
    timeoutSeconds: 1,
  };
  const before = road.payer.balanceMsat();
  const [first, same] = await Promise.all([wallet.pay(request), other.pay(request)]);
  expect(first).toMatchObject({ status: "paid", feeMsat: 1_000n });
  expect(same).toEqual(first);
  // One that comes when it is over finds LDK with it, and no wallet that can tell.
  const late = new LdkPayer(road);
  expect(await late.find(paymentHash)).toMatchObject({ status: "unknown" });
  expect(await late.pay(request)).toMatchObject({ status: "unknown" });
  await road.rest();
  expect(road.payee.claims).toHaveLength(1);
  expect(before - road.payer.balanceMsat()).toBe(11_000n);
  road.close();
});

test("what does not fit its invoice is refused before LDK is told of it", async () => {
  const road = await Road.open();
  const payer = new LdkPayer(road);
  const invoice = await new LdkInvoicer(road.payee).createInvoice({
    amountMsat: 10_000n,
    expirySeconds: 600,
  });
  const { paymentHash } = Invoice.decode(invoice);
  const request = {
    invoice,
    paymentHash,
    amountMsat: 10_000n,
    maxFeeMsat: 3_000n,
    timeoutSeconds: 1,
  };
  const wrong = [
    { amountMsat: 9_999n },
    { paymentHash: "ab".repeat(32) },
    { invoice: `${invoice}q` },
  ];
  for (const part of wrong)
    expect(await payer.pay({ ...request, ...part })).toMatchObject({ status: "failed" });
  expect(road.payer.manager.list_recent_payments()).toEqual([]);
  expect(await payer.pay(request)).toMatchObject({ status: "paid" });
  road.close();
});

test("a closed road answers at once, and not with a failure", async () => {
  const road = await Road.open();
  road.payee.hold();
  const payer = new LdkPayer(road);
  const invoice = await new LdkInvoicer(road.payee).createInvoice({
    amountMsat: 10_000n,
    expirySeconds: 600,
  });
  const { paymentHash } = Invoice.decode(invoice);
  const paying = payer.pay({
    invoice,
    paymentHash,
    amountMsat: 10_000n,
    maxFeeMsat: 3_000n,
    timeoutSeconds: 3600,
  });
  await road.rest();
  road.close();
  expect(await paying).toMatchObject({ status: "unknown" });
  expect(await payer.find(paymentHash)).toMatchObject({ status: "unknown" });
});
