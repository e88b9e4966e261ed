/**
 * Scopes: the caveats that they compile to, the mistakes that are refused, and that no text in a
 * scope adds a caveat.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkCaveats, compileScope } from "./compile.ts";
import type { Scope } from "./scope.ts";
import { treasuryVocabulary } from "./vocabulary.ts";

const options = { now: 1_767_225_600.75, nonce: "0011223344556677" };
const compile = (scope: unknown) => compileScope(scope as Scope, options);
const vocabulary = treasuryVocabulary();
const NODE = `02${"ab".repeat(32)}`;

test("a whole scope compiles in the fixed order", () => {
  expect(
    compile({
      purpose: "two nights in Tokyo",
      maxDepth: 1,
      payees: [NODE],
      maxUsesPerDay: 4,
      maxUsesPerHour: 3,
      maxUsesPerMinute: 2,
      maxUses: 1,
      maxPrice: "21 sat",
      budgetPerMonth: "5 msat",
      budgetPerDay: "0.00000001 btc",
      budgetPerHour: "1.5 sats",
      budget: "500 sat",
      expiresIn: "15m",
      validFrom: new Date("2026-01-01T00:00:00Z"),
      capabilities: { loop: ["out", "in"], pool: [] },
      models: ["gpt-5*", "o4-mini"],
      services: ["loop", "pool:1"],
      endpoints: [" GET https://API.example:443/search/* ", "* http://127.0.0.1:8402/**"],
      agent: "flight-booker",
    }),
  ).toEqual([
    "agent=flight-booker.0011223344556677",
    "purpose=two nights in Tokyo",
    "endpoints=GET https://api.example/search/*;* http://127.0.0.1:8402/**",
    "services=loop:0,pool:1",
    "loop_capabilities=out,in",
    "pool_capabilities=",
    "model=gpt-5*,o4-mini",
    "valid_from=1767225600",
    "valid_until=1767226500",
    "budget_msat=500000",
    "budget_msat_per_hour=1500",
    "budget_msat_per_day=1000",
    "budget_msat_per_month=5",
    "max_price_msat=21000",
    "max_uses=1",
    "max_uses_per_minute=2",
    "max_uses_per_hour=3",
    "max_uses_per_day=4",
    `payees=${NODE}`,
    "max_depth=1",
  ]);
});

test("a scope may have amounts of both units", () => {
  expect(
    compile({
      maxPrice: ["0.02 usd", "10 sat"],
      budgetPerDay: "1 usd",
      budget: ["500 sat", "5 usd"],
    }),
  ).toEqual([
    "budget_msat=500000",
    "budget_usd_micro=5000000",
    "budget_usd_micro_per_day=1000000",
    "max_price_msat=10000",
    "max_price_usd_micro=20000",
  ]);
});

test.each([
  [{ expiresIn: "1s" }, "valid_until=1767225601"],
  [{ expiresIn: "1h" }, "valid_until=1767229200"],
  [{ expiresIn: "7d" }, "valid_until=1767830400"],
  [{ expiresAt: new Date("2026-01-02T03:04:05.999Z") }, "valid_until=1767323045"],
  [{ expiresAt: new Date(0) }, "valid_until=0"],
  [{ endpoints: [] }, "endpoints="],
  [{ services: [] }, "services="],
  [{ payees: [] }, "payees="],
  [{ maxUses: 0 }, "max_uses=0"],
  [{ maxUses: -0 }, "max_uses=0"],
  [{ budget: "0 sat" }, "budget_msat=0"],
  [{ budget: "5 usd" }, "budget_usd_micro=5000000"],
  [{ budget: ["0.25 usd"] }, "budget_usd_micro=250000"],
  [{ budgetPerHour: "1 usd" }, "budget_usd_micro_per_hour=1000000"],
  [{ maxPrice: "0.000001 usd" }, "max_price_usd_micro=1"],
])("%o is %s", (scope, caveat) => {
  expect(compile(scope)).toEqual([caveat]);
});

test("an empty scope, or one of undefined values, compiles to no caveats", () => {
  expect(compile({})).toEqual([]);
  expect(compile({ budget: undefined, endpoints: undefined })).toEqual([]);
});

describe("a mistake is a TypeError that helps", () => {
  test.each<[string, unknown, RegExp]>([
    ["a misspelt key [case 97]", { budgt: "500 sat" }, /no "budgt".*budget/],
    ["a caveat's own name", { max_uses: 5 }, /no "max_uses".*maxUses/],
    ["a key of the prototype", JSON.parse('{"__proto__":{"budget":"1 sat"}}'), /no "__proto__"/],
    ["constructor", { constructor: "x" }, /no "constructor"/],
    ["an amount without a unit", { budget: "500" }, /scope\.budget.*unit.*500 sat/],
    ["a number for an amount", { budget: 500 }, /scope\.budget.*unit/],
    ["null for an amount", { budget: null }, /scope\.budget.*unit/],
    ["a negative amount", { budget: "-5 sat" }, /scope\.budget/],
    ["a negative bigint", { maxPrice: -1n }, /scope\.maxPrice/],
    ["a bigint for an amount", { budget: 5n }, /scope\.budget.*unit/],
    ["more than there is", { budget: "21000001 btc" }, /scope\.budget/],
    ["part of a msat", { budget: "0.0001 sat" }, /scope\.budget/],
    ["an exponent", { budget: "1e3 sat" }, /scope\.budget/],
    ["another currency", { budget: "5 eur" }, /scope\.budget/],
    ["two amounts in one unit", { budget: ["5 sat", "1 btc"] }, /scope\.budget has two.*bitcoin/],
    ["two amounts in dollars", { maxPrice: ["5 usd", "6 usd"] }, /scope\.maxPrice.*US dollars/],
    ["no amount in a list", { budget: [] }, /scope\.budget is an empty list/],
    ["a list in a list", { budget: [["5 sat"]] }, /scope\.budget.*unit/],
    ["two amounts", { budget: "5 sat 5 sat" }, /scope\.budget/],
    ["an amount with more behind it", { budget: "5 sat\nmax_uses=1" }, /scope\.budget/],
    ["a duration without a unit", { expiresIn: "15" }, /scope\.expiresIn.*"15m"/],
    ["a number for a duration", { expiresIn: 15 }, /scope\.expiresIn.*"15m"/],
    ["a duration of none", { expiresIn: "0m" }, /scope\.expiresIn/],
    ["a negative duration", { expiresIn: "-5m" }, /scope\.expiresIn/],
    ["a fraction of a duration", { expiresIn: "1.5h" }, /scope\.expiresIn/],
    ["two durations", { expiresIn: "1h30m" }, /scope\.expiresIn/],
    ["a unit that we lack", { expiresIn: "2w" }, /scope\.expiresIn/],
    ["null for a duration", { expiresIn: null }, /scope\.expiresIn/],
    ["a list for a duration", { expiresIn: ["15m"] }, /scope\.expiresIn/],
    [
      "two ends",
      { expiresIn: "1h", expiresAt: new Date(options.now) },
      /expiresIn or expiresAt, not both/,
    ],
    ["a text for a date", { expiresAt: "2026-01-01" }, /scope\.expiresAt.*Date/],
    ["a number for a date", { expiresAt: 1_767_225_600 }, /scope\.expiresAt.*Date/],
    ["an invalid date", { expiresAt: new Date("never") }, /scope\.expiresAt/],
    ["a date before 1970", { validFrom: new Date(-1) }, /scope\.validFrom/],
    ["a fraction of a use", { maxUses: 1.5 }, /scope\.maxUses.*whole/],
    ["a negative number of uses", { maxUses: -1 }, /scope\.maxUses/],
    ["no number", { maxUses: Number.NaN }, /scope\.maxUses/],
    ["endless uses", { maxUsesPerDay: Number.POSITIVE_INFINITY }, /scope\.maxUsesPerDay/],
    ["a text for a number", { maxUses: "5" }, /scope\.maxUses/],
    ["a bigint for a number", { maxDepth: 5n }, /scope\.maxDepth/],
    ["a name with a blank", { agent: "flight booker" }, /scope\.agent.*flight-booker/],
    ["a name with a dot", { agent: "a.b" }, /scope\.agent/],
    ["no name", { agent: "" }, /scope\.agent/],
    ["a name of 65", { agent: "a".repeat(65) }, /scope\.agent.*64/],
    ["a number for a name", { agent: 7 }, /scope\.agent/],
    [
      "a name like a node id",
      { agent: "0a".repeat(16) },
      /scope\.agent.*no node id.*flight-booker/,
    ],
    ["a name like a node id in upper case", { agent: "0A".repeat(16) }, /scope\.agent.*no node id/],
    ["a number for a purpose", { purpose: 7 }, /scope\.purpose/],
    ["one text for endpoints", { endpoints: "GET https://api.example/" }, /scope\.endpoints.*list/],
    ["null for endpoints", { endpoints: null }, /scope\.endpoints.*list/],
    ["a bigint for an endpoint", { endpoints: [5n] }, /scope\.endpoints/],
    ["an endpoint that is none", { endpoints: [null] }, /scope\.endpoints/],
    [
      "an endpoint without a method",
      { endpoints: ["https://api.example/"] },
      /scope\.endpoints.*GET https:/,
    ],
    ["an endpoint in lower case", { endpoints: ["get https://api.example/"] }, /scope\.endpoints/],
    [
      "an endpoint without a path",
      { endpoints: ["GET https://api.example"] },
      /scope\.endpoints.*path/,
    ],
    [
      "an endpoint with a query",
      { endpoints: ["GET https://api.example/a?b=1"] },
      /scope\.endpoints/,
    ],
    [
      "an endpoint with a fragment",
      { endpoints: ["GET https://api.example/a#b"] },
      /scope\.endpoints/,
    ],
    [
      "an endpoint with half a star",
      { endpoints: ["GET https://api.example/a*"] },
      /scope\.endpoints/,
    ],
    [
      "an endpoint with a password",
      { endpoints: ["GET https://u:p@api.example/"] },
      /scope\.endpoints/,
    ],
    [
      "an endpoint with a dot segment",
      { endpoints: ["GET https://api.example/a/../b"] },
      /scope\.endpoints/,
    ],
    ["an empty endpoint", { endpoints: [""] }, /scope\.endpoints/],
    ["one text for services", { services: "loop" }, /scope\.services.*list/],
    ["an upper-case service", { services: ["Loop"] }, /scope\.services/],
    ["a service's tier that is none", { services: ["loop:x"] }, /scope\.services/],
    ["null for capabilities", { capabilities: null }, /scope\.capabilities/],
    ["a list for capabilities", { capabilities: ["out"] }, /scope\.capabilities must be an object/],
    [
      "an empty list for capabilities",
      { capabilities: [] },
      /scope\.capabilities must be an object/,
    ],
    [
      "one text for a service's capabilities",
      { capabilities: { loop: "out" } },
      /scope\.capabilities\.loop.*list/,
    ],
    [
      "an upper-case service's capabilities",
      { capabilities: { Loop: ["out"] } },
      /scope\.capabilities/,
    ],
    ["one text for payees", { payees: NODE }, /scope\.payees.*list/],
    ["a payee that is no key", { payees: ["alice"] }, /scope\.payees/],
    ["a payee in upper case", { payees: [NODE.toUpperCase()] }, /scope\.payees/],
    ["a text for a scope", "budget=5", /scope/],
    ["null for a scope", null, /scope/],
    ["a list for a scope", ["GET https://api.example/"], /scope/],
  ])("%s", (_what, scope, help) => {
    const attempt = () => checkCaveats(compile(scope), vocabulary);
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(help);
    // The message is not one of the JavaScript engine.
    expect(attempt).not.toThrow(/is not a function|Cannot read|undefined \(|not iterable/);
  });
});

test("capabilities compile in the order of their services' names, not of their keys", () => {
  const names = ["b", "a-b", "10", "a_b", "9", "a", "0x"];
  expect(compile({ capabilities: Object.fromEntries(names.map((name) => [name, ["x"]])) })).toEqual(
    ["0x", "10", "9", "a", "a-b", "a_b", "b"].map((name) => `${name}_capabilities=x`),
  );
});

describe("a caveat that cannot be read is named, and its value is not shown", () => {
  const secret = "5e".repeat(32);
  test.each([
    ["a preimage that is too short", `preimage=${secret.slice(1)}`, "preimage"],
    ["a preimage that is too long", `preimage=${secret}0`, "preimage"],
    ["a preimage with a blank", `preimage= ${secret}`, "preimage"],
    ["a misspelt name", `preimages=${secret}`, "preimages"],
    ["a name in upper case", `Preimage=${secret}`, "Preimage"],
    ["a name with a blank", `preimage =${secret}`, "preimage "],
    ["another condition", `max_uses=${secret}`, "max_uses"],
    ["no name", `=${secret}`, ""],
    ["a preimage for a name", `${secret}=x`, ""],
    ["a preimage that ends with =", `${secret}=`, ""],
    ["no value", `preimage:${secret}`, ""],
    ["a text without =, whose last letter is cut off", `purpose${secret}`, ""],
    ["a name without =", "purposes", ""],
  ])("%s", (_what, caveat, name) => {
    const attempt = () => checkCaveats([caveat], vocabulary);
    expect(attempt).toThrow(`cannot read caveat "${name}"`);
    expect(attempt).not.toThrow(secret.slice(2));
  });

  test("a caveat that can be read is taken", () => {
    checkCaveats([`preimage=${secret}`, "purpose=", "purpose=a=b"], vocabulary);
  });
});

describe("no text creates another caveat, or a wider one", () => {
  const evil = [
    "\nvalid_until=9999999999",
    "\r\nendpoints=* https://*/**",
    ";* https://*/**",
    ";endpoints=* https://*:*/**",
    "=",
    "=x;max_uses=9",
    ",b:0",
    ",pool:0",
    ":0,pool",
    "\0",
    "\u2028x=1",
    " ",
    "*",
    "_capabilities=x",
    "purpose=a",
    "agent=root.00000000",
  ];

  test("through a purpose, which stays one caveat for every text", () => {
    for (const text of evil) expect(compile({ purpose: `a${text}` })).toEqual([`purpose=a${text}`]);
  });

  const others: [string, (text: string) => unknown][] = [
    ["an agent", (text) => ({ agent: `a${text}` })],
    ["an agent, in front", (text) => ({ agent: `${text}a` })],
    ["an endpoint's path", (text) => ({ endpoints: [`GET https://api.example/a${text}`] })],
    ["an endpoint's host", (text) => ({ endpoints: [`GET https://api.example${text}/a`] })],
    ["an endpoint's method", (text) => ({ endpoints: [`GET${text} https://api.example/a`] })],
    ["a service", (text) => ({ services: [`loop${text}`] })],
    ["a service with a tier", (text) => ({ services: [`loop:0${text}`] })],
    ["a service of capabilities", (text) => ({ capabilities: { [`loop${text}`]: ["x"] } })],
    [
      "a service of capabilities, in front",
      (text) => ({ capabilities: { [`${text}loop`]: ["x"] } }),
    ],
    ["a payee", (text) => ({ payees: [`${NODE}${text}`] })],
    ["a duration", (text) => ({ expiresIn: `15m${text}` })],
    ["an amount", (text) => ({ budget: `5 sat${text}` })],
  ];
  // Texts that are valid in these fields: a blank around an endpoint is removed, `=` and `,` are
  // characters of a path, and so on.
  const harmless = [
    /^GET https:\/\/api\.example\/a(?:=| |_capabilities=x|purpose=a|agent=root\.00000000)$/,
  ];

  test.each(others)("through %s: refused", (_what, scopeOf) => {
    for (const text of evil) {
      const scope = scopeOf(text) as Scope;
      if (harmless.some((pattern) => pattern.test(scope.endpoints?.[0] ?? ""))) continue;
      if (scope.endpoints?.[0]?.includes(",") === true) continue;
      expect
        .soft(() => checkCaveats(compile(scope), vocabulary), JSON.stringify(scope))
        .toThrow(TypeError);
    }
  });

  test("through a capability, which stays one or is refused", () => {
    for (const text of evil) {
      let caveats: readonly string[];
      try {
        caveats = compile({ capabilities: { loop: [`out${text}`] } });
        checkCaveats(caveats, vocabulary);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
        continue;
      }
      expect(caveats).toEqual([`loop_capabilities=out${text}`]);
      expect(text).not.toMatch(/[,\s\0]/);
    }
  });

  test("for generated texts, each compiled caveat has the intended condition, and lists keep their length", () => {
    const odd = fc.string({
      unit: fc.constantFrom(..."ab:;,=*|/. \n\0_", "GET ", "https://"),
      maxLength: 8,
    });
    const word = (...good: string[]) =>
      fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: odd });
    const list = (...good: string[]) => fc.array(word(...good), { maxLength: 3 });
    const scopes = fc.record(
      {
        agent: word("flight-booker", "a"),
        purpose: odd,
        endpoints: list("GET https://api.example/a", "* http://*:*/**"),
        services: list("loop", "pool:1"),
        payees: list(NODE),
        capabilities: fc.dictionary(word("loop", "pool", "a-b_c"), list("out", "in=x;y", "*"), {
          maxKeys: 2,
        }),
      },
      { requiredKeys: [] },
    );
    let compiled = 0;
    fc.assert(
      fc.property(scopes, (scope) => {
        let caveats: readonly string[];
        try {
          caveats = compile(scope);
          checkCaveats(caveats, vocabulary);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        compiled++;
        const { capabilities = {}, ...rest } = scope;
        const conditions = caveats.map((caveat) => caveat.slice(0, caveat.indexOf("=")));
        expect(conditions.sort()).toEqual(
          [
            ...Object.keys(rest),
            ...Object.keys(capabilities).map((service) => `${service}_capabilities`),
          ].sort(),
        );
        const textOf = (condition: string) =>
          caveats.find((caveat) => caveat.startsWith(`${condition}=`))?.slice(condition.length + 1);
        const lengthOf = (value: string | undefined, separator: string) =>
          value === "" ? 0 : value?.split(separator).length;
        expect(lengthOf(textOf("endpoints"), ";")).toBe(scope.endpoints?.length);
        expect(lengthOf(textOf("services"), ",")).toBe(scope.services?.length);
        expect(lengthOf(textOf("payees"), ",")).toBe(scope.payees?.length);
        for (const [service, names] of Object.entries(capabilities))
          expect(lengthOf(textOf(`${service}_capabilities`), ",")).toBe(names.length);
      }),
      { numRuns: 3000 },
    );
    expect(compiled).toBeGreaterThan(600);
  });
});

test("two agents of one name get different nonces", () => {
  const nonceOf = () =>
    /^agent=a\.([0-9a-f]{16})$/.exec(compileScope({ agent: "a" }, { now: 0 })[0]!)![1];
  expect(nonceOf()).not.toBe(nonceOf());
});
