/** Laws of reading a request in one way: path, method, body, Host. */
import assert from "node:assert/strict";
import { Credential } from "../l402/index.ts";
import { LOCATION, type PaywallLaws } from "./paywall-laws.ts";

const BY_PATH = `${LOCATION}/api/by-path?a=%41`;

export function requestLaws({ law }: PaywallLaws): void {
  law(
    "a path that can be read in two ways is never served or sold [case 30]",
    [{ path: "/paid/*", price: "1 sat", grants: { endpoints: ["GET /paid/**"], uses: 99 } }],
    async (world) => {
      const credential = await world.buy("/paid/x");
      const refused = [
        ...[
          "/paid/%2e%2e/admin",
          "/paid/.%2e/admin",
          "/paid/../paid/x",
          "/free/../paid/x",
          "/./paid/x",
          "/paid/./x",
        ],
        ...[
          "/free/%2e%2e/paid/x",
          "/paid/..%2fadmin",
          "/paid/a%2fb",
          "/paid/a%2Fb",
          "/paid%2fx",
          "/paid/%252e%252e/x",
        ],
        ...[
          "/paid/a%252fb",
          "/paid/a%25252fb",
          "/paid/..\\admin",
          "/paid\\x",
          "/paid/a%5cb",
          "/paid/..;/admin",
        ],
        ...[
          "/paid/%00",
          "/paid/a%0ab",
          "/paid/%7f",
          "/paid/x#y",
          "/paid/a%zz",
          '/paid/a"b',
          "paid/x",
        ],
        ...["http://evil.example/paid/x", `${LOCATION}/paid/x`, "*"],
      ];
      for (const target of refused) {
        const { status } = await world.ask(target, [credential]);
        assert.ok(status === 400 || status === 404, `${target} was answered with ${status}`);
        const bare = await world.ask(target);
        assert.ok(
          bare.status === 400 || bare.status === 404,
          `${target} was sold with ${bare.status}`,
        );
      }
      assert.deepEqual(world.grants, []);
      for (const target of [
        "/paid/y",
        "/paid/%79",
        "/paid/a%20b",
        "/paid/a|b",
        "/paid/[id]",
        "/paid/y?next=../..%2f",
        "/paid/a.b/..c",
      ])
        assert.equal((await world.ask(target, [credential])).status, 200, target);
    },
  );

  law(
    "a request with two `Host` fields is neither served nor sold",
    { price: "1 sat", grants: { uses: 2 } },
    async (world) => {
      const credential = await world.buy("/paid");
      for (const second of ["a.example", "evil.example"])
        for (const given of [[], [credential]]) {
          const fields = [
            ["Host", "a.example"],
            ["HOST", second],
          ] as const;
          const response = await world.ask("/paid", given, { fields });
          assert.equal(response.status, 400);
          assert.deepEqual(response.lines("www-authenticate"), []);
        }
      assert.deepEqual(world.grants, []);
      assert.equal((await world.ask("/paid", [credential])).status, 200);
    },
  );

  law(
    "a path is sold and never a pattern: a star that a client sends is no wildcard",
    [{ path: "/paid/*", price: "1 sat" }],
    async (world) => {
      for (const target of ["/paid/*", "/paid/**", "/paid/a/*", "/paid/a*b", "/paid/a;b"]) {
        const { status } = await world.ask(target);
        assert.ok(status === 400 || status === 404, `${target} was sold with ${status}`);
      }
      const escaped = await world.buy("/paid/%2A");
      assert.equal((await world.ask("/paid/x", [escaped])).status, 402);
      assert.equal((await world.ask("/paid/%2a", [escaped])).status, 200);
    },
  );

  law(
    "the method of the request line is judged, whatever a field says [case 38]",
    [
      { path: "/orders", price: "1 sat", grants: { uses: 9 } },
      { path: "/orders", method: "POST", price: "1 sat", grants: { uses: 9 } },
    ],
    async (world) => {
      const getter = await world.buy("/orders");
      for (const name of ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]) {
        const asGet = { method: "POST", fields: [[name, "GET"]] } as const;
        assert.equal((await world.ask("/orders", [getter], asGet)).status, 402, name);
        const asPost = { fields: [[name, "POST"]] } as const;
        assert.equal((await world.ask("/orders?_method=POST", [getter], asPost)).status, 200, name);
      }
      assert.equal(world.grants.length, 3);
    },
  );

  law(
    "the handler receives the body as it was sent",
    {
      method: "POST",
      price: "1 sat",
      handle: async (_, body) => ({ status: 200, body: await body() }),
    },
    async (world) => {
      const more = { method: "POST", body: "forecast for Tokyo, please" };
      const response = await world.ask("/paid", [await world.buy("/paid", more)], more);
      assert.deepEqual([response.status, response.body], [200, more.body]);
    },
  );

  law(
    "HEAD is answered like GET, without the content",
    { price: "1 sat", grants: { uses: 2 } },
    async (world) => {
      const bare = await world.ask("/paid", [], { method: "HEAD" });
      assert.deepEqual(
        [bare.status, bare.body, bare.lines("www-authenticate").length],
        [402, "", 2],
      );
      const getter = await world.buy("/paid");
      const head = await world.ask("/paid", [getter], { method: "HEAD" });
      assert.deepEqual([head.status, head.body], [200, ""]);
      assert.equal((await world.ask("/paid", [getter])).status, 200);
      assert.equal((await world.ask("/paid", [getter])).status, 200, "HEAD was counted");
      assert.equal((await world.ask("/paid", [getter])).status, 402, "GET was not counted");
    },
  );

  law("Host is not read", { price: "1 sat" }, async (world) => {
    const fields = [["host", "evil.example"]] as const;
    const credential = await world.buy("/paid", { fields });
    assert.ok(
      Credential.parse(credential).caveats.some(({ value }) => value === `GET ${LOCATION}/paid`),
    );
    assert.equal((await world.ask("/paid", [credential], { fields })).status, 200);
  });

  for (const location of [`${LOCATION}/api`, `${LOCATION}/api/`])
    law(
      `with the location ${location}, a request is sold and judged behind its path`,
      [
        { price: "1 sat", grants: { uses: 2 } },
        { path: "/all/*", price: "1 sat", grants: { endpoints: ["GET /all/**"], uses: 9 } },
        { path: "/by-path", price: ({ url }) => (url.href === BY_PATH ? "1 sat" : "9 sat") },
      ],
      async (world) => {
        const credential = await world.buy("/paid?q=1");
        const scopeOf = (text: string) =>
          Credential.parse(text).caveats.find(({ condition }) => condition === "endpoints")?.value;
        assert.equal(scopeOf(credential), `GET ${LOCATION}/api/paid`);
        assert.equal((await world.ask("/paid", [credential])).status, 200);
        const all = await world.buy("/all/a");
        assert.equal(scopeOf(all), `GET ${LOCATION}/api/all/**`);
        assert.equal((await world.ask("/all/b/c", [all])).status, 200);
        await world.buy("/by-path?a=%41");
        assert.equal(world.invoicer.requests.at(-1)?.amountMsat, 1000n);
        // What is sold without the path, or for the path with a slash missing, is another URL.
        const mint = (path: string) =>
          world.paywall.authority.minter
            .mint({ endpoints: [`GET ${LOCATION}${path}`], expiresIn: "1h" })
            .toString();
        for (const path of ["/paid", "/apipaid", "/api/api/paid"])
          assert.notEqual((await world.ask("/paid", [mint(path)])).status, 200, path);
        assert.equal((await world.ask("/paid", [mint("/api/paid")])).status, 200);
        const described = JSON.parse((await world.ask("/.well-known/l402")).body);
        assert.equal(described.location, location);
        assert.equal(described.revocations, "/api/.well-known/l402/revocations");
        for (const target of ["http://evil.example/paid", `${location}/paid`, "paid", "*"])
          assert.ok([400, 404].includes((await world.ask(target, [credential])).status), target);
      },
      { location },
    );

  law("a control character never reaches a field [case 9]", { price: "1 sat" }, async (world) => {
    const credential = await world.buy("/paid");
    for (const between of ["\r\n", "\n", "\r", "\0", "\r\n ", "\x7f"]) {
      const fields = [["authorization", `L402 ${credential}${between}x: y`]] as const;
      const { status } = await world.ask("/paid", [], { fields });
      assert.ok(
        status === 400 || status === 401 || status === 200,
        `${JSON.stringify(between)}: ${status}`,
      );
      // A proper line break begins another field, and that is all that it does.
      if (status === 200) assert.equal(between, "\r\n");
    }
    assert.ok(world.grants.length <= 1);
  });
}
