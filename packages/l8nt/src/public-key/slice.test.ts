/** Which slices of a credential are made, and which are refused. spec/9-public-key.md §7. */
import { expect, test } from "vitest";
import { LOCATION, NOW, SECRET } from "../../../../test/fuzz/golden.ts";
import type { Scope } from "../caveat/index.ts";
import { BudgetError, DeniedError, TokenError } from "../errors.ts";
import { type Credential, Minter as MacaroonMinter } from "../l402/index.ts";
import { Minter, type SliceOptions, seal, slice } from "./index.ts";

const clock = () => NOW;
const A = "https://a.example";
const B = "https://b.example";
const base = { endpoints: ["* https://*/**"], expiresIn: "1h" } as const;

const publicKey = new Minter({ privateKey: "11".repeat(32), issuer: LOCATION, clock });
const treasury = new MacaroonMinter({
  secret: SECRET,
  location: LOCATION,
  kind: "spending",
  clock,
});

type Row = readonly [string, Credential, readonly Scope[], SliceOptions];

const free = publicKey.mint(base);
const atA = publicKey.mint({ ...base, ledger: A, budget: "500 sat", maxUses: 9 });
const macaroon = treasury.mint({ ...base, budget: ["500 sat", "5 usd"] });
const daily = treasury.mint({ ...base, budgetPerDay: "500 sat" });

test.each<Row>([
  [
    "two services, where the issuer wrote no limit",
    free,
    [
      { ledger: A, budget: "300 sat" },
      { ledger: B, budget: "200 sat", maxUses: 3 },
    ],
    {},
  ],
  [
    "the same, with all of what the holder means to spend",
    free,
    [
      { ledger: A, budget: "300 sat" },
      { ledger: B, budget: "200 sat" },
    ],
    { total: { budget: "500 sat" } },
  ],
  [
    "two agents at the ledger that is held, all of it",
    atA,
    [
      { agent: "one", budget: "300 sat", maxUses: 4 },
      { agent: "two", budget: "200 sat", maxUses: 5, ledger: A },
    ],
    {},
  ],
  ["one slice of everything", atA, [{ budget: "500 sat", maxUses: 9 }], {}],
  ["a part of nothing", atA, [{ budget: "0 sat", maxUses: 9 }], {}],
  [
    "a macaroon with budgets in two units",
    macaroon,
    [
      { agent: "one", budget: ["300 sat", "1 usd"] },
      { agent: "two", budget: ["200 sat", "4 usd"] },
    ],
    {},
  ],
  [
    "budgets of a longer time for one of a day",
    daily,
    [
      { agent: "one", budget: "300 sat" },
      { agent: "two", budgetPerMonth: "100 sat" },
      { agent: "three", budgetPerDay: "100 sat", budget: "9000 sat" },
    ],
    {},
  ],
  [
    "uses within windows",
    treasury.mint({ ...base, budget: "9 sat", maxUsesPerHour: 10 }),
    [
      { agent: "one", budget: "4 sat", maxUsesPerHour: 5 },
      { agent: "two", budget: "5 sat", maxUsesPerDay: 5 },
    ],
    {},
  ],
])("made: %s", (_name, credential, scopes, options) => {
  const slices = slice(credential, scopes, { ...options, now: NOW });
  expect(slices).toHaveLength(scopes.length);
  expect(new Set(slices.map(String)).size).toBe(scopes.length);
  for (const one of slices) expect(one.caveatsBelow(credential)).toBeDefined();
});

const NO_LEDGER = "`ledger`";

test.each<readonly [...Row, string, string]>([
  [
    "a sum above the budget",
    atA,
    [
      { agent: "one", budget: "300 sat", maxUses: 4 },
      { agent: "two", budget: "200.001 sat", maxUses: 5 },
    ],
    {},
    "ERR_SCOPE_WIDER",
    "budget_msat: you have 500 sat in all; you need 500.001 sat: 300 sat in slice 1, 200.001 sat in slice 2",
  ],
  [
    "a sum above the uses",
    atA,
    [
      { agent: "one", budget: "1 sat", maxUses: 5 },
      { agent: "two", budget: "1 sat", maxUses: 5 },
    ],
    {},
    "ERR_SCOPE_WIDER",
    "max_uses: you have 9 in all; you need 10: 5 in slice 1, 5 in slice 2",
  ],
  [
    "a sum above the smallest limit of the chain",
    atA.attenuate({ budget: "100 sat" }),
    [
      { agent: "one", budget: "60 sat", maxUses: 4 },
      { agent: "two", budget: "60 sat", maxUses: 4 },
    ],
    {},
    "ERR_SCOPE_WIDER",
    "you have 100 sat in all; you need 120 sat",
  ],
  [
    "a sum above one of two units",
    macaroon,
    [
      { agent: "one", budget: ["300 sat", "3 usd"] },
      { agent: "two", budget: ["200 sat", "3 usd"] },
    ],
    {},
    "ERR_SCOPE_WIDER",
    "budget_usd_micro: you have 5 usd in all; you need 6 usd",
  ],
  [
    "a sum above the total",
    free,
    [
      { ledger: A, budget: "300 sat" },
      { ledger: B, budget: "201 sat" },
    ],
    { total: { budget: "500 sat" } },
    "ERR_SCOPE_WIDER",
    "you need 501 sat",
  ],
  [
    "a slice without a part of the budget",
    atA,
    [
      { agent: "one", budget: "300 sat", maxUses: 4 },
      { agent: "two", maxUses: 4 },
    ],
    {},
    "ERR_SCOPE_WIDER",
    "a part of it in slice 2",
  ],
  [
    "a budget of an hour for one of a day: what a day comes to is not said",
    daily,
    [{ agent: "one", budgetPerHour: "1 sat" }],
    {},
    "ERR_SCOPE_WIDER",
    "budget_msat_per_day: you have 500 sat a day; you need a part of it in slice 1",
  ],
  [
    "a unit that nothing is held in",
    daily,
    [{ agent: "one", budgetPerDay: ["1 sat", "1 usd"] }],
    {},
    "ERR_SCOPE_WIDER",
    "you have no budget in US dollars; you need 1 usd in slice 1",
  ],
  [
    "a limit of the issuer without a ledger",
    publicKey.mint({ ...base, budget: "500 sat" }),
    [{ ledger: A, budget: "1 sat" }],
    {},
    "ERR_BUDGET",
    NO_LEDGER,
  ],
  [
    "uses of the issuer without a ledger",
    publicKey.mint({ ...base, maxUses: 5 }),
    [{ ledger: A, maxUses: 1 }],
    {},
    "ERR_USES",
    NO_LEDGER,
  ],
  ["a part without a ledger", free, [{ budget: "1 sat" }], {}, "ERR_BUDGET", "in slice 1"],
  [
    "another ledger than the one held",
    atA,
    [
      { agent: "one", budget: "1 sat", maxUses: 1 },
      { ledger: B, budget: "1 sat", maxUses: 1 },
    ],
    {},
    "ERR_LEDGER",
    `${B} in slice 2`,
  ],
])("refused: %s", (_name, credential, scopes, options, code, words) => {
  const refused = () => slice(credential, scopes, { ...options, now: NOW });
  expect(refused).toThrow(DeniedError);
  expect(refused).toThrow(expect.objectContaining({ code }));
  expect(refused).toThrow(words);
  if (code === "ERR_BUDGET") expect(refused).toThrow(BudgetError);
});

test.each([
  ["two equal slices", [{ budget: "1 sat" }, { budget: "1 sat" }]],
  // The place of a limit is named by the caveats up to it.
  [
    "slices that differ after their first limit",
    [{ budget: "1 sat" }, { budget: "1 sat", maxUses: 2 }],
  ],
] as readonly (readonly [string, readonly Scope[]])[])(
  "%s would share one counter, unless each has an agent",
  (_name, scopes) => {
    const held = treasury.mint({ ...base, budget: "500 sat" });
    expect(() => slice(held, scopes)).toThrow("slice 1 and slice 2 would share one counter");
    const apart = scopes.map((scope) => ({ ...scope, agent: "worker" }));
    expect(slice(held, apart)).toHaveLength(2);
    const elsewhere = scopes.map((scope, at) => ({ ...scope, maxDepth: at, ledger: LOCATION }));
    expect(() => slice(held, elsewhere)).toThrow("would share one counter");
  },
);

test("a slice spends in the units of its part alone, whatever is appended below it", () => {
  const [one] = slice(free, [{ ledger: A, budget: "1 sat" }]);
  expect(one!.caveats.map(({ condition, value }) => `${condition}=${value}`)).toContain(
    "max_price_usd_micro=0",
  );
  const [held] = slice(daily, [{ agent: "one", budget: "1 sat" }]);
  const caps = held!.caveats.filter(({ condition }) => condition === "max_price_usd_micro");
  expect(caps).toHaveLength(1);
});

test("what cannot be read is named with its slice", () => {
  expect(() => slice(free, [{ ledger: A }, { budget: "5" as never }])).toThrow(
    "slice 2: scope.budget must be an amount",
  );
  expect(() => slice(free, [])).toThrow(TypeError);
  expect(() => slice(free, [{ ledger: A }], { total: { endpoints: [] } as never })).toThrow(
    'no option "endpoints"',
  );
  expect(() => slice(seal(free), [{ ledger: A }])).toThrow(TokenError);
});
