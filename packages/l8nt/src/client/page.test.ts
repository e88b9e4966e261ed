/**
 * A page sends another origin no field that its caller did not give, other than the credential: a
 * browser would send nothing unless the origin lists it. spec/4-purchase.md §2.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Received, type Town, town } from "../testing/fixtures/town.ts";
import type { HttpClient } from "./client.ts";

const OWN = { headers: { "x-mine": "1" } };
const ADDED = ["idempotency-key", "prefer"];

afterEach(() => vi.unstubAllGlobals());

/** What a page has, and so decides that this is one. */
const aPage = (origin: string) => {
  vi.stubGlobal("document", {});
  vi.stubGlobal("location", { origin, href: `${origin}/` });
};

const addedTo = ({ headers }: Pick<Received, "headers">): readonly string[] =>
  ADDED.filter((name) => headers[name] !== undefined);

const REQUESTS: readonly (readonly [
  string,
  (client: HttpClient, url: string) => Promise<Response>,
])[] = [
  ["GET", (client, url) => client.get(`${url}/a`, OWN)],
  ["POST", (client, url) => client.post(`${url}/a`, "order", OWN)],
];

const WAYS: readonly (readonly [string, (world: Town) => HttpClient])[] = [
  ["what was handed over", (world) => world.connect(world.mint())],
  ["a relay", (world) => world.connect(world.mint({ maxUses: 1000 }))],
];

describe.each(REQUESTS)("%s", (method, ask) => {
  describe.each(WAYS)("with %s", (_, clientOf) => {
    async function received(pageOf: ((shop: string) => string) | undefined) {
      const world = await town();
      const shop = await world.openShop();
      if (pageOf !== undefined) aPage(pageOf(shop.url));
      expect((await ask(clientOf(world), shop.url)).status).toBe(200);
      expect(shop.received.length).toBeGreaterThan(1);
      return shop.received;
    }

    test("no field is added by a page of another origin", async () => {
      for (const request of await received(() => "https://page.example"))
        expect(addedTo(request)).toEqual([]);
    });

    test("fields are added by a page of the same origin, and outside of pages", async () => {
      for (const pageOf of [undefined, (shop: string) => shop]) {
        const added = new Set((await received(pageOf)).flatMap(addedTo));
        expect(added).toEqual(new Set(ADDED));
      }
    });
  });

  test("the caller's own key is sent by a page of another origin", async () => {
    const world = await town();
    const shop = await world.openShop();
    aPage("https://page.example");
    const init = { method, headers: { "idempotency-key": "mine" } };
    expect((await world.connect(world.mint()).fetch(`${shop.url}/a`, init)).status).toBe(200);
    for (const request of shop.received) expect(request.headers["idempotency-key"]).toBeDefined();
  });
});

test("a free API of another origin gets a POST of a page with the caller's fields alone", async () => {
  const world = await town();
  const shop = await world.openShop();
  shop.answers.push("serve");
  aPage("https://page.example");
  await world.connect(world.mint()).post(`${shop.url}/a`, "order", OWN);
  expect(addedTo(shop.received[0]!)).toEqual([]);
  expect(shop.received[0]!.headers["x-mine"]).toBe("1");
});
