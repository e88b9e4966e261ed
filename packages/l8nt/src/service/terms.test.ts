/** What a route costs, and what a payment buys: read at the start, or refused there. */
import { describe, expect, test } from "vitest";
import { readBase, readOrigin, targetAt } from "../caveat/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall, type Terms } from "./index.ts";
import { readPrice } from "./price.ts";
import { isSellable, saleOf } from "./sale.ts";

const ORIGIN = "https://api.example";
const BASE = readBase(ORIGIN)!;
const target = (path = "/a", method = "GET") => targetAt(method, readOrigin(ORIGIN)!, path)!;
const sale = (terms: Terms, priceMsat = 10_000n) => saleOf(terms, target(), BASE, priceMsat);

const newPaywall = (terms: Terms = {}) =>
  new Paywall({
    secret: "3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a",
    location: ORIGIN,
    invoicer: new FakeInvoicer(),
    ...terms,
  });

describe("a payment buys", () => {
  test.each<[string, Terms, bigint, object, string[]?]>([
    ["one request, for an hour", {}, 10_000n, { maxUses: 1, expiresIn: "1h" }],
    ["as many as are granted", { grants: { uses: 5 } }, 10_000n, { maxUses: 5, expiresIn: "1h" }],
    ["a time", { grants: { validFor: "7d" } }, 10_000n, { expiresIn: "7d" }],
    [
      "a number within a time",
      { grants: { uses: 5, validFor: "7d" } },
      10_000n,
      { maxUses: 5, expiresIn: "7d" },
    ],
    [
      "a prepaid budget",
      { grants: { budget: "25 sat" } },
      25_000n,
      { budget: "25000 msat", expiresIn: "1h" },
      ["sold_price=25000 msat"],
    ],
    [
      "a budget of at least the request's price, because less would be paid for nothing",
      { grants: { budget: "9 sat" } },
      10_000n,
      { budget: "10000 msat", expiresIn: "1h" },
      ["sold_price=10000 msat"],
    ],
    [
      "nothing dearer than itself and nothing in another unit, if each request has its price [case 41]",
      { price: () => "10 sat" },
      10_000n,
      { maxUses: 1, expiresIn: "1h" },
      ["sold_price=10000 msat"],
    ],
    [
      "what its budget covers, where each request has its price",
      { price: () => "10 sat", grants: { budget: "25 sat" } },
      25_000n,
      { budget: "25000 msat", expiresIn: "1h" },
      ["sold_price=25000 msat"],
    ],
  ])("%s", (_, terms, amountMsat, scope, caveats = []) => {
    expect(sale(terms)).toEqual({
      amountMsat,
      scope: { endpoints: [`GET ${ORIGIN}/a`], ...scope },
      caveats,
    });
  });

  test("the paths that are granted, at this origin", () => {
    const grants = { endpoints: ["GET /a/**", "POST|PUT /b"] };
    expect(sale({ grants }).scope.endpoints).toEqual([
      `GET ${ORIGIN}/a/**`,
      `POST|PUT ${ORIGIN}/b`,
    ]);
  });

  test("the paths that are granted, below the path of the location", () => {
    const grants = { endpoints: ["GET /a/**", "POST /b"] };
    const base = readBase(`${ORIGIN}/api/`)!;
    expect(saleOf({ grants }, target("/api/a"), base, 1n).scope.endpoints).toEqual([
      `GET ${ORIGIN}/api/a/**`,
      `POST ${ORIGIN}/api/b`,
    ]);
  });
});

describe("a request is for sale", () => {
  const sellable = (path: string, grants?: Terms["grants"], method?: string) => {
    const wanted = target(path, method);
    return isSellable(saleOf({ ...(grants && { grants }) }, wanted, BASE, 1n), wanted);
  };

  test.each<[string, string, Terms["grants"], string | undefined, boolean]>([
    ["as it is", "/a/b", undefined, undefined, true],
    ["with a star in its path: a pattern would say more", "/a/*", undefined, undefined, false],
    ["with two stars", "/**", undefined, undefined, false],
    ["with a star escaped", "/a/%2A", undefined, undefined, true],
    ["with a semicolon: it ends an entry", "/a;b", undefined, undefined, false],
    [
      "with a path that is too long for a caveat",
      `/${"a".repeat(900)}`,
      undefined,
      undefined,
      false,
    ],
    ["within the granted paths", "/a/b", { endpoints: ["GET /a/**"] }, undefined, true],
    [
      "with a star, within the granted paths",
      "/a/*",
      { endpoints: ["GET /a/**"] },
      undefined,
      true,
    ],
    ["outside of the granted paths", "/b", { endpoints: ["GET /a/**"] }, undefined, false],
    ["with another method than granted", "/a/b", { endpoints: ["GET /a/**"] }, "POST", false],
    ["as HEAD, where GET is granted", "/a/b", { endpoints: ["GET /a/**"] }, "HEAD", true],
  ])("%s", (_, path, grants, method, expected) => {
    expect(sellable(path, grants, method)).toBe(expected);
  });
});

test.each<unknown>([
  undefined,
  null,
  Number.NaN,
  10,
  -1,
  -1n,
  "10",
  "-1 sat",
  "1e3 sat",
  "",
  {},
  "22000000 btc",
])("%s is no price", (price) => {
  expect(() => readPrice(price)).toThrow(expect.objectContaining({ code: "ERR_PRICE_FUNCTION" }));
});

describe("terms that could not be sold fail at the start", () => {
  test.each<[string, unknown]>([
    ["a price without a unit", { price: "10" }],
    ["a bare number", { price: 10 }],
    ["a negative price", { price: -1n }],
    ["no uses", { price: "1 sat", grants: { uses: 0 } }],
    ["half a use", { price: "1 sat", grants: { uses: 1.5 } }],
    ["a budget without a unit", { price: "1 sat", grants: { budget: "25" } }],
    ["a time that is none", { price: "1 sat", grants: { validFor: "soon" } }],
    [
      "an absolute endpoint",
      { price: "1 sat", grants: { endpoints: ["GET https://evil.example/a"] } },
    ],
    ["an endpoint without a method", { price: "1 sat", grants: { endpoints: ["/a"] } }],
    ["an endpoint that is no pattern", { price: "1 sat", grants: { endpoints: ["GET /a*/b"] } }],
    ["no endpoint at all", { price: "1 sat", grants: { endpoints: [] } }],
    ["a misspelt term", { pryce: "1 sat" }],
    ["a misspelt grant", { price: "1 sat", grants: { use: 3 } }],
  ])("%s", (_, terms) => {
    expect(() => newPaywall().route(terms as Terms)).toThrow(TypeError);
    expect(() => newPaywall(terms as Terms).route()).toThrow(TypeError);
  });

  test("a price without anybody to be paid", () => {
    const { authority } = newPaywall();
    expect(() => new Paywall({ authority }).route({ price: "1 sat" })).toThrow(/invoicer/);
    expect(() => new Paywall({ authority }).route()).not.toThrow();
  });
});
