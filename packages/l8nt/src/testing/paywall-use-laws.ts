/**
 * Laws of counting: a use is claimed before the handler runs, and kept or given back after it.
 * spec/5-ledger.md §5.
 */
import assert from "node:assert/strict";
import { Credential } from "../l402/index.ts";
import type { Terms } from "../service/index.ts";
import { type PaywallLaws, type RouteTerms, START } from "./paywall-laws.ts";

export function useLaws({ law }: PaywallLaws): void {
  law(
    "a request that is guarded twice on the same terms is paid for once",
    { price: "10 sat", second: { price: "10 sat" } },
    async (world) => {
      const credential = await world.buy("/paid");
      const response = await world.ask("/paid", [credential]);
      assert.deepEqual([response.status, response.body], [200, "sunny"]);
      assert.equal((await world.ask("/paid", [credential])).status, 402);
      assert.equal(world.store.reserved.length, 1);
      assert.deepEqual(
        world.grants.map(({ price }) => price.value),
        [10_000n],
      );
    },
  );

  for (const second of [
    { price: "10 sat", grants: { validFor: "1h" } },
    { price: "5 sat", grants: { validFor: "2h" } },
  ] satisfies Terms[])
    law(
      `a request that is guarded twice, second on ${JSON.stringify(second)}, is judged twice by a credential that counts nothing`,
      { price: "10 sat", grants: { validFor: "1h" }, second },
      async (world) => {
        const credential = await world.buy("/paid");
        for (let times = 0; times < 2; times++)
          assert.equal((await world.ask("/paid", [credential])).status, 200);
        world.time.now += 3600;
        assert.equal((await world.ask("/paid", [credential])).status, 402);
        assert.deepEqual([world.grants.length, world.invoicer.requests.length], [2, 2]);
      },
    );

  for (const second of [{ price: "20 sat" }, { price: () => "10 sat" }] satisfies Terms[]) {
    const alarms: string[] = [];
    law(
      `a request that is guarded twice on other terms, ${JSON.stringify(second)}, is not served, its use is given back, and the operator is told`,
      { price: "10 sat", second },
      async (world) => {
        alarms.length = 0;
        const credential = await world.buy("/paid");
        for (let times = 0; times < 2; times++) {
          const response = await world.ask("/paid", [credential]);
          assert.equal(response.status, 503);
          const { code, detail } = JSON.parse(response.body);
          assert.equal(code, "ERR_PRICE_FUNCTION");
          assert.match(detail, /guarded twice/);
          assert.match(alarms.at(-1) ?? "", /GET \/paid/);
        }
        assert.deepEqual(world.grants, []);
        assert.equal(world.invoicer.requests.length, 1);
        assert.ok(world.store.ended.every((end) => end.startsWith("release")));
      },
      { alarm: (what) => alarms.push(what) },
    );
  }

  law(
    "a request that the first guard lets through free is sold by the second",
    { price: "0 sat", second: { price: "10 sat" } },
    async (world) => {
      const credential = await world.buy("/paid");
      assert.equal((await world.ask("/paid", [credential])).status, 200);
      assert.equal((await world.ask("/paid", [credential])).status, 402);
    },
  );

  law("a paid credential is served once, and counted", { price: "10 sat" }, async (world) => {
    const credential = await world.buy("/paid");
    const response = await world.ask("/paid", [credential]);
    assert.equal(response.status, 200);
    assert.equal(response.body, "sunny");
    const { paymentHash } = Credential.parse(credential);
    assert.deepEqual(
      world.grants.map((grant) => ({ ...grant, nodeId: typeof grant.nodeId })),
      [{ nodeId: "string", lineage: [], paymentHash, price: { unit: "msat", value: 10_000n } }],
    );
    const again = await world.ask("/paid", [credential]);
    assert.equal(again.status, 402);
    assert.equal(JSON.parse(again.body).code, "ERR_USES");
    assert.equal(again.lines("www-authenticate").length, 2);
    assert.notEqual(world.invoicer.buy(again.lines("www-authenticate")), credential);
    assert.equal(world.grants.length, 1);
    assert.deepEqual(world.store.ended, [`commit ${world.store.reserved[0]}`]);
  });

  law(
    "a refusal names the agent whose limit is used up",
    { price: "1 sat", grants: { uses: 2 } },
    async (world) => {
      const bought = Credential.parse(await world.buy("/paid"));
      const child = bought.delegate({ agent: "scout", maxUses: 1 }, { now: START }).toString();
      assert.equal((await world.ask("/paid", [child])).status, 200);
      assert.deepEqual(world.grants[0]?.lineage, ["scout"]);
      const refused = JSON.parse((await world.ask("/paid", [child])).body);
      assert.equal(refused.condition, "max_uses");
      assert.deepEqual(refused.node, { id: world.grants[0]?.nodeId, agent: "scout" });
      assert.equal((await world.ask("/paid", [bought.toString()])).status, 200);
      assert.equal((await world.ask("/paid", [bought.toString()])).status, 402);
    },
  );

  const failures: Record<string, NonNullable<RouteTerms["handle"]>> = {
    "throws at once": () => {
      throw new Error("boom");
    },
    "throws later": async (_, body) => {
      await body();
      throw new Error("boom");
    },
    "answers 500": () => ({ status: 500, body: "broken" }),
    "answers 503, later": async (_, body) => ({ status: 503, body: `busy${await body()}` }),
  };
  for (const [what, fail] of Object.entries(failures)) {
    let isBroken = true;
    const handle: NonNullable<RouteTerms["handle"]> = (grant, body) =>
      isBroken ? fail(grant, body) : { status: 200, body: "sunny" };
    law(
      `the use is given back, once, if the handler ${what} [case 89]`,
      { price: "1 sat", handle },
      async (world) => {
        isBroken = true;
        const credential = await world.buy("/paid");
        const response = await world.ask("/paid", [credential]);
        assert.ok(response.status >= 500, String(response.status));
        assert.deepEqual(world.store.ended, [`release ${world.store.reserved[0]}`]);
        assert.equal(
          (await world.ask("/paid", [credential])).status,
          response.status,
          "it was given back again",
        );
        isBroken = false;
        assert.equal((await world.ask("/paid", [credential])).status, 200);
        assert.equal((await world.ask("/paid", [credential])).status, 402);
        const ids = world.store.reserved;
        assert.deepEqual(world.store.ended, [
          `release ${ids[0]}`,
          `release ${ids[1]}`,
          `commit ${ids[2]}`,
        ]);
        assert.equal(world.grants.length, 3);
      },
    );
  }

  law(
    "the handler is called once, however many requests arrive at once with a single use [case 88]",
    { price: "1 sat", handle: async (_, body) => ({ status: 200, body: `sunny${await body()}` }) },
    async (world) => {
      const credential = await world.buy("/paid");
      const responses = await Promise.all(
        Array.from({ length: 240 }, () => world.ask("/paid", [credential])),
      );
      const count = (status: number) =>
        responses.filter((response) => response.status === status).length;
      assert.deepEqual([count(200), count(402), world.grants.length], [1, 239, 1]);
    },
  );

  law(
    "a credential is valid until its end, and not at it",
    { price: "10 sat", grants: { validFor: "10m" } },
    async (world) => {
      const credential = await world.buy("/paid");
      for (const now of [START, START + 599.999]) {
        world.time.now = now;
        assert.equal((await world.ask("/paid", [credential])).status, 200);
      }
      world.time.now = START + 600;
      const response = await world.ask("/paid", [credential]);
      assert.equal(response.status, 402);
      assert.equal(JSON.parse(response.body).code, "ERR_EXPIRED");
      assert.equal(response.lines("www-authenticate").length, 2);
    },
  );

  law(
    "a rate is counted over a sliding minute [case 49]",
    { price: "1 sat", grants: { validFor: "1h" } },
    async (world) => {
      const bought = Credential.parse(await world.buy("/paid"));
      const child = bought
        .delegate({ agent: "scout", maxUsesPerMinute: 2 }, { now: START })
        .toString();
      const statuses: number[] = [];
      for (const seconds of [0, 50, 59, 59.999, 61, 109, 112]) {
        world.time.now = START + seconds;
        statuses.push((await world.ask("/paid", [child])).status);
      }
      assert.deepEqual(statuses, [200, 200, 402, 402, 200, 402, 200]);
    },
  );

  law(
    "a use that cannot be written is not served [case 108]",
    { price: "1 sat" },
    async (world) => {
      const credential = await world.buy("/paid");
      world.store.fault = true;
      const response = await world.ask("/paid", [credential]);
      assert.equal(response.status, 503);
      assert.equal(JSON.parse(response.body).code, "ERR_STORE");
      assert.ok(!response.body.includes("secret.db"));
      assert.deepEqual(world.grants, []);
      world.store.fault = false;
      assert.equal((await world.ask("/paid", [credential])).status, 200);
    },
  );
}
