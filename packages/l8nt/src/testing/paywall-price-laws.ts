/** Laws of prices: by request, prepaid, free, and unknown. */
import assert from "node:assert/strict";
import type { AmountText } from "../amount.ts";
import { LOCATION, type PaywallLaws, type RouteTerms } from "./paywall-laws.ts";

export function priceLaws({ law, build }: PaywallLaws): void {
  const broken: Record<string, unknown> = {
    throws: () => {
      throw new Error("price list of 192.0.2.1 unreachable");
    },
    rejects: () => Promise.reject(new Error("price list of 192.0.2.1 unreachable")),
    "gives NaN": () => Number.NaN,
    "gives a bare number": () => 10,
    "gives a negative number": () => -1,
    "gives a negative amount": () => "-1 sat",
    "gives an amount without text": () => 10_000n,
    "gives nothing": () => undefined,
    "gives an amount without a unit": () => "10",
  };
  law(
    "a price that cannot be determined answers 503 and serves nothing",
    Object.values(broken).map((price, at) => ({
      path: `/${at}`,
      price: price as () => AmountText,
    })),
    async (world) => {
      const minted = world.paywall.authority.minter.mint({
        endpoints: [`GET ${LOCATION}/**`],
        expiresIn: "1h",
      });
      for (const [at, what] of Object.keys(broken).entries()) {
        for (const credentials of [[], [minted.toString()]]) {
          const response = await world.ask(`/${at}`, credentials);
          assert.equal(response.status, 503, what);
          assert.equal(JSON.parse(response.body).code, "ERR_PRICE_FUNCTION", what);
          assert.ok(!response.body.includes("192.0.2.1"), what);
        }
      }
      assert.deepEqual(world.grants, []);
      assert.deepEqual(world.invoicer.requests, []);
    },
  );

  law(
    "a free request is served without a credential",
    [
      { path: "/free", price: "0 sat" },
      { path: "/free-now", price: async () => "0 sat" as const },
    ],
    async (world) => {
      assert.equal((await world.ask("/free")).status, 200);
      assert.equal((await world.ask("/free-now")).status, 200);
      for (const { nodeId, price } of world.grants)
        assert.deepEqual([nodeId, price], [undefined, { unit: "msat", value: 0n }]);
      assert.equal(world.grants.length, 2);
      assert.deepEqual(world.store.reserved, []);
    },
  );

  {
    const urls: string[] = [];
    law(
      "a price function sees the path that is judged, at the paywall's own origin [case 30]",
      {
        path: "/paid/*",
        price: ({ method, url }) => {
          urls.push(`${method} ${url.href}`);
          return "1 sat";
        },
      },
      async (world) => {
        urls.length = 0;
        const fields = [["host", "evil.example"]] as const;
        assert.equal((await world.ask("/paid/%79?q=%2f&q=1", [], { fields })).status, 402);
        assert.deepEqual(urls, [`GET ${LOCATION}/paid/y?q=%2f&q=1`]);
      },
    );
  }

  const byLength: RouteTerms = {
    method: "POST",
    price: async ({ text }) => `${(await text()).length} sat`,
    grants: { uses: 9 },
    handle: async (_, body) => ({ status: 200, body: await body() }),
  };
  const post = (length: number) => ({ method: "POST", body: "x".repeat(length) });
  law(
    "a price function may read the body, and the handler still receives it",
    byLength,
    async (world) => {
      const seven = await world.buy("/paid", post(7));
      assert.equal(world.invoicer.requests[0]?.amountMsat, 7000n);
      const served = await world.ask("/paid", [seven], post(7));
      assert.deepEqual([served.status, served.body], [200, "x".repeat(7)]);
      const dearer = await world.ask("/paid", [seven], post(8));
      assert.deepEqual([dearer.status, JSON.parse(dearer.body).code], [402, "ERR_PRICE"]);
      const huge = await world.ask("/paid", [seven], post(1024 * 1024 + 1));
      assert.deepEqual([huge.status, JSON.parse(huge.body).code], [413, "ERR_TOO_LARGE"]);
      assert.equal(world.grants.length, 1);
    },
  );

  law(
    "each request has its own price, and a payment covers no dearer request [case 41]",
    {
      price: ({ url }) => `${url.searchParams.get("n") ?? "1"} sat`,
      grants: { uses: 9 },
    },
    async (world) => {
      const three = await world.buy("/paid?n=3");
      assert.equal(world.invoicer.requests[0]?.amountMsat, 3000n);
      assert.equal((await world.ask("/paid?n=3", [three])).status, 200);
      assert.equal((await world.ask("/paid?n=2", [three])).status, 200);
      const dearer = await world.ask("/paid?n=500", [three]);
      assert.equal(dearer.status, 402);
      assert.equal(JSON.parse(dearer.body).code, "ERR_PRICE");
      assert.equal(world.invoicer.requests.at(-1)?.amountMsat, 500_000n);
      assert.deepEqual(
        world.grants.map(({ price }) => price.value),
        [3000n, 2000n],
      );
    },
  );

  {
    let rate = 1;
    const moving: RouteTerms = {
      price: ({ url, headers }) =>
        `${Number(url.searchParams.get("n") ?? "1") * Number(headers.get("x-size") ?? "1") * rate} msat` as AmountText,
    };
    const sized = (size: number) => ({ fields: [["x-size", String(size)]] as const });
    law(
      "the very request that was priced is served at the price that was paid, wherever its price goes [case 91]",
      moving,
      async (world) => {
        for (const [before, after] of [
          [1000, 1001],
          [1000, 1_000_000],
          [1000, 1],
        ] as const) {
          rate = before;
          const credential = await world.buy("/paid?n=3", sized(2));
          rate = after;
          assert.equal((await world.ask("/paid?n=3", [credential], sized(2))).status, 200);
          const again = await world.ask("/paid?n=3", [credential], sized(2));
          assert.deepEqual([again.status, JSON.parse(again.body).code], [402, "ERR_USES"]);
        }
      },
    );
    law(
      "what was paid for one request opens no dearer one, whatever part of it makes it dearer [case 41]",
      moving,
      async (world) => {
        rate = 1000;
        const credential = await world.buy("/paid?n=3", sized(2));
        for (const now of [1000, 1001]) {
          rate = now;
          for (const [target, size] of [
            ["/paid?n=4", 2],
            ["/paid?n=3", 3],
            ["/paid?m=3&n=4", 2],
          ] as const) {
            const response = await world.ask(target, [credential], sized(size));
            assert.deepEqual(
              [response.status, JSON.parse(response.body).code],
              [402, "ERR_PRICE"],
              target,
            );
          }
        }
        assert.deepEqual(world.grants, []);
        rate = 1;
        assert.equal((await world.ask("/paid?n=4", [credential], sized(3))).status, 200);
      },
    );
  }

  law(
    "a prepaid budget pays the price of each request",
    { price: "10 sat", grants: { budget: "25 sat" } },
    async (world) => {
      const credential = await world.buy("/paid");
      assert.equal(world.invoicer.requests[0]?.amountMsat, 25_000n);
      const statuses: number[] = [];
      for (let at = 0; at < 3; at++) statuses.push((await world.ask("/paid", [credential])).status);
      assert.deepEqual(statuses, [200, 200, 402]);
      const { code, refusals } = JSON.parse((await world.ask("/paid", [credential])).body);
      assert.deepEqual(
        [code, refusals[0].have, refusals[0].need],
        ["ERR_BUDGET", "5 sat left of 25 sat", "10 sat"],
      );
    },
  );

  law(
    "a credential that was sold is honoured after the price rose [case 91]",
    { price: "1 sat" },
    async (world) => {
      const credential = await world.buy("/paid");
      const today = await build([{ price: "1000 sat" }]);
      try {
        assert.equal((await today.world.ask("/paid", [credential])).status, 200);
      } finally {
        await today.host.close();
      }
    },
  );
}
