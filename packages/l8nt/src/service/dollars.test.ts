/** Routes that are priced in US dollars: what they serve, what they sell, and what they count. */
import { describe, expect, test, vi } from "vitest";
import { serviceVocabulary } from "../caveat/index.ts";
import { Credential } from "../l402/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall, type PaywallOptions, type Refused } from "./index.ts";

const ORIGIN = "https://api.example";
const NOW = 1_900_000_000;
const EVERYWHERE = { endpoints: [`* ${ORIGIN}/**`], expiresIn: "1h" } as const;

function world(options: Partial<PaywallOptions>) {
  const store = new MemoryStore();
  const paywall = new Paywall({
    secret: "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4",
    location: ORIGIN,
    store,
    clock: () => NOW,
    ...options,
  });
  const { minter, verifier } = paywall.authority;
  const decide = (credential?: string, path = "/a") => {
    const headers = credential === undefined ? {} : { authorization: `L402 ${credential}` };
    return paywall.authorize(new Request(`${ORIGIN}${path}`, { headers }));
  };
  const ask = async (credential?: string, path = "/a") => {
    const decision = await decide(credential, path);
    if (decision.granted) await decision.settle(new Response());
    return decision.granted
      ? { status: 200, price: decision.grant.price }
      : {
          status: decision.response.status,
          ...((await decision.response.json()) as { code: string; refusals?: object[] }),
          challenge: decision.response.headers.get("www-authenticate"),
        };
  };
  const spent = async (credential: string) =>
    (
      await store.usage(
        verifier.authenticate(credential).limits.map(({ node: _, condition: __, ...one }) => one),
        NOW,
      )
    ).map(({ used }) => used);
  return {
    ask,
    decide,
    spent,
    mint: (scope: object) => minter.mint({ ...EVERYWHERE, ...scope }).toString(),
  };
}

describe("a route priced in US dollars", () => {
  test("refuses a credential without a budget in dollars with the error of a budget", async () => {
    const { decide, mint } = world({ price: "0.02 usd" });
    const decision = await decide(mint({ budget: "1000 sat" }));
    expect(decision).toMatchObject({
      granted: false,
      error: { name: "BudgetError", code: "ERR_BUDGET", spent: "no" },
    });
  });

  test("takes nothing from a budget in dollars that a holder appended", async () => {
    const { ask, mint } = world({ price: "0.02 usd" });
    const budgets = [{ budget: "1000 sat" }, { budgetPerDay: "9 sat", maxPrice: "1 usd" }] as const;
    for (const scope of budgets) {
      const child = Credential.parse(mint(scope)).delegate({ agent: "a", budget: "5 usd" });
      expect(await ask(child.toString())).toMatchObject({ code: "ERR_PRICE" });
    }
  });

  test("takes its price from a minted budget in dollars, until it is used up", async () => {
    const { ask, spent, mint } = world({ price: "0.02 usd" });
    const credential = mint({ budget: "0.05 usd" });
    expect(await ask(credential)).toEqual({
      status: 200,
      price: { unit: "usd_micro", value: 20_000n },
    });
    expect((await ask(credential)).status).toBe(200);
    expect(await ask(credential)).toMatchObject({
      status: 401,
      code: "ERR_BUDGET",
      refusals: [{ condition: "budget_usd_micro", have: "0.01 usd left of 0.05 usd" }],
    });
    expect(await spent(credential)).toEqual([40_000n]);
  });

  test("never counts against a budget in bitcoin, and is denied if there is no other", async () => {
    const { ask, spent, mint } = world({ price: "0.02 usd" });
    const both = mint({ budget: ["1 sat", "1 usd"] });
    expect((await ask(both)).status).toBe(200);
    expect(await spent(both)).toEqual([0n, 20_000n]);
    const other = mint({ budget: "1 btc" });
    expect(await ask(other)).toMatchObject({
      status: 401,
      code: "ERR_BUDGET",
      refusals: [
        { condition: "budget_usd_micro", have: "no budget in US dollars", need: "0.02 usd" },
      ],
    });
    expect(await spent(other)).toEqual([0n]);
  });

  test("serves a pass for a time, which has no budget", async () => {
    const { ask, mint } = world({ price: "0.02 usd" });
    expect((await ask(mint({}))).status).toBe(200);
  });

  test("holds a credential to its cap in dollars, and not to its cap in bitcoin", async () => {
    const { ask, mint } = world({ price: "0.02 usd" });
    expect((await ask(mint({ maxPrice: "0.02 usd" }))).status).toBe(200);
    expect((await ask(mint({ maxPrice: "0 sat" }))).status).toBe(200);
    expect(await ask(mint({ maxPrice: "0.019999 usd" }))).toMatchObject({ code: "ERR_PRICE" });
  });

  test("sells nothing, with or without an invoicer", async () => {
    for (const invoicer of [undefined, new FakeInvoicer(() => NOW)]) {
      const { ask } = world({ price: "0.02 usd", ...(invoicer && { invoicer }) });
      expect(await ask()).toMatchObject({ status: 401, code: "ERR_TOKEN_MISSING" });
      expect(invoicer?.requests ?? []).toEqual([]);
    }
    await expect(world({ price: "2 sat" }).ask()).rejects.toThrow("needs an invoicer");
  });

  test("is free at 0 usd", async () => {
    expect((await world({ price: "0 usd" }).ask()).status).toBe(200);
  });
});

describe("a route whose price function gives both units", () => {
  const price = ({ url }: { url: URL }) =>
    url.pathname === "/dear" ? ("5 usd" as const) : ("1 sat" as const);

  test("sells the request that costs bitcoin, which covers none that costs dollars [case 41]", async () => {
    const invoicer = new FakeInvoicer(() => NOW);
    const grants = { endpoints: ["GET /**"], uses: 9 };
    const { ask } = world({ price, grants, invoicer });
    const asked = await ask();
    expect(asked).toMatchObject({ status: 402, code: "ERR_TOKEN_MISSING" });
    const bought = invoicer.buy((asked as { challenge: string }).challenge);
    expect((await ask(bought)).status).toBe(200);
    expect(await ask(bought, "/dear")).toMatchObject({
      status: 401,
      code: "ERR_PRICE",
      refusals: [
        {
          condition: "sold_price",
          have: "a request of at most 1 sat, or the one that was sold",
          need: "5 usd",
        },
      ],
    });
    expect(await ask(undefined, "/dear")).toMatchObject({ status: 401 });
    expect(invoicer.requests).toHaveLength(1);
  });

  test("takes nothing in dollars from what was prepaid in bitcoin", async () => {
    const invoicer = new FakeInvoicer(() => NOW);
    const grants = { endpoints: ["GET /**"], budget: "25 sat" } as const;
    const { ask, spent } = world({ price, grants, invoicer });
    const bought = invoicer.buy(((await ask()) as { challenge: string }).challenge);
    expect((await ask(bought)).status).toBe(200);
    expect(await ask(bought, "/dear")).toMatchObject({ status: 401, code: "ERR_PRICE" });
    expect(await spent(bought)).toEqual([1000n]);
  });
});

test("what was prepaid in bitcoin buys nothing in dollars, whatever budget its holder appends", async () => {
  const invoicer = new FakeInvoicer(() => NOW);
  const paywall = new Paywall({
    secret: "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4",
    location: ORIGIN,
    clock: () => NOW,
    invoicer,
  });
  const sold = paywall.route({
    price: "1 sat",
    grants: { endpoints: ["GET /**"], budget: "25 sat" },
  });
  const inDollars = paywall.route({ price: "5 usd" });
  const ask = (route: typeof sold, credential: string | null) =>
    route.authorize({
      method: "GET",
      target: "/a",
      authorization: credential && `L402 ${credential}`,
      headers: () => new Headers(),
    });
  const offered = await ask(sold, null);
  const lines = (offered as Refused).challengeLines.join(", ");
  const bought = Credential.parse(invoicer.buy(lines));
  const widened = bought.attenuate({ budget: "1000000 usd" });
  expect(await ask(sold, widened.toString())).toMatchObject({ granted: true });
  expect(await ask(inDollars, widened.toString())).toMatchObject({
    granted: false,
    error: { code: "ERR_PRICE" },
  });
});

test("a prepaid budget in dollars cannot be sold, and is refused at the start", () => {
  const options = { price: "1 sat", invoicer: new FakeInvoicer(() => NOW) } as const;
  expect(() => world({ ...options, grants: { budget: "5 usd" } })).toThrow(
    "grants.budget must be an amount of bitcoin",
  );
  expect(() => world({ ...options, grants: { budget: "5 sat" } })).not.toThrow();
});

test("a service says that it enforces both units", () => {
  expect(serviceVocabulary().names).toEqual(
    expect.arrayContaining(["budget_msat", "budget_usd_micro", "max_price_usd_micro"]),
  );
});

test("a request that counts nothing reserves nothing: no amount, and no limit of uses", async () => {
  const store = new MemoryStore();
  const reserve = vi.spyOn(store, "reserve");
  const { ask, mint } = world({ store });
  expect((await ask(mint({ budget: "0.05 usd" }))).status).toBe(200);
  expect(reserve).not.toHaveBeenCalled();
  expect((await ask(mint({ budget: "0.05 usd", maxUses: 1 }))).status).toBe(200);
  expect(reserve).toHaveBeenCalledTimes(1);
});
