/**
 * Laws of a repeated request: with the same credential and the same `Idempotency-Key` it is the
 * same use. spec/5-ledger.md §5.
 */
import assert from "node:assert/strict";
import { Credential } from "../l402/index.ts";
import {
  type PaywallLaws,
  type Reply,
  type RouteTerms,
  START,
  type World,
} from "./paywall-laws.ts";
import type { RawRequest } from "./raw-http.ts";

const keyed = (key: string, more: Partial<RawRequest> = {}): Partial<RawRequest> => ({
  ...more,
  fields: [...(more.fields ?? []), ["idempotency-key", key]],
});

const codeOf = ({ body }: { readonly body: string }): unknown => JSON.parse(body).code;

export function repeatLaws({ contract, law }: PaywallLaws): void {
  const counting = (body = (count: number) => `answer ${count}`): RouteTerms => {
    let count = 0;
    return { price: "1 sat", handle: () => ({ status: 200, body: body(++count) }) };
  };

  law("a repeated request has the answer of the first one", counting(), async (world) => {
    const credential = await world.buy("/paid");
    const [first, ...others] = [
      await world.ask("/paid", [credential], keyed("k1")),
      await world.ask("/paid", [credential], keyed("k1")),
      await world.ask("/paid", [credential], keyed("k1")),
    ];
    assert.equal(first?.status, 200);
    for (const other of others) {
      assert.deepEqual([other.status, other.body], [200, first?.body]);
      assert.deepEqual(other.lines("content-type"), first?.lines("content-type"));
    }
    assert.equal(world.grants.length, 1);
    assert.equal(world.store.reserved.length, 1);
    assert.equal((await world.ask("/paid", [credential], keyed("k2"))).status, 402);
    assert.equal((await world.ask("/paid", [credential])).status, 402);
  });

  law(
    "a repeated request is no second use of a credential that has more",
    { ...counting(), grants: { uses: 3 } },
    async (world) => {
      const credential = await world.buy("/paid");
      const bodies: string[] = [];
      for (const key of ["a", "a", "b", "a", "b"])
        bodies.push((await world.ask("/paid", [credential], keyed(key))).body);
      const [a, , b] = bodies;
      assert.deepEqual(bodies, [a, a, b, a, b]);
      assert.notEqual(a, b);
      assert.equal(world.store.reserved.length, 2);
    },
  );

  law(
    "what is kept is the status, the fields and the bytes that the handler declared to be an answer",
    {
      price: "1 sat",
      handle: (grant) => {
        grant.consume();
        return { status: 404, body: "nothing is there: \u00e9" };
      },
    },
    async (world) => {
      const credential = await world.buy("/paid");
      const [first, second] = [
        await world.ask("/paid", [credential], keyed("k1")),
        await world.ask("/paid", [credential], keyed("k1")),
      ];
      assert.deepEqual([second.status, second.body], [first.status, first.body]);
      assert.deepEqual(
        [second.status, second.lines("sigil-use"), second.lines("content-type")],
        [404, ["consumed"], first.lines("content-type")],
      );
      assert.equal(world.grants.length, 1);
    },
  );

  law(
    "nobody else has the answer, under any key: another credential, and an agent below",
    { ...counting(), grants: { uses: 3 } },
    async (world) => {
      const credential = await world.buy("/paid");
      const other = await world.buy("/paid");
      const child = Credential.parse(credential).delegate({ agent: "scout" }, { now: START });
      const bodies = new Set<string>();
      for (const one of [credential, other, child.toString()]) {
        const response = await world.ask("/paid", [one], keyed("k1"));
        assert.equal(response.status, 200);
        bodies.add(response.body);
      }
      assert.equal(bodies.size, 3);
      assert.equal((await world.ask("/paid", [], keyed("k1"))).status, 402);
      const forged = `${credential.slice(0, -4)}0000`;
      assert.equal((await world.ask("/paid", [forged], keyed("k1"))).status, 402);
    },
  );

  law(
    "a credential that does not cover the request any more has no answer either",
    { ...counting(), grants: { uses: 3 } },
    async (world) => {
      const credential = await world.buy("/paid");
      assert.equal((await world.ask("/paid", [credential], keyed("k1"))).status, 200);
      const narrowed = Credential.parse(credential).attenuate({
        endpoints: ["GET https://api.example/other"],
      });
      const refused = await world.ask("/paid", [narrowed.toString()], keyed("k1"));
      assert.deepEqual([refused.status, codeOf(refused)], [402, "ERR_ENDPOINT"]);
      await world.paywall.revoke(world.grants[0]!.nodeId!);
      const revoked = await world.ask("/paid", [credential], keyed("k1"));
      assert.deepEqual([revoked.status, codeOf(revoked)], [402, "ERR_REVOKED"]);
    },
  );

  law(
    "another request under the same key is refused, and costs nothing",
    [
      { ...counting(), path: "/paid/*", grants: { uses: 9, endpoints: ["* /**"] } },
      { ...counting(), path: "/other", grants: { uses: 9, endpoints: ["* /**"] } },
    ],
    async (world) => {
      const credential = await world.buy("/paid/a");
      assert.equal((await world.ask("/paid/a?n=1", [credential], keyed("k1"))).status, 200);
      for (const target of ["/paid/b?n=1", "/paid/a?n=2", "/paid/a", "/other"]) {
        const response = await world.ask(target, [credential], keyed("k1"));
        assert.deepEqual([response.status, codeOf(response)], [422, "ERR_IDEMPOTENCY_KEY"]);
      }
      assert.equal(world.store.reserved.length, 1);
      assert.equal((await world.ask("/paid/%61?n=1", [credential], keyed("k1"))).status, 200);
      assert.equal(world.grants.length, 1);
    },
  );

  const OTHERS = [
    ["x-tenant", "bob"],
    ["accept", "text/html"],
    ["accept-language", "de"],
    ["range", "bytes=0-1"],
    ["cookie", "session=bob"],
    ["x-forwarded-user", "bob"],
    ["x-http-method-override", "DELETE"],
  ] as const;
  law(
    "a request that differs in a header field is another one, and has no kept answer",
    { ...counting(), grants: { uses: 9 } },
    async (world) => {
      const credential = await world.buy("/paid");
      const ask = (key: string, ...fields: (readonly [string, string])[]) =>
        world.ask("/paid", [credential], keyed(key, { fields }));
      for (const [at, [name, value]] of OTHERS.entries()) {
        assert.equal((await ask(`k${at}`, [name, "alice"])).status, 200);
        for (const fields of [[[name, value]], []] as const) {
          const other = await ask(`k${at}`, ...fields);
          assert.deepEqual([name, other.status, codeOf(other)], [name, 422, "ERR_IDEMPOTENCY_KEY"]);
        }
      }
      assert.equal(world.store.reserved.length, OTHERS.length);
    },
  );

  law(
    "a request that is repeated by another way is the same one, whatever proxies add",
    { ...counting(), grants: { uses: 9 } },
    async (world) => {
      const credential = await world.buy("/paid");
      const first = await world.ask("/paid", [credential], keyed("k1"));
      const ways: readonly (readonly (readonly [string, string])[])[] = [
        [
          ["via", "1.1 proxy"],
          ["forwarded", "for=192.0.2.1"],
          ["x-forwarded-for", "192.0.2.1"],
          ["x-forwarded-proto", "https"],
        ],
        [
          ["cdn-loop", "cdn"],
          ["cf-ray", "8a1"],
          ["cf-connecting-ip", "192.0.2.1"],
          ["x-amzn-trace-id", "Root=1-2"],
        ],
        [
          ["x-request-id", "7"],
          ["traceparent", "00-1-2-01"],
          ["user-agent", "other"],
          ["accept-encoding", "br"],
        ],
      ];
      for (const fields of ways) {
        const again = await world.ask("/paid", [credential], keyed("k1", { fields }));
        assert.deepEqual([again.status, again.body], [200, first.body]);
      }
      // The same credential by its other name.
      const fields = [["authorization", `LSAT ${credential}`]] as const;
      const again = await world.ask("/paid", [], keyed("k1", { fields }));
      assert.deepEqual([again.status, again.body], [200, first.body]);
      assert.equal(world.store.reserved.length, 1);
    },
  );

  const posted: RouteTerms = {
    method: "POST",
    price: "1 sat",
    grants: { uses: 9 },
    handle: async (_, body) => ({ status: 200, body: `got ${await body()}` }),
  };
  law("a body is compared, and the handler still reads it", posted, async (world) => {
    const credential = await world.buy("/paid", { method: "POST", body: "a" });
    const ask = (body: string) =>
      world.ask("/paid", [credential], keyed("k1", { method: "POST", body }));
    assert.equal((await ask("a")).body, "got a");
    assert.equal((await ask("a")).body, "got a");
    const other = await ask("b");
    assert.deepEqual([other.status, codeOf(other)], [422, "ERR_IDEMPOTENCY_KEY"]);
    const huge = await ask("x".repeat(1024 * 1024 + 1));
    assert.deepEqual([huge.status, codeOf(huge)], [422, "ERR_IDEMPOTENCY_KEY"]);
    assert.equal(world.grants.length, 1);
    const large = keyed("k2", { method: "POST", body: "y".repeat(200_000) });
    assert.equal((await world.ask("/paid", [credential], large)).body.length, 200_004);
  });

  {
    let answer = (_: Reply): void => {};
    let began = (): void => {};
    const handle = (): Promise<Reply> =>
      new Promise((resolve) => {
        answer = resolve;
        began();
      });
    const slow: RouteTerms = { price: "1 sat", handle };
    const running = async (world: World) => {
      const started = new Promise<void>((resolve) => {
        began = resolve;
      });
      const credential = await world.buy("/paid");
      const first = world.ask("/paid", [credential], keyed("k1"));
      await started;
      const repeated = await world.ask("/paid", [credential], keyed("k1"));
      assert.deepEqual([repeated.status, codeOf(repeated)], [409, "ERR_REQUEST_RUNNING"]);
      assert.deepEqual(repeated.lines("retry-after"), ["1"]);
      return { credential, first };
    };

    law("a request that is repeated while it runs is told to wait", slow, async (world) => {
      const { credential, first } = await running(world);
      answer({ status: 200, body: "sunny" });
      assert.equal((await first).body, "sunny");
      assert.equal((await world.ask("/paid", [credential], keyed("k1"))).body, "sunny");
      assert.equal(world.grants.length, 1);
    });

    law("a request whose use was given back is made again under its key", slow, async (world) => {
      const { credential, first } = await running(world);
      answer({ status: 503, body: "busy" });
      assert.equal((await first).status, 503);
      const started = new Promise<void>((resolve) => {
        began = resolve;
      });
      const second = world.ask("/paid", [credential], keyed("k1"));
      await Promise.race([
        started,
        second.then(({ status }) => assert.fail(`it was answered with ${status}`)),
      ]);
      answer({ status: 200, body: "sunny" });
      assert.equal((await second).body, "sunny");
      assert.equal((await world.ask("/paid", [credential], keyed("k1"))).body, "sunny");
      assert.equal(world.grants.length, 2);
    });
  }

  for (const [what, first, uses] of [
    ["that throws", () => Promise.reject(new Error("boom")), "free"],
    [
      "that closes the connection before the head",
      () => ({ status: 200, body: "", cut: "before the head" }),
      "free",
    ],
    [
      "that closes the connection inside of the body",
      () => ({ status: 200, body: "half", cut: "inside of the body" }),
      "used",
    ],
    ["whose answer is too large", () => ({ status: 200, body: "x".repeat(65_537) }), "used"],
  ] as const satisfies readonly (readonly [string, () => Reply | Promise<Reply>, string])[]) {
    if (what.endsWith("before the head") && contract.closesConnections === false) continue;
    for (const count of [1, 2]) {
      let isFirst = true;
      law(
        `after a handler ${what} the use is ${uses}, of ${count}`,
        {
          price: "1 sat",
          grants: { uses: count },
          handle: () => {
            if (!isFirst) return { status: 200, body: "sunny" };
            isFirst = false;
            return first();
          },
        },
        async (world) => {
          isFirst = true;
          const credential = await world.buy("/paid");
          const broken = await world.ask("/paid", [credential], keyed("k1")).catch(() => undefined);
          await world.ask("/.well-known/l402");
          // A server may read ahead, and answer 500 before it has sent a head.
          const isFree = uses === "free" || broken?.status === 500;
          const again = await world.ask("/paid", [credential], keyed("k1"));
          assert.equal(again.status, isFree ? 200 : 422, again.body);
          assert.deepEqual(again.lines("www-authenticate"), []);
          assert.equal(world.grants.length, isFree ? 2 : 1);
          const other = await world.ask("/paid", [credential], keyed("k2"));
          assert.equal(other.status, count === 1 ? 402 : 200);
        },
      );
    }
  }

  law("HEAD is repeated without an end", counting(), async (world) => {
    const credential = await world.buy("/paid");
    for (let times = 0; times < 3; times++) {
      const head = await world.ask("/paid", [credential], keyed("k1", { method: "HEAD" }));
      assert.deepEqual([head.status, head.body], [200, ""]);
    }
    assert.equal((await world.ask("/paid", [credential], keyed("k1"))).status, 200);
  });

  law("nothing is kept for longer than the credential is valid", counting(), async (world) => {
    const credential = await world.buy("/paid");
    assert.equal((await world.ask("/paid", [credential], keyed("k1"))).status, 200);
    world.time.now = START + 3600;
    const late = await world.ask("/paid", [credential], keyed("k1"));
    assert.deepEqual([late.status, codeOf(late)], [402, "ERR_EXPIRED"]);
  });

  law("240 requests with one key at once are one use [case 88]", counting(), async (world) => {
    const credential = await world.buy("/paid");
    const responses = await Promise.all(
      Array.from({ length: 240 }, () => world.ask("/paid", [credential], keyed("k1"))),
    );
    const statuses = responses.map(({ status }) => status);
    assert.ok(statuses.every((status) => status === 200 || status === 409));
    assert.equal(
      new Set(responses.filter(({ status }) => status === 200).map(({ body }) => body)).size,
      1,
    );
    assert.equal(world.grants.length, 1);
  });
}
