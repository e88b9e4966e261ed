/** What an agent says of its answered orders, without a new order. spec/4-purchase.md §7. */
import { expect, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import { failure, type Town, town } from "../testing/fixtures/town.ts";

const buy = (world: Town, credential: Credential, url: string, id: string) =>
  world.treasury.buy({
    id,
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });

const statuses = async ({ treasury }: Town) =>
  (await treasury.owner.payments()).map(({ status }) => status);

test("an order of another node is not touched: neither a child's, nor a parent's, nor a sibling's", async () => {
  const world = await town();
  const shop = await world.openShop();
  const root = world.mint();
  const child = (agent: string) => root.delegate({ agent }, { now: world.clock() });
  const [owner, sibling] = [child("owner"), child("sibling")];
  const grandchild = owner.delegate({ agent: "below" }, { now: world.clock() });
  await buy(world, owner, `${shop.url}/a`, "order-number-1");
  for (const other of [root, sibling, grandchild])
    await world.treasury.answered(other.toString(), ["order-number-1"]);
  expect(await statuses(world)).toEqual(["paid"]);
  await world.treasury.answered(owner.toString(), ["order-number-1", "an-unknown-order"]);
  expect(await statuses(world)).toEqual(["used"]);
});

test("a use that is over is counted: the next pass of the same order claims another", async () => {
  const world = await town();
  const shop = await world.openShop({ price: "10 sat", grants: { validFor: "1h" } });
  const agent = world.mint({ maxUses: 2 });
  const ask = async () => {
    const purchase = await buy(world, agent, `${shop.url}/a`, "order-number-1");
    return purchase.kind === "response" ? purchase.response.text() : "handed over";
  };
  await ask();
  await world.treasury.answered(agent.toString(), ["order-number-1"]);
  await ask();
  await world.treasury.answered(agent.toString(), ["order-number-1"]);
  expect(await failure(ask())).toMatchObject({ code: "ERR_ANSWER_LOST" });
});

test.each([
  ["a forged credential", 401, (world: Town) => `${world.mint()}`.replace(/.{9}:/, "AAAAAAAAA:")],
  ["an id that is none", 400, undefined],
])("%s is refused", async (_what, status, credentialOf) => {
  const world = await town();
  const credential = credentialOf?.(world) ?? world.mint().toString();
  const orders = credentialOf === undefined ? ["short"] : ["order-number-1"];
  const response = await fetch(`${world.treasury.location}/v1/answered`, {
    method: "POST",
    headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
    body: JSON.stringify({ orders }),
  });
  expect(response.status).toBe(status);
});
