/** PyPI's clients of L402, and PyPI's harness of attacks on it, at our paywall. */
import { describe, expect, test } from "vitest";
import { type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { payFrom } from "../interop/pay.ts";
import { CLIENTS, fetchedBy as fetched, harnessed } from "./python/clients.ts";
import { python } from "./python/venv.ts";

const interpreter = python();

const fetchedBy = (client: string, world: Town, urls: readonly string[]) =>
  fetched(
    interpreter!,
    client,
    payFrom(world),
    urls.map((url) => ({ url })),
  );

describe.skipIf(interpreter === undefined).each(CLIENTS)("%s", (client) => {
  test("buys once, and presents what it bought until it ends", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "21 sat", grants: { uses: 2 } });
    const url = `${shop.url}/a`;
    expect(await fetchedBy(client, world, [url, url])).toEqual([
      [200, '{"served":1}'],
      [200, '{"served":2}'],
    ]);
    expect(world.paid().count).toBe(1);
  });

  test("is sold another path of the same host, where what it holds does not cover it", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "21 sat", grants: { validFor: "1h" } });
    const fetched = await fetchedBy(client, world, [`${shop.url}/a`, `${shop.url}/b`]);
    expect(fetched.map(([status]) => status)).toEqual([200, 200]);
    expect(world.paid().count).toBe(2);
  });
});

test.skipIf(interpreter === undefined)(
  "the harness's attacks on L402 fail, but for one that its own client refuses to send",
  async () => {
    const world = await town();
    const shop = await world.openShop({ price: "21 sat" });
    const results = await harnessed(interpreter!, shop.url);
    expect(results).toHaveLength(33);
    // Python's http.client sends no field with a line break, which the harness takes for a fault of
    // the server. The other four fields of that test arrive, and are answered 401 and 402.
    expect(results.filter(({ passed }) => !passed)).toEqual([
      expect.objectContaining({
        test_id: "L4-030",
        details: "4/5 injection attempts handled safely",
      }),
    ]);
    expect(shop.received.filter(({ text }) => /evil/.test(text))).toEqual([]);
    expect(
      shop.received.filter(({ text }) => /DROP TABLE|\{\{7|etc.passwd/.test(text)),
    ).toHaveLength(3);
    expect([shop.served, world.network.payments()]).toEqual([[], []]);
  },
);
