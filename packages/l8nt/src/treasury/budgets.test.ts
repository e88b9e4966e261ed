/** Budgets over a whole family, by real payments: what moved is read from the network's books. */
import { describe, expect, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import { failure, type Town, town } from "../testing/fixtures/town.ts";

const buy = (world: Town, credential: Credential, url: string) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });

/**
 * What one purchase of 10 sat must leave room for: 3 sat of routing fee at worst; 10 msat in fact.
 */
const WORST = 13_000n;
const REAL = 10_010n;

describe("amount and fee cap must fit what every node on the chain has left [case 45]", () => {
  test.each(["the root", "the middle", "the agent itself"])(
    "one msat short at %s is too little, exactly is enough",
    async (where) => {
      const world = await town();
      const shop = await world.openShop();
      const at = { now: world.clock() };
      const tight = (place: string, budget: bigint) => (place === where ? budget : 1_000_000n);
      const chain = (budget: bigint) =>
        world
          .mint({ budget: `${tight("the root", budget)} msat` })
          .delegate({ agent: "middle", budget: `${tight("the middle", budget)} msat` }, at)
          .delegate({ agent: "leaf", budget: `${tight("the agent itself", budget)} msat` }, at);
      const short = await failure(buy(world, chain(WORST - 1n), `${shop.url}/a`));
      expect(short).toMatchObject({ name: "BudgetError", code: "ERR_BUDGET", spent: "no" });
      expect(short.refusals).toHaveLength(1);
      expect(world.network.payments()).toEqual([]);
      await buy(world, chain(WORST), `${shop.url}/a`);
      expect(world.paid()).toEqual({ count: 1, msat: REAL });
    },
  );

  test("what is left after a purchase counts the real fee, to the msat", async () => {
    const world = await town();
    const shop = await world.openShop();
    const enough = world.mint({ budget: `${REAL + WORST} msat` });
    const short = world.mint({ budget: `${REAL + WORST - 1n} msat` });
    for (const credential of [enough, short]) await buy(world, credential, `${shop.url}/a`);
    await buy(world, enough, `${shop.url}/b`);
    expect(await failure(buy(world, short, `${shop.url}/b`))).toMatchObject({ code: "ERR_BUDGET" });
    expect(world.paid().count).toBe(3);
  });
});

describe("concurrent spends [case 43]", () => {
  test("200 of them against a budget for one: exactly one is made", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint({ budget: `${WORST} msat` });
    const all = await Promise.allSettled(
      Array.from({ length: 200 }, (_, at) => buy(world, root, `${shop.url}/${at}`)),
    );
    const failed = all.filter((one) => one.status === "rejected");
    expect(failed).toHaveLength(199);
    // A share of them asks for the price, and the others are refused before.
    const codes = new Set(failed.map(({ reason }) => reason.code));
    expect(codes).toEqual(new Set(["ERR_BUDGET", "ERR_RATE_LIMITED"]));
    expect(world.paid()).toEqual({ count: 1, msat: REAL });
    expect(await world.spent(root)).toBe(REAL);
  });

  test("hold over HTTP, from separate clients", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint({ budget: `${WORST} msat` });
    const all = await Promise.allSettled(
      Array.from({ length: 50 }, (_, at) =>
        world.connect(root.toString()).get(`${shop.url}/${at}`),
      ),
    );
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(world.paid().count).toBe(1);
    expect(shop.served).toHaveLength(1);
  });
});

describe("siblings share the parent [cases 23, 44]", () => {
  test("five children of 100 sat each, under a parent of 100 sat, spend no more than 100 sat together", async () => {
    const world = await town();
    const shop = await world.openShop();
    const parent = world
      .mint()
      .delegate({ agent: "parent", budget: "100 sat" }, { now: world.clock() });
    const children = Array.from({ length: 5 }, (_, at) =>
      parent.delegate({ agent: `child-${at}`, budget: "100 sat" }, { now: world.clock() }),
    );
    await Promise.allSettled(
      children.flatMap((child) =>
        Array.from({ length: 8 }, (_, at) => buy(world, child, `${shop.url}/${at}`)),
      ),
    );
    const { count, msat } = world.paid();
    expect(msat).toBeLessThanOrEqual(100_000n);
    expect(count).toBeGreaterThanOrEqual(7);
    expect(await world.spent(parent)).toBe(msat);
    const each = await Promise.all(children.map((child) => world.spent(child)));
    expect(each.reduce((total, one) => total + one, 0n)).toBe(msat);
  });

  test("a hundred forks of one credential spend no more than the credential could", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint({ budget: "30 sat" });
    await Promise.allSettled(
      Array.from({ length: 100 }, (_, at) =>
        buy(world, root.delegate({ agent: `fork-${at}` }, { now: world.clock() }), `${shop.url}/a`),
      ),
    );
    expect(world.paid()).toEqual({ count: 2, msat: 2n * REAL });
  });

  test("no appended text adds a msat: a laxer repeat, a plea, another agent's name [cases 17, 18]", async () => {
    const world = await town();
    const shop = await world.openShop();
    const poor = world.mint({ budget: "5 sat" });
    for (const plea of [
      "budget_msat=999999999",
      "agent=treasury.0011223344556677",
      "purpose=budget_msat=9",
      "max_price_msat=9999999",
    ])
      expect(await failure(buy(world, poor.append([plea]), `${shop.url}/a`))).toMatchObject({
        code: "ERR_BUDGET",
      });
    expect(world.network.payments()).toEqual([]);
  });
});

test("a window slides: what was spent an hour ago is free again, and not a second earlier [case 49]", async () => {
  const world = await town();
  const shop = await world.openShop();
  const root = world.mint({ budgetPerHour: "23 sat", expiresIn: "1d" });
  await buy(world, root, `${shop.url}/a`);
  await buy(world, root, `${shop.url}/b`).catch(() => {});
  expect(world.paid().count).toBe(1);
  world.clock.advance("3599s");
  expect(await failure(buy(world, root, `${shop.url}/b`))).toMatchObject({ code: "ERR_BUDGET" });
  world.clock.advance("62s");
  await buy(world, root, `${shop.url}/b`);
  expect(world.paid().count).toBe(2);
});

test("reading a budget reserves nothing: the purchase decides [case 53]", async () => {
  const world = await town();
  const shop = await world.openShop();
  const root = world.mint({ budget: `${WORST} msat` });
  const text = root.toString();
  const [, one, two] = await Promise.allSettled([
    world.treasury.standing(text),
    buy(world, root, `${shop.url}/a`),
    buy(world, root, `${shop.url}/b`),
  ]);
  expect([one!.status, two!.status].sort()).toEqual(["fulfilled", "rejected"]);
  expect(world.paid().count).toBe(1);
});

describe("a payment in bitcoin and a budget in US dollars", () => {
  test("a budget in bitcoin that a holder appended pays nothing", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat" });
    const dollars = world.mint({ budget: "100 usd" }).delegate({ agent: "a", budget: "1000 sat" });
    const error = await failure(buy(world, dollars, `${shop.url}/a`));
    expect(error).toMatchObject({ code: "ERR_PRICE", refusals: [{ condition: "max_price_msat" }] });
    expect(world.paid().count).toBe(0);
  });

  test("a credential without a budget in bitcoin pays nothing, and is told which it misses", async () => {
    const world = await town();
    const shop = await world.openShop();
    const dollars = world.mint({ budget: "100 usd" });
    const error = await failure(buy(world, dollars, `${shop.url}/a`));
    expect(error).toMatchObject({ name: "BudgetError", code: "ERR_BUDGET", spent: "no" });
    expect(error.refusals).toMatchObject([
      { condition: "budget_msat", have: "no budget in bitcoin", need: "10 sat" },
    ]);
    expect(world.network.payments()).toEqual([]);
  });

  test("a payment counts against the budget in bitcoin alone", async () => {
    const world = await town();
    const shop = await world.openShop();
    const both = world.mint({ budget: ["100 sat", "0.000001 usd"] });
    await buy(world, both, `${shop.url}/a`);
    const [standing] = await world.treasury.standing(both.toString());
    expect(standing!.limits.map(({ condition, used }) => [condition, used])).toEqual([
      ["budget_msat", REAL],
      ["budget_usd_micro", 0n],
    ]);
  });
});
