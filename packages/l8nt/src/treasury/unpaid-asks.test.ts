/**
 * One agent cannot use up what a service allows all agents of a treasury together: requests for a
 * price that it does not pay are bounded. spec/4-purchase.md §3.
 */
import { describe, expect, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import { devClock } from "../testing/dev-clock.ts";
import { type Town, town } from "../testing/fixtures/town.ts";
import type { Order } from "./order.ts";
import { UnpaidAsks } from "./unpaid-asks.ts";

/** The kind of the purchase, or the code of the error. */
const outcome = (world: Town, credential: Credential, url: string): Promise<string> =>
  world.treasury
    .buy({
      id: crypto.randomUUID(),
      credential: credential.toString(),
      method: "GET",
      url,
      headers: [],
    })
    .then(
      ({ kind, ...purchase }) => ("response" in purchase ? String(purchase.response.status) : kind),
      (error: { code?: string }) => error.code ?? String(error),
    );

/** A shop with the limits that a paywall has by default. */
async function start() {
  const world = await town();
  const shop = await world.openShop({ price: "10 sat" }, { challengesPerMinute: {} });
  const root = world.mint({ budget: "5000 sat" });
  const child = (of: Credential, agent: string, budget: `${number} sat`) =>
    of.delegate({ agent, budget }, { now: world.clock() });
  return { world, shop, root, child };
}

test.each([
  ["one after the other", false],
  ["at once", true],
])(
  "an agent that cannot pay asks 200 times, %s, also as nodes below it, and its siblings still buy",
  async (_how, atOnce) => {
    const { world, shop, root, child } = await start();
    const bad = child(root, "bad", "1 sat");
    const good = child(root, "good", "500 sat");
    const ask = (at: number) =>
      outcome(world, at % 2 === 0 ? bad : child(bad, `of-bad-${at}`, "1 sat"), `${shop.url}/${at}`);
    const got: string[] = [];
    if (atOnce) got.push(...(await Promise.all(Array.from({ length: 200 }, (_, at) => ask(at)))));
    else for (let at = 0; at < 200; at++) got.push(await ask(at));
    expect(new Set(got)).toEqual(new Set(["ERR_BUDGET", "ERR_RATE_LIMITED"]));
    expect(shop.received.length).toBeLessThanOrEqual(16);
    for (const path of ["a", "b", "c"])
      expect(await outcome(world, good, `${shop.url}/${path}`)).toBe("credential");
    // Its share comes back.
    world.clock.advance("60s");
    expect(await outcome(world, bad, `${shop.url}/again`)).toBe("ERR_BUDGET");
  },
);

test("an agent that pays is not bounded: more purchases in a minute than its share, at once", async () => {
  const { world, shop, root, child } = await start();
  const good = child(root, "good", "2000 sat");
  const got = await Promise.all(
    Array.from({ length: 50 }, (_, at) => outcome(world, good, `${shop.url}/${at}`)),
  );
  expect(new Set(got)).toEqual(new Set(["credential"]));
  expect(world.paid().count).toBe(50);
});

test("the error says when to ask again, and that nothing was spent", async () => {
  const { world, shop, root, child } = await start();
  const bad = child(root, "bad", "1 sat");
  for (let at = 0; at < 16; at++) await outcome(world, bad, `${shop.url}/a`);
  const response = await fetch(`${world.treasury.location}/v1/purchases`, {
    method: "POST",
    headers: { authorization: `L402 ${bad}`, "content-type": "application/json" },
    body: JSON.stringify({
      id: crypto.randomUUID(),
      method: "GET",
      url: `${shop.url}/a`,
      headers: [],
    }),
  });
  expect(response.status).toBe(429);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await response.json()).toMatchObject({ code: "ERR_RATE_LIMITED" });
  expect(world.paid().count).toBe(0);
});

test("what a clock that was ahead counted as unpaid is given back in time once the owner accepts the clock [case 109]", async () => {
  const { world, shop, child } = await start();
  const root = world.mint({ budget: "5000 sat", expiresIn: "90d" });
  const [bad, worse] = [child(root, "bad", "1 sat"), child(root, "worse", "1 sat")];
  const good = child(root, "good", "500 sat");
  const began = world.clock();
  world.clock.set(began + 7 * 86_400);
  expect(await outcome(world, bad, `${shop.url}/ahead`)).toBe("ERR_BUDGET");
  world.clock.set(began + 60);
  await world.treasury.owner.acceptClock("this machine's clock is right");
  const got = new Set<string>();
  // Each asks four times a minute, of 16 that it may.
  for (let at = 0; at < 20; at++) {
    world.clock.set(world.clock() + 15);
    for (const agent of [bad, worse]) got.add(await outcome(world, agent, `${shop.url}/${at}`));
  }
  expect(got).toEqual(new Set(["ERR_BUDGET"]));
  expect(await outcome(world, good, `${shop.url}/good`)).toBe("credential");
});

test("an agent does not make its share forgotten by asking elsewhere, as 51 nodes below it", async () => {
  const { world, shop, root, child } = await start();
  const bad = child(root, "bad", "1 sat");
  for (let at = 0; at < 16; at++) await outcome(world, bad, `${shop.url}/${at}`);
  expect(await outcome(world, bad, `${shop.url}/a`)).toBe("ERR_RATE_LIMITED");
  let deep = bad;
  for (let at = 0; at < 50; at++) deep = deep.delegate({ agent: `d${at}` }, { now: world.clock() });
  // Nothing listens there.
  for (let port = 1; port <= 200; port++)
    expect(await outcome(world, deep, `http://127.0.0.1:${port}/`)).not.toBe("credential");
  expect(await outcome(world, bad, `${shop.url}/b`)).toBe("ERR_RATE_LIMITED");
  expect(shop.received).toHaveLength(16);
});

describe("prices at more origins than are remembered", () => {
  const order = (nodes: readonly string[], host: string | number) =>
    ({
      verified: { nodes: nodes.map((id) => ({ id })) },
      target: { origin: { scheme: "https", host: `h${host}.example`, port: 443 } },
    }) as unknown as Order;

  /** Asks for a price and does not pay. */
  async function ask(asks: UnpaidAsks, nodes: readonly string[], host: string | number) {
    try {
      const asked = await asks.begin(order(nodes, host));
      asked.priced();
      asked.end();
      return "asked";
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  test("are refused to the agent that asks for them, whose shares hold; siblings and other roots still ask", async () => {
    const clock = devClock(2_000_000_000);
    const asks = new UnpaidAsks(clock);
    const evil = ["root", "evil", "below", "far", "further"];
    for (let at = 0; at < 16; at++) await ask(asks, ["root", "evil"], "shop");
    const got: string[] = [];
    for (let at = 0; at < 12_000; at++) got.push(await ask(asks, evil, at));
    expect(new Set(got)).toEqual(new Set(["asked", "ERR_RATE_LIMITED"]));
    expect(asks.size).toBeLessThan(10_000);
    expect(await ask(asks, ["root", "evil"], "shop")).toBe("ERR_RATE_LIMITED");
    for (const nodes of [["root", "good"], ["another"], ["another", "good", "below"]])
      for (let at = 0; at < 20; at++) expect(await ask(asks, nodes, `of ${at}`)).toBe("asked");
  });

  test("are asked for again a minute later, and what is whole again is forgotten", async () => {
    const clock = devClock(2_000_000_000);
    const asks = new UnpaidAsks(clock);
    for (let at = 0; at < 12_000; at++) await ask(asks, ["root", "evil"], at);
    const most = asks.size;
    clock.advance("60s");
    for (let at = 0; at < 1000; at++) expect(await ask(asks, ["root", "evil"], at)).toBe("asked");
    expect(asks.size).toBeLessThan(most);
  });

  test("that were not named leave nothing", async () => {
    const asks = new UnpaidAsks(devClock(2_000_000_000));
    for (let at = 0; at < 100; at++) (await asks.begin(order(["root", "evil"], at))).end();
    expect(asks.size).toBeLessThan(8);
  });
});
