/**
 * Laws of a paywall's challenges: what is answered to a request that is not served.
 * spec/3-challenge.md §5.
 */
import assert from "node:assert/strict";
import { Challenge, Credential } from "../l402/index.ts";
import { LOCATION, type PaywallLaws, START } from "./paywall-laws.ts";

export function challengeLaws({ law }: PaywallLaws): void {
  law(
    "a request without a credential is answered 402 with two challenge lines, LSAT first",
    { price: "10 sat" },
    async (world) => {
      const response = await world.ask("/paid");
      assert.equal(response.status, 402);
      const [lsat, l402, ...others] = response.lines("www-authenticate");
      assert.deepEqual(others, []);
      assert.match(lsat!, /^LSAT macaroon="[\w+/=]+", invoice="lnbcrt\w+"$/);
      const [, , enforced] =
        /^L402 macaroon="([\w+/=]+)", invoice="lnbcrt\w+", version="0", token="\1", caveats="([a-z_ ]+)"$/.exec(
          l402!,
        ) ?? [];
      const { names } = world.paywall.authority.vocabulary;
      assert.deepEqual(enforced?.split(" "), names);
      assert.ok(names.includes("endpoints") && names.includes("valid_until"));
      assert.deepEqual(response.lines("cache-control"), ["no-store"]);
      assert.deepEqual(response.lines("content-type"), ["application/problem+json"]);
      const problem = JSON.parse(response.body);
      assert.equal(problem.status, 402);
      assert.equal(problem.code, "ERR_TOKEN_MISSING");
      assert.ok(l402!.includes(`invoice="${problem.invoice}"`));
      assert.equal(problem.price, "10 sat");
      assert.deepEqual(problem.buys.slice(0, 1), [`endpoints=GET ${LOCATION}/paid`]);
      assert.ok(problem.buys.includes("max_uses=1"));
      assert.equal(world.invoicer.requests[0]?.amountMsat, 10_000n);
      assert.deepEqual(world.grants, []);
    },
  );

  law(
    "a challenge is dated by the clock that judges, and a page of another origin can read it",
    { price: "10 sat" },
    async (world) => {
      world.time.now = START + 77.9;
      const asked = await world.ask("/paid");
      assert.deepEqual(asked.lines("date"), [new Date((START + 77) * 1000).toUTCString()]);
      const listed = asked.lines("access-control-expose-headers").join(",").toLowerCase();
      assert.deepEqual(listed.split(/, */).sort(), ["date", "www-authenticate"]);
    },
  );

  law(
    "what a handler declares, and when to ask again, can be read by a page of another origin",
    [
      {
        price: "1 sat",
        handle: (grant) => {
          grant.release();
          return { status: 200, body: "" };
        },
      },
    ],
    async (world) => {
      const served = await world.ask("/paid", [await world.buy("/paid")]);
      assert.deepEqual(
        [served.lines("sigil-use"), served.lines("access-control-expose-headers")],
        [["released"], ["Sigil-Use"]],
      );
      await world.ask("/paid");
      const limited = await world.ask("/paid");
      assert.equal(limited.status, 429);
      assert.deepEqual(limited.lines("access-control-expose-headers"), ["Retry-After"]);
    },
    { challengesPerMinute: { perClient: 1 } },
  );

  law(
    "a credential of another route or method is answered 402, and buys that one [case 41]",
    [
      { path: "/cheap", price: "1 sat" },
      { path: "/dear", price: "1000 sat" },
      { path: "/cheap", method: "POST", price: "1 sat" },
    ],
    async (world) => {
      const credential = await world.buy("/cheap");
      for (const [target, method] of [
        ["/dear", "GET"],
        ["/cheap", "POST"],
      ] as const) {
        const response = await world.ask(target, [credential], { method });
        assert.equal(response.status, 402);
        assert.equal(response.lines("www-authenticate").length, 2);
        const problem = JSON.parse(response.body);
        assert.equal(problem.code, "ERR_ENDPOINT");
        assert.equal(problem.refusals[0].need, `${method} ${LOCATION}${target}`);
      }
      assert.deepEqual(world.grants, []);
      // As `lnget` does, which keeps one credential for each host.
      const dear = await world.ask("/dear", [credential]);
      const bought = world.invoicer.buy(dear.lines("www-authenticate"));
      assert.equal((await world.ask("/dear", [bought])).status, 200);
      assert.equal((await world.ask("/cheap", [bought])).status, 402);
      assert.equal((await world.ask("/cheap", [credential])).status, 200);
    },
  );

  law(
    "what an agent was denied is answered 403 without a challenge [case 41]",
    [
      { path: "/cheap", price: "1 sat" },
      { path: "/dear", price: "1000 sat", grants: { uses: 9 } },
    ],
    async (world) => {
      const agent = Credential.parse(await world.buy("/dear")).delegate({
        agent: "scout",
        endpoints: [`GET ${LOCATION}/cheap`],
      });
      const response = await world.ask("/dear", [agent.toString()]);
      assert.equal(response.status, 403);
      assert.deepEqual(response.lines("www-authenticate"), []);
      assert.equal(JSON.parse(response.body).code, "ERR_ENDPOINT");
      // One "no" that paying cannot help is enough, beside others that it could.
      const both = await world.ask("/cheap", [agent.attenuate({ maxUses: 1 }).toString()]);
      assert.equal(both.status, 402);
      const named = Credential.parse(await world.buy("/dear")).append(["tenant=acme"]);
      assert.equal((await world.ask("/cheap", [named.toString()])).status, 403);
    },
  );

  law(
    "a flood is counted by its address, whatever its fields say, and writes nothing [cases 90, 93, 113]",
    { price: "1 sat" },
    async (world) => {
      const flood = async (localAddress: string, times: number) => {
        const statuses: number[] = [];
        for (let at = 0; at < times; at++) {
          const fields = [
            "x-forwarded-for",
            "forwarded",
            "x-real-ip",
            "cf-connecting-ip",
            "true-client-ip",
          ].map((field): [string, string] => [
            field,
            field === "forwarded" ? `for=192.0.2.${at}` : `192.0.2.${at}`,
          ]);
          const response = await world.ask("/paid", [], { localAddress, fields });
          if (response.status === 429) {
            assert.ok(Number(response.lines("retry-after")[0]) > 0);
            assert.deepEqual(response.lines("www-authenticate"), []);
          }
          statuses.push(response.status);
        }
        return statuses;
      };
      assert.deepEqual(await flood("127.0.0.1", 40), [
        ...Array(3).fill(402),
        ...Array(37).fill(429),
      ]);
      assert.deepEqual(
        await flood("127.0.0.2", 2),
        [402, 402],
        "one client's flood shut out another",
      );
      assert.equal(world.invoicer.requests.length, 5);
      world.time.now += 20;
      assert.deepEqual(await flood("127.0.0.1", 2), [402, 429]);
      assert.deepEqual(world.store.reserved, []);
      assert.deepEqual(world.grants, []);
    },
    { challengesPerMinute: { perClient: 3, total: 20 } },
  );

  law(
    "a client that prefers no invoice is answered 402 without one, and takes no place",
    { price: "1 sat", grants: { uses: 2 } },
    async (world) => {
      const prefer: [string, string] = ["Prefer", "wait=1, no-invoice"];
      for (let at = 0; at < 3; at++) {
        const asked = await world.ask("/paid", [], { fields: [prefer] });
        assert.equal(asked.status, 402);
        assert.deepEqual(asked.lines("www-authenticate"), []);
        assert.deepEqual(asked.lines("preference-applied"), ["no-invoice"]);
        assert.deepEqual(asked.lines("cache-control"), ["no-store"]);
        assert.deepEqual(asked.lines("date"), [new Date(START * 1000).toUTCString()]);
        assert.equal(JSON.parse(asked.body).code, "ERR_TOKEN_MISSING");
      }
      assert.deepEqual(world.invoicer.requests, []);
      const credential = await world.buy("/paid");
      const presented = async () => {
        const { status, body } = await world.ask("/paid", [credential], { fields: [prefer] });
        return status === 200 ? status : JSON.parse(body).code;
      };
      assert.deepEqual(
        [await presented(), await presented(), await presented()],
        [200, 200, "ERR_USES"],
      );
      assert.equal(world.invoicer.requests.length, 1);
      assert.equal((await world.ask("/paid")).status, 402);
      assert.equal((await world.ask("/paid")).status, 429);
    },
    { challengesPerMinute: { perClient: 1 } },
  );

  law(
    "a client that pays for its challenges is given any number of them [case 113]",
    { price: "1 sat" },
    async (world) => {
      for (let at = 0; at < 12; at++) {
        const credential = await world.buy("/paid");
        assert.equal((await world.ask("/paid", [credential])).status, 200);
        // A use is paid for once, and presenting it again makes no more room.
        if (at === 0) assert.equal((await world.ask("/paid", [credential])).status, 402);
      }
      for (const status of [402, 402, 429]) assert.equal((await world.ask("/paid")).status, status);
    },
    { challengesPerMinute: { perClient: 3 } },
  );

  law(
    "invoices are capped in all, and a paid credential is still served [case 113]",
    { price: "1 sat", grants: { uses: 2 } },
    async (world) => {
      const credential = await world.buy("/paid");
      for (let at = 0; at < 20; at++)
        await world.ask("/paid", [], { localAddress: `127.0.${at + 1}.1` });
      assert.equal(world.invoicer.requests.length, 5);
      assert.equal((await world.ask("/paid", [credential])).status, 200);
    },
    { challengesPerMinute: { perClient: 3, total: 5 } },
  );

  law("a route without a price sells nothing and accepts minted credentials", {}, async (world) => {
    const bare = await world.ask("/paid");
    assert.equal(bare.status, 401);
    assert.equal(JSON.parse(bare.body).code, "ERR_TOKEN_MISSING");
    const scope = { endpoints: [`GET ${LOCATION}/paid`], expiresIn: "1h", maxUses: 1 } as const;
    const minted = world.paywall.authority.minter.mint(scope).toString();
    assert.equal((await world.ask("/paid", [minted])).status, 200);
    assert.equal((await world.ask("/paid", [minted])).status, 401);
    assert.deepEqual(world.invoicer.requests, []);
  });

  law(
    "a wallet that makes no invoice answers 503, without the wallet's own words",
    { price: "1 sat" },
    async (world) => {
      for (const fault of ["down", "wrong-amount"] as const) {
        world.invoicer.fault = fault;
        const response = await world.ask("/paid");
        assert.equal(response.status, 503);
        assert.equal(JSON.parse(response.body).code, "ERR_WALLET");
        assert.deepEqual(response.lines("retry-after"), ["10"]);
        assert.ok(!response.body.includes("0201036c6e64"));
      }
    },
  );

  law("a client can read the challenge", { price: "1 sat" }, async (world) => {
    const { macaroon, invoice, enforced } = Challenge.parse(
      (await world.ask("/paid?x=1")).lines("www-authenticate"),
    );
    assert.equal(macaroon.location, LOCATION);
    assert.match(invoice, /^lnbcrt/);
    assert.ok(enforced?.includes("max_uses"));
  });
}
