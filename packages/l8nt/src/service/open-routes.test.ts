import { describe, expect, test } from "vitest";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall } from "./paywall.ts";
import type { Terms } from "./terms.ts";

const ORIGIN = "https://api.example";

function world(terms: Terms = {}) {
  const paywall = new Paywall({
    secret: "3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a",
    location: ORIGIN,
    invoicer: new FakeInvoicer(),
    ...terms,
  });
  const listed = async () => {
    const answer = await paywall.wellKnown(new Request(`${ORIGIN}/.well-known/l402`));
    return ((await answer!.json()) as { routes: { price: string }[] }).routes;
  };
  return { paywall, listed };
}

const facts = {
  method: "GET",
  target: "/a",
  authorization: undefined,
  headers: () => new Headers(),
};

test("1,000 reloads of a configuration leave the routes that are open, and nothing more", async () => {
  const { paywall, listed } = world();
  let open = [paywall.route({ price: "1 sat" }), paywall.route({ price: () => "1 sat" })];
  for (let reload = 0; reload < 1000; reload++) {
    const next = [
      paywall.route({ price: `${reload + 2} sat` }),
      paywall.route({ price: () => "2 sat" }),
    ];
    for (const route of open) route.close();
    open = next;
  }
  expect((await listed()).map(({ price }) => price).sort()).toEqual([
    "1001 sat",
    "depends on the request",
  ]);
  for (const route of open) route.close();
  expect(await listed()).toEqual([]);
});

test("routes with equal terms are listed once, until the last of them is closed", async () => {
  const { paywall, listed } = world();
  const routes = Array.from({ length: 1000 }, (_, at) =>
    paywall.route({
      price: "1 sat",
      grants: at % 2 === 0 ? { uses: 3, validFor: "1h" } : { validFor: "1h", uses: 3 },
    }),
  );
  expect(await listed()).toEqual([{ price: "1 sat", grants: { uses: 3, validFor: "1h" } }]);
  for (const route of routes.slice(1)) {
    route.close();
    route.close();
  }
  expect(await listed()).toHaveLength(1);
  routes[0]!.close();
  expect(await listed()).toEqual([]);
});

test("routes that differ in any term are listed apart", async () => {
  const { paywall, listed } = world();
  const terms: Terms[] = [
    { price: "1 sat" },
    { price: "2 sat" },
    { price: "1 sat", capability: "read" },
    { price: "1 sat", grants: { uses: 2 } },
    { price: "1 sat", grants: { endpoints: ["GET /a"] } },
    {},
  ];
  for (const one of terms) paywall.route(one);
  expect(await listed()).toHaveLength(terms.length);
});

test("a route is listed at each path that it is told, until it is closed", async () => {
  const { paywall, listed } = world();
  const [route, other] = [paywall.route({ price: "1 sat" }), paywall.route({ price: "1 sat" })];
  for (let reload = 0; reload < 1000; reload++)
    for (const path of ["GET /a", "GET /b"]) route.listAt(path);
  other.listAt("GET /b");
  expect(await listed()).toEqual([
    { path: "GET /a", price: "1 sat", grants: {} },
    { path: "GET /b", price: "1 sat", grants: {} },
  ]);
  route.listAt(undefined);
  expect(await listed()).toHaveLength(3);
  route.close();
  route.listAt("GET /c");
  expect(await listed()).toEqual([{ path: "GET /b", price: "1 sat", grants: {} }]);
  other.close();
  expect(await listed()).toEqual([]);
});

test("a path in the terms is listed as it stands", async () => {
  const { paywall, listed } = world();
  for (const path of ["GET /history/*", "GET|POST /a", "* /**"])
    paywall.route({ price: "1 sat", path }).listAt("GET /other");
  expect((await listed()).map((route) => Reflect.get(route, "path"))).toEqual([
    "GET /history/*",
    "GET|POST /a",
    "* /**",
  ]);
});

test.each([
  "",
  "/a",
  "GET",
  "GET a",
  "get /a",
  "GET /a*",
  "GET /**/a",
  `GET ${ORIGIN}/a`,
  "GET  /a",
])("a path %o is refused, and the error says how to write it", (path) => {
  const { paywall } = world();
  expect(() => paywall.route({ path })).toThrow(/path is .*write "GET \/path"/);
});

test("a paywall has no path for all of its routes", () => {
  expect(() => world({ path: "GET /a" })).toThrow('"path"');
});

test("terms that cannot be sold are not listed", async () => {
  const { paywall, listed } = world();
  expect(() => paywall.route({ price: "1 sat", grants: { uses: 0 } })).toThrow(TypeError);
  expect(() =>
    paywall.route({ price: "1 sat", grants: { endpoints: [`GET /${"x".repeat(2000)}`] } }),
  ).toThrow("A macaroon has at most");
  expect(await listed()).toEqual([]);
});

describe("a closed route", () => {
  test("answers 404 and sells nothing, while an equal one that is open still sells", async () => {
    const { paywall } = world();
    const [closed, open] = [paywall.route({ price: "1 sat" }), paywall.route({ price: "1 sat" })];
    closed.close();
    expect(await closed.authorize(facts)).toMatchObject({
      granted: false,
      status: 404,
      error: { code: "ERR_REQUEST" },
    });
    expect(await open.authorize(facts)).toMatchObject({ granted: false, status: 402 });
  });
});
