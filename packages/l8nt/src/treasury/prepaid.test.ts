import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Grants, Paywall } from "../service/index.ts";
import { DevNetwork } from "../testing/index.ts";
import { devWallet } from "../wallets/dev.ts";
import { Treasury } from "./index.ts";

const API = "https://api.example";
let network: DevNetwork;
beforeEach(async () => {
  network = await DevNetwork.start();
});
afterEach(() => network.stop());

/**
 * A service that sells on these terms, and a treasury that reaches it without a network in between.
 */
async function market(grants: Grants) {
  const seller = await network.account("seller", { balanceMsat: 0n });
  const buyer = await network.account("buyer", { balanceMsat: 10_000_000n });
  const invoicer = devWallet(seller.invoiceOnlyUrl);
  const paywall = new Paywall({
    secret: randomBytes(32),
    location: API,
    invoicer,
    price: "10 sat",
    grants,
  });
  const serve: typeof fetch = async (input, init) => {
    const decision = await paywall.authorize(new Request(input, init));
    return decision.granted ? decision.settle(new Response("served")) : decision.response;
  };
  const treasury = new Treasury({
    secret: randomBytes(32),
    location: "https://treasury.example",
    wallet: devWallet(buyer.url),
    fetch: serve,
  });
  const parent = treasury.mint({
    endpoints: [`GET ${API}/**`],
    budget: "1000 sat",
    expiresIn: "1h",
  });
  const ask = (credential: { toString(): string }) =>
    treasury.buy({
      id: crypto.randomUUID(),
      credential: credential.toString(),
      method: "GET",
      url: `${API}/reports`,
      headers: [],
    });
  return { parent, ask };
}

const paid = () => network.payments().map(({ amountMsat }) => amountMsat);

test.each<[string, Grants]>([
  ["a prepaid budget", { budget: "200 sat" }],
  ["a number of uses", { uses: 20 }],
])("%s that the parent bought is not spent past a child's own budget", async (_what, grants) => {
  const { parent, ask } = await market(grants);
  await ask(parent);
  expect(paid()).toHaveLength(1);
  const child = parent.delegate({ agent: "child", budget: "5 sat" });
  await expect(ask(child)).rejects.toMatchObject({ code: "ERR_BUDGET" });
  // The same without a node of its own: a budget is a budget.
  await expect(ask(parent.attenuate({ budget: "5 sat" }))).rejects.toMatchObject({
    code: "ERR_BUDGET",
  });
  // A child that has no limit of its own is under the parent's, which paid.
  expect((await ask(parent.delegate({ agent: "heir" }))).payment).toBeUndefined();
  // Nor does a limit in dollars count what was paid in bitcoin.
  const inDollars = parent.delegate({ agent: "abroad", budget: "5 usd" });
  expect((await ask(inDollars)).payment).toBeUndefined();
  expect(paid()).toHaveLength(1);
});

test("a pass for a time that the parent bought serves every child, and costs none", async () => {
  const { parent, ask } = await market({ validFor: "1h" });
  await ask(parent);
  const child = parent.delegate({ agent: "child", budget: "5 sat" });
  expect(await ask(child)).toMatchObject({ kind: "credential" });
  expect(paid()).toEqual([10_000n]);
});

test("what a child bought never serves its parent's other children", async () => {
  const { parent, ask } = await market({ validFor: "1h" });
  await ask(parent.delegate({ agent: "one" }));
  expect((await ask(parent.delegate({ agent: "two" }))).payment).toBeDefined();
  expect(paid()).toHaveLength(2);
});
