/** An owner's OpenAPI document with prices, and the text of `/llms.txt`. */
import { expect, test } from "vitest";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall, type Terms } from "./index.ts";

const ORIGIN = "https://api.example/v1";

function world(...routes: readonly Terms[]) {
  const paywall = new Paywall({
    secret: "3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a",
    location: ORIGIN,
    invoicer: new FakeInvoicer(),
  });
  for (const terms of routes) paywall.route(terms);
  return paywall;
}

const OK = { responses: { 200: { description: "The answer" } } };
const document = {
  openapi: "3.1.0",
  info: { title: "Weather", version: "1" },
  paths: {
    "/forecast": { get: OK, post: OK, parameters: [] },
    "/history/{year}": { get: { ...OK, operationId: "history" } },
    "/hello": { get: OK },
  },
};
type Operation = {
  readonly [name: string]: unknown;
  readonly responses: Record<string, unknown>;
};
const operation = (given: object, path: string, method = "get") =>
  (given as { paths: Record<string, Record<string, Operation>> }).paths[path]![method]!;

test("each operation that is sold has its price, 402 and the security scheme, and no other", () => {
  const paywall = world(
    { path: "GET /forecast", price: "10 sat" },
    { path: "GET /history/*", price: "2500 sat", grants: { uses: 3 } },
  );
  const priced = paywall.openapi(document);
  expect(operation(priced, "/forecast")).toEqual({
    ...OK,
    "x-payment-info": {
      price: { mode: "fixed", currency: "BTC", amount: "0.0000001" },
      protocols: [{ l402: {} }],
    },
    "x-l402": [{ price: "10 sat", grants: {} }],
    security: [{ L402: [] }],
    responses: { ...OK.responses, 402: { $ref: "#/components/responses/L402PaymentRequired" } },
  });
  expect(operation(priced, "/history/{year}")).toMatchObject({
    operationId: "history",
    "x-payment-info": { price: { amount: "0.000025" } },
    "x-l402": [{ grants: { uses: 3 } }],
  });
  for (const [path, method] of [
    ["/forecast", "post"],
    ["/hello", "get"],
  ] as const)
    expect(operation(priced, path, method)).toBe(OK);
  expect(priced).toMatchObject({
    info: document.info,
    components: {
      securitySchemes: { L402: { type: "http", scheme: "L402" } },
      responses: { L402PaymentRequired: { headers: { "WWW-Authenticate": {} } } },
    },
  });
  expect(document.paths["/forecast"].get).toBe(OK);
});

test.each([
  ["a free route", { price: "0 sat" }, undefined, undefined],
  [
    "a price of the request",
    { price: () => "1 sat" },
    { mode: "dynamic", currency: "BTC" },
    [{ L402: [] }],
  ],
  ["a price in dollars, which sells nothing", { price: "0.02 usd" }, undefined, [{ L402: [] }]],
  ["a route without a price", {}, undefined, [{ L402: [] }]],
  [
    "free requests for each address",
    { price: "1 sat", free: { requests: 2, per: "day" } },
    { mode: "fixed", currency: "BTC", amount: "0.00000001" },
    [{ L402: [] }, {}],
  ],
] as readonly (readonly [string, Terms, unknown, unknown])[])("%s", (_, terms, price, security) => {
  const priced = world({ path: "* /forecast", ...terms }).openapi(document);
  const { "x-payment-info": info, security: needed, responses } = operation(priced, "/forecast");
  expect((info as { price: unknown } | undefined)?.price).toEqual(price);
  expect(needed).toEqual(security);
  expect("402" in responses).toBe(price !== undefined);
});

test.each([
  ["GET /items/x", false],
  ["GET /items/7", false],
  ["GET /items/*", true],
  ["GET /items/**", true],
  ["GET /*/*", true],
  ["POST /items/*", false],
])("a template has the price of %s: %s", (path, isPriced) => {
  const templates = { ...document, paths: { "/items/{id}": { get: OK } } };
  const priced = world({ path, price: "10 sat" }).openapi(templates);
  expect("402" in operation(priced, "/items/{id}").responses).toBe(isPriced);
});

test("an API's own authentication is needed beside the credential", () => {
  const paywall = world({ path: "GET /**", price: "1 sat" });
  const given = {
    ...document,
    security: [{ key: [] }, { oauth: ["read"] }],
    components: { securitySchemes: { key: { type: "apiKey" } }, schemas: { A: {} } },
  };
  const priced = paywall.openapi(given);
  expect(operation(priced, "/forecast").security).toEqual([
    { key: [], L402: [] },
    { oauth: ["read"], L402: [] },
  ]);
  expect(priced.security).toEqual(given.security);
  expect(priced.components).toMatchObject({
    ...given.components,
    securitySchemes: { key: { type: "apiKey" }, L402: { type: "http" } },
  });
  const own = { ...document, paths: { "/a": { get: { ...OK, security: [] } } } };
  expect(operation(paywall.openapi(own), "/a").security).toEqual([{ L402: [] }]);
});

test("an answer 402 of the owner's own stays", () => {
  const own = { description: "Mine" };
  const given = { ...document, paths: { "/a": { get: { responses: { 402: own } } } } };
  const priced = world({ path: "GET /a", price: "1 sat" }).openapi(given);
  expect(operation(priced, "/a").responses[402]).toBe(own);
});

test.each([[{}], [{ swagger: "2.0", paths: {} }], [{ openapi: "3.1.0", paths: [] }]])(
  "%o is no OpenAPI 3 document",
  (given) => {
    expect(() => world().openapi(given)).toThrow(TypeError);
  },
);

test("/llms.txt has the form of llmstxt.org, and says what is sold and how to pay", () => {
  const paywall = world(
    { path: "GET /forecast", price: "10 sat", free: { requests: 5, per: "day" } },
    { path: "GET /history/*", price: "40 sat", grants: { usesPerDay: 1000, validFor: "30d" } },
    { path: "POST /admin", price: "0.02 usd" },
    { price: "77 sat" },
  );
  const text = paywall.llmsText({
    title: "Weather\n",
    summary: "Forecasts for\nagents",
    links: [{ title: "OpenAPI [3.1]", url: "https://api.example/o(1).json", about: "all routes" }],
  });
  const lines = text.split("\n");
  expect(lines[0]).toBe("# Weather");
  expect(lines[2]).toBe("> Forecasts for agents");
  expect(lines.filter((line) => line.startsWith("#"))).toEqual([
    "# Weather",
    "## Routes",
    "## Reference",
  ]);
  const items = lines.slice(lines.indexOf("## Routes")).filter((line) => line.startsWith("-"));
  expect(items).toEqual([
    "- [GET /forecast](https://api.example/v1/forecast): price: 10 sat; 5 requests in each day are free, by address",
    "- [GET /history/\\*](https://api.example/v1/history/*): price: 40 sat; a payment buys 1000 requests a day, for 30d",
    "- [POST /admin](https://api.example/v1/admin): price: 0.02 usd, for credentials of the owner",
    "- [Prices](https://api.example/v1/.well-known/l402): what is sold and enforced, as JSON",
    "- [OpenAPI \\[3.1\\]](https://api.example/o%281%29.json): all routes",
  ]);
  expect(text).not.toContain("77 sat");
  for (const bad of [{ title: " " }, { title: "a", details: "x\n## y" }, { titel: "a" }])
    expect(() => paywall.llmsText(bad as never)).toThrow(TypeError);
});

test.each([
  ...["# y", "x\n## y", "x\r## y", "x\u0085## y", "x\u2028## y", "   # y"],
  ...["> ## y", ">> # y", "- ## y", "* # y", "1. # y", "2) > - # y"],
  ...["Free!\n===", "Free!\n  ---  ", "> Free!\n> ===", "<h2>Free!</h2>"],
])("details that have a heading are refused: %j", (details) => {
  expect(() => world().llmsText({ title: "a", details })).toThrow(/no headings/);
});

test.each(["#hash in words: C#", "x\n\n---\n\ny", "a -- b", "- a\n- b", "> 1 = 1"])(
  "details without a heading are kept as they are: %j",
  (details) => {
    const isTag = details.startsWith("#");
    const text = isTag ? `Tags: ${details}` : details;
    expect(world().llmsText({ title: "a", details: text })).toContain(text);
  },
);

test.each(["\n", "\r", "\u0085", "\u2028", "\u000b", "\u001d", "\u0000"])(
  "a title and a summary are one line, whatever ends a line in them: %j",
  (end) => {
    const text = world().llmsText({ title: `a${end}## b`, summary: `c${end}## d` });
    expect(text.split("\n", 3)).toEqual(["# a ## b", "", "> c ## d"]);
  },
);
