/**
 * `sigil gateway decide` behind nginx, Caddy, Traefik and Envoy, each as a process with the
 * configuration of examples/decide. What passes is seen by an upstream that keeps every byte.
 */
import { Credential } from "l8nt";
import { HolderKey } from "l8nt/holder";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { formatMacaroonField } from "../../packages/l8nt/src/l402/macaroon-field.ts";
import { KEY_FIELDS } from "../../packages/sigil/src/gateway/credential/place.ts";
import { PROXIES } from "../../packages/sigil/src/gateway/decide/original.ts";
import { FACT_FIELDS } from "../../packages/sigil/src/gateway/decide/server.ts";
import { binaryOf } from "./support/binaries.ts";
import { ask, askHttp2, Connection, type Fields, headOf } from "./support/client.ts";
import { openStage, type Stage } from "./support/stage.ts";

const basic = (user: string): string => `Basic ${Buffer.from(`${user}:`).toString("base64")}`;
const bearer = (credential: Credential): Fields => [
  ["Authorization", `Bearer ${credential.toKey()}`],
];

const PLACES: Readonly<Record<string, (credential: Credential) => Fields>> = {
  "Authorization: L402": (one) => [["Authorization", `L402 ${one}`]],
  "Authorization: Bearer": bearer,
  "the user of Authorization: Basic": (one) => [["Authorization", basic(one.toKey())]],
  "X-Api-Key": (one) => [["X-Api-Key", one.toKey()]],
  "Api-Key": (one) => [["Api-Key", one.toKey()]],
  "X-Goog-Api-Key": (one) => [["x-goog-api-key", one.toKey()]],
  Macaroon: (one) => [["Macaroon", formatMacaroonField(one)]],
  "Grpc-Metadata-Macaroon": (one) => [["Grpc-Metadata-Macaroon", formatMacaroonField(one)]],
};

for (const name of PROXIES) {
  const found = binaryOf(name);
  if ("missing" in found) console.error(`*** NOT RUN: ${found.missing} ***`);

  describe.skipIf("missing" in found)(`behind ${name}`, () => {
    let stage: Stage;
    beforeAll(async () => {
      if ("path" in found) stage = await openStage(name, found.path);
    });
    afterAll(() => stage?.close());
    afterEach(() => {
      expect(stage.alarms).toEqual([]);
      stage.upstream.served.length = 0;
      stage.originals.length = 0;
      stage.rows.length = 0;
    });

    const asked = (target: string, fields: Fields = [], method = "GET") =>
      ask(stage.port, { target, fields, method });
    const facts = () => {
      const [served] = stage.upstream.served;
      return FACT_FIELDS.map((field) => served?.values(field).join("|") ?? "not served");
    };

    test("a free request passes without a credential, and with the facts", async () => {
      expect(await asked("/open/a?b=c")).toMatchObject({ status: 200, body: "served" });
      expect(stage.upstream.served).toMatchObject([{ method: "GET", target: "/open/a?b=c" }]);
      expect(facts()).toEqual(["free", "", ""]);
    });

    test.each(Object.entries(PLACES))(
      "a credential in %s passes, and does not reach the upstream",
      async (_, fieldsOf) => {
        const credential = stage.mint({ agent: "anna" }).delegate({ agent: "scout" });
        const fields = fieldsOf(credential);
        expect(await asked("/x", fields)).toMatchObject({ status: 200, body: "served" });
        const [served] = stage.upstream.served;
        const { node } = stage.paywall.authority.verifier.authenticate(credential);
        expect(facts()).toEqual(["credential", node.id, "anna/scout"]);
        for (const field of KEY_FIELDS) expect(served!.values(field), field).toEqual([]);
        for (const [, value] of fields) expect(served!.head).not.toContain(value.split(" ").at(-1));
      },
    );

    test("what is bound to a key passes once its key has signed it, and else is told why", async () => {
      const key = new HolderKey(undefined, { clock: stage.town.clock });
      const credential = stage.mint({ holder: key.thumbprint, budget: ["100 sat"] });
      const signed = (path: string): Fields => {
        const headers = Object.fromEntries(bearer(credential));
        return [...key.sign(new Request(stage.url + path, { headers }))];
      };
      const sent = signed("/x?a=b");
      expect((await asked("/x?a=b", sent)).status).toBe(200);
      expect(facts()[0]).toBe("credential");
      for (const fields of [bearer(credential), signed("/y")]) {
        const denied = await asked("/x?a=b", fields);
        expect(denied).toMatchObject({ status: 403, body: expect.stringContaining("ERR_HOLDER") });
      }
      // nginx asks again why, and a question that lets nobody through counts no signature.
      const repeated = name === "nginx" ? [503, "decision_changed"] : [403, "ERR_HOLDER"];
      const { status, body } = await asked("/x?a=b", sent);
      expect([status, body]).toEqual([repeated[0], expect.stringContaining(`${repeated[1]}`)]);
      // It proves who asks, also where something else speaks against the request.
      const poor = await asked("/dear/a", signed("/dear/a"));
      expect(poor.status).not.toBe(200);
      expect(poor.body).not.toContain("ERR_HOLDER");
      expect(stage.upstream.served).toHaveLength(1);
    });

    test.each(["/open/a", "/x"])(
      "the facts that a client sends to %s are not the upstream's",
      async (target) => {
        const credential = stage.mint({ agent: "scout" });
        const forged: Fields = FACT_FIELDS.flatMap((field) => [
          [field, "forged"],
          [field.toUpperCase(), "forged"],
        ]);
        expect((await asked(target, [...bearer(credential), ...forged])).status).toBe(200);
        expect(stage.upstream.served[0]!.head).not.toContain("forged");
        expect(facts()[2]).toBe(target === "/x" ? "scout" : "");
      },
    );

    test.each([
      ...FACT_FIELDS.map((field) => `keep-alive, ${field.toLowerCase()}`),
      FACT_FIELDS.join(", "),
      "close, X-Sigil-Node",
      "Upgrade, X-Sigil-Access",
    ])("a client whose Connection is %j removes no fact", async (connection) => {
      const credential = stage.mint({ agent: "scout" });
      const fields: Fields = [...bearer(credential), ["Connection", connection]];
      const { node } = stage.paywall.authority.verifier.authenticate(credential);
      const { status } = await asked("/x", fields);
      expect([200, 400]).toContain(status);
      if (status === 200) expect(facts()).toEqual(["credential", node.id, "scout"]);
    });

    test.each(["X_Sigil_Node", "X-Sigil_Node", "x_sigil-lineage", "X_Sigil_Other"])(
      "no field %s, which CGI takes for one of the facts, reaches the upstream",
      async (field) => {
        const { status } = await asked("/open/a", [[field, "forged"]]);
        expect([200, 400]).toContain(status);
        for (const { head } of stage.upstream.served) expect(head).not.toContain("forged");
      },
    );

    test.each([
      ...["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override"],
      ...["X-Original-URL", "X-Rewrite-URL"],
    ])("no field %s, which makes another request of it, reaches the upstream", async (field) => {
      const { status } = await asked("/open/a", [[field, "/forged"]]);
      expect([200, 400]).toContain(status);
      for (const { head } of stage.upstream.served) expect(head).not.toContain("forged");
    });

    test("the fields that this proxy asks by are not the client's", async () => {
      const forged: Fields = [
        ...(["X-Original-URI", "X-Forwarded-Uri", "X-Forwarded-Path"].map((field) => [
          field,
          "/open/a",
        ]) as unknown as Fields),
        ["X-Original-Method", "OPTIONS"],
        ["X-Forwarded-Method", "OPTIONS"],
        ["X-Forwarded-For", "192.0.2.1"],
        ["X-Real-Ip", "192.0.2.1"],
      ];
      expect((await asked("/x", forged)).status).toBe(401);
      expect((await asked("/x", [...forged, ...forged])).status).toBe(401);
      expect(stage.originals).toMatchObject([
        { method: "GET", target: "/x", clientAddress: "127.0.0.1" },
        { method: "GET", target: "/x", clientAddress: "127.0.0.1" },
      ]);
      expect(stage.upstream.served).toEqual([]);
    });

    describe("a denial", () => {
      const denials: readonly (readonly [
        what: string,
        status: number,
        code: string,
        target: string,
        fields: () => Fields,
      ])[] = [
        ["no credential", 401, "credential_missing", "/x", () => []],
        [
          "a key of the API's own",
          401,
          "credential_missing",
          "/x",
          () => [["X-Api-Key", "sk-own"]],
        ],
        [
          "a forged credential",
          401,
          "credential_invalid",
          "/x",
          () => [["Authorization", `Bearer ${forge(stage.mint()).toKey()}`]],
        ],
        [
          "half a credential",
          401,
          "credential_invalid",
          "/x",
          () => [["Authorization", `Bearer ${stage.mint().toKey().slice(0, 60)}`]],
        ],
        [
          "two credentials",
          400,
          "credential_ambiguous",
          "/x",
          () => [...bearer(stage.mint()), ["X-Api-Key", stage.mint().toKey()]],
        ],
        [
          "an endpoint outside of its scope",
          403,
          "endpoint_not_allowed",
          "/x",
          () => bearer(stage.mint({ endpoints: [`GET ${stage.url}/y`] })),
        ],
        [
          "a capability that it lacks",
          403,
          "capability_not_allowed",
          "/reports/a",
          () => bearer(stage.mint({ capabilities: { api: ["search"] } })),
        ],
        [
          "a price above its budget",
          402,
          "budget_exhausted",
          "/dear/a",
          () => bearer(stage.mint({ budget: ["0.001 usd"] })),
        ],
      ];

      test.each(denials)("for %s is %i, %s", async (_, status, code, target, fieldsOf) => {
        const answer = await asked(target, fieldsOf());
        expect(answer.status).toBe(status);
        expect(answer.lines("content-type")).toEqual(["application/problem+json"]);
        expect(JSON.parse(answer.body)).toMatchObject({ status, code });
        // RFC 9110 §15.5.2, and one line of it.
        expect(answer.lines("www-authenticate")).toHaveLength(status === 401 ? 1 : 0);
        expect(answer.lines("cache-control")).toEqual(["no-store"]);
        expect(stage.upstream.served).toEqual([]);
        expect(stage.rows).toMatchObject([{ end: "denied", status, code }]);
      });

      test("of a credential that has ended is 403", async () => {
        const credential = stage.mint({ expiresIn: "1s" });
        stage.town.clock.advance("2s");
        const answer = await asked("/x", bearer(credential));
        expect(JSON.parse(answer.body)).toMatchObject({ status: 403, code: "credential_expired" });
      });

      test("of a request that is not listed is 403", async () => {
        // No route matches an escape, which could be read in two ways.
        const answer = await asked("/x%C3%A9", bearer(stage.mint()));
        expect([400, 403]).toContain(answer.status);
        expect(stage.upstream.served).toEqual([]);
      });

      test("of a POST has its body, and the connection goes on", async () => {
        const connection = new Connection(stage.port);
        const denied = await connection.ask({ method: "POST", target: "/x", body: "a=b" });
        expect(denied).toMatchObject({ status: 401, body: expect.stringContaining("ERR_TOKEN") });
        if (denied.lines("connection").includes("close")) return connection.end();
        expect(await connection.ask({ target: "/open/a" })).toMatchObject({ status: 200 });
        connection.end();
      });

      test("of a HEAD has no body", async () => {
        const answer = await asked("/x", [], "HEAD");
        expect(answer).toMatchObject({ status: 401, body: "" });
      });
    });

    test("a use is used when its request passes, and the next one is denied", async () => {
      const fields = bearer(stage.mint({ maxUses: 2 }));
      const statuses: number[] = [];
      for (const target of ["/x", "/open/a", "/x", "/x"])
        statuses.push((await asked(target, fields)).status);
      expect(statuses).toEqual([200, 200, 200, 402]);
      expect(stage.upstream.served).toHaveLength(3);
      // One row for each, also of nginx, which asks twice about the last one.
      expect(stage.rows.map(({ end, status, route }) => [end, status, route])).toEqual([
        ["passed", undefined, "/**"],
        ["passed", undefined, "/open/**"],
        ["passed", undefined, "/**"],
        ["denied", 402, "/**"],
      ]);
    });

    test("a price in dollars counts on the budget", async () => {
      const fields = bearer(stage.mint({ budget: ["0.02 usd"] }));
      const statuses: number[] = [];
      for (let one = 0; one < 3; one++) statuses.push((await asked("/dear/a", fields)).status);
      expect(statuses).toEqual([200, 200, 402]);
      const spent = { unit: "usd_micro", reserved: 10_000n, spent: 10_000n, price: "flat" };
      expect(stage.rows).toMatchObject([
        { end: "passed", ...spent },
        { end: "passed", ...spent },
        { end: "denied", code: "budget_exhausted" },
      ]);
    });

    test("a credential without a budget in dollars pays no price in dollars", async () => {
      const answer = await asked("/dear/a", bearer(stage.mint({ budget: ["100 sat"] })));
      expect(JSON.parse(answer.body)).toMatchObject({ status: 402, code: "budget_missing" });
    });

    test("each address has its free requests, and then who has a credential", async () => {
      const statuses: number[] = [];
      // Each says that it is somebody else.
      for (const at of [1, 2, 3, 4])
        statuses.push((await asked("/trial/a", [["X-Forwarded-For", `192.0.2.${at}`]])).status);
      expect(statuses).toEqual([200, 200, 401, 401]);
      expect((await asked("/trial/a", bearer(stage.mint()))).status).toBe(200);
      expect(facts()[0]).toBe("freebie");
    });

    test("a request that is sold is answered 402, with both lines of its challenge", async () => {
      const answer = await asked("/paid/a");
      expect(answer.status).toBe(402);
      expect(answer.lines("www-authenticate").map((line) => line.split(" ")[0])).toEqual([
        "LSAT",
        "L402",
      ]);
      expect(JSON.parse(answer.body)).toMatchObject({ price: "10 sat" });
      expect(stage.upstream.served).toEqual([]);
    });

    test("a client buys, and its next request buys again", async () => {
      const before = stage.town.network.payments().length;
      for (const target of ["/paid/b", "/paid/b"]) {
        const response = await stage.town.client.get(stage.url + target);
        expect([response.status, await response.text()]).toEqual([200, "served"]);
      }
      expect(stage.town.network.payments()).toHaveLength(before + 2);
      expect(stage.upstream.served).toMatchObject([{ target: "/paid/b" }, { target: "/paid/b" }]);
      expect(facts()[0]).toBe("paid");
    });

    test("a child that is revoked is denied, and its parent goes on", async () => {
      const parent = stage.mint();
      const child = parent.delegate({ agent: "scout" });
      expect((await asked("/x", bearer(child))).status).toBe(200);
      const { condition, value } = child.caveats.at(-1)!;
      const revoked = await ask(stage.port, {
        method: "POST",
        target: "/.well-known/l402/revocations",
        fields: [["Authorization", `L402 ${parent}`]],
        body: JSON.stringify({ caveats: [`${condition}=${value}`] }),
      });
      expect(revoked.status, revoked.body).toBe(200);
      const refused = await asked("/x", bearer(child));
      expect(JSON.parse(refused.body)).toMatchObject({ status: 403, code: "credential_revoked" });
      expect((await asked("/x", bearer(parent))).status).toBe(200);
    });

    test("what is sold is listed", async () => {
      const answer = await asked("/.well-known/l402");
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toMatchObject({ revocations: expect.any(String) });
    });

    describe("a WebSocket", () => {
      const opening: Fields = [
        ["Connection", "Upgrade"],
        ["Upgrade", "websocket"],
        ["Sec-WebSocket-Version", "13"],
        ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
      ];

      test("opens with a credential, which the upstream does not see", async () => {
        const connection = new Connection(stage.port);
        const credential = stage.mint();
        const fields = [...opening, ...bearer(credential)];
        expect((await connection.ask({ target: "/ws", fields })).status).toBe(101);
        connection.socket.write("echo");
        expect(await connection.some(4)).toBe("echo");
        connection.end();
        expect(stage.upstream.served[0]!.head).not.toContain(credential.toKey());
      });

      test("does not open without one", async () => {
        expect((await asked("/ws", opening)).status).toBe(401);
        expect(stage.upstream.served).toEqual([]);
      });
    });

    test("a HEAD passes as one", async () => {
      expect(await asked("/x", bearer(stage.mint()), "HEAD")).toMatchObject({
        status: 200,
        body: "",
      });
      expect(stage.upstream.served).toMatchObject([{ method: "HEAD" }]);
    });

    test("a large upload is denied before it is sent whole", async () => {
      const connection = new Connection(stage.port);
      const length = 256 * 1024 * 1024;
      const fields: Fields = [["Content-Length", String(length)]];
      connection.socket.write(headOf({ method: "POST", target: "/x", fields }));
      const sent = connection.upload(length);
      expect((await connection.answer()).status).toBe(401);
      connection.end();
      expect(await sent).toBeLessThan(32 * 1024 * 1024);
      expect(stage.upstream.served).toEqual([]);
    });

    test.each(["Content-Length", "Transfer-Encoding"])(
      "a large upload with %s passes whole",
      async (framing) => {
        const connection = new Connection(stage.port);
        const body = "x".repeat(4 * 1024 * 1024);
        const isChunked = framing === "Transfer-Encoding";
        const sent = isChunked ? `400000\r\n${body}\r\n0\r\n\r\n` : body;
        const field = isChunked ? "chunked" : String(body.length);
        const fields: Fields = [...bearer(stage.mint()), [framing, field]];
        connection.socket.write(headOf({ method: "POST", target: "/x", fields }) + sent);
        expect((await connection.answer()).status).toBe(200);
        connection.end();
        expect(stage.upstream.served).toMatchObject([{ bodyBytes: body.length }]);
      },
    );

    test("an upload that waits for 100 Continue passes", async () => {
      const connection = new Connection(stage.port);
      const fields: Fields = [
        ...bearer(stage.mint()),
        ["Expect", "100-continue"],
        ["Content-Length", "4"],
      ];
      connection.socket.write(headOf({ method: "POST", target: "/x", fields }));
      expect(await connection.some(25)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
      connection.socket.write("body");
      expect((await connection.answer()).status).toBe(200);
      connection.end();
    });

    test("of 60 requests at once as many pass as there are uses", async () => {
      const fields = bearer(stage.mint({ maxUses: 20 }));
      const answers = await Promise.all(Array.from({ length: 60 }, () => asked("/x", fields)));
      const passed = answers.filter(({ status }) => status === 200);
      expect(passed).toHaveLength(20);
      expect(stage.upstream.served).toHaveLength(20);
    });

    test("each request of a connection is decided by itself", async () => {
      const connection = new Connection(stage.port);
      const fields = bearer(stage.mint());
      const statuses: number[] = [];
      for (const more of [fields, [], fields, []])
        statuses.push((await connection.ask({ target: "/x", fields: more })).status);
      expect(statuses).toEqual([200, 401, 200, 401]);
      connection.end();
    });

    test("each request of a connection of HTTP/2 is decided by itself", async () => {
      const fields = bearer(stage.mint());
      const forged: Fields = [["x-sigil-node", "forged"]];
      const statuses = await askHttp2(stage.port, [
        { target: "/x", fields: [...fields, ...forged] },
        { target: "/x", fields: forged },
        { target: "/paid/a" },
        { method: "POST", target: "/x", fields, body: "a" },
        { method: "POST", target: "/x", body: "a" },
      ]);
      expect(statuses).toEqual([200, 401, 402, 200, 401]);
      expect(stage.upstream.served).toHaveLength(2);
      for (const { head } of stage.upstream.served) {
        expect(head).not.toContain("forged");
        expect(head).not.toContain("sk-sigil-");
      }
    });

    describe("with the decision service down", () => {
      beforeAll(() => stage.stopDeciding());
      afterAll(() => stage.decideAgain());

      test.each(["/open/a", "/x", "/paid/a"])("nothing passes to %s", async (target) => {
        const { status } = await asked(target, bearer(stage.mint()));
        expect(status).toBeGreaterThanOrEqual(500);
        expect(stage.upstream.served).toEqual([]);
      });
    });

    /** Spellings that some part of the way may read as `/open/a` and another as `/x`. */
    const SPELLINGS = [
      ...["/open/../x", "/open/%2e%2e/x", "/open/.%2E/x", "/open/..%2fx", "/open/..%5cx"],
      ...["/open/..\\x", "/open/..;/x", "/open/..;a=b/x", "/open/%252e%252e/x", "/open//../x"],
      ...["//x", "/open//x", "//open/a", "/./x", "/open/./a", "/open/%2e/a", "/open/."],
      ...["/OPEN/a", "/Open/../x", "/%6fpen/a", "/%6Fpen/a", "/open%2Fa", "/open/%2Fx"],
      ...["/open/a?/../x", "/open/a?b=%2e%2e", "/open/a?", "/open/a??x=y", "/x?/open/a"],
      ...["/open/a;b=c", "/open;/../x", "/;/open/a", "/open/a;", "/x;/open/a"],
      ...["/open/a#/x", "/x#/open/a", "/open/%00", "/open/a%00/../../x", "/open/%0d%0aX:y"],
      ...["/open/a%20b", "/open/a%2", "/open/a%zz", "/open/%c0%ae%c0%ae/x", "/open/\u00e9"],
      ...[
        "/open/a|b",
        "/open/a[1]",
        "/open/{a}",
        "/open/a%7Cb",
        "/open/'a'",
        "/open/~a",
        "/open/%7ea",
      ],
      ...["http://api.example/open/a", "http://other.example/open/a", "http://api.example/x"],
      ...["http://api.example/open/../x", "*", "open/a", "x", "/open/a/", "/open/", "/open"],
      ...["/.well-known/l402/../../x", "/.well-known/l402/%2e%2e/%2e%2e/x", "/.well-known/l402x"],
      ...["/_sigil/decide", "/_sigil/why", "/decide", "/decide/why", "/decide/open/a"],
    ];

    test.each(SPELLINGS)("what is judged of %s is what the upstream is served", async (target) => {
      const connection = new Connection(stage.port);
      connection.socket.write(`GET ${target} HTTP/1.1\r\nHost: api.example\r\n\r\n`, "latin1");
      // A proxy may close the connection instead.
      const answer = await connection.answer().catch(() => undefined);
      connection.end();
      for (const served of stage.upstream.served) {
        expect(answer?.status).toBe(200);
        expect(stage.rows).toMatchObject([{ end: "passed" }]);
        expect(stage.originals).toMatchObject([{ method: served.method, target: served.target }]);
        // Without a credential only this may pass, in every reading.
        expect(readings(served.target).every((path) => path.startsWith("/open/"))).toBe(true);
      }
      expect(stage.upstream.served.length > 0).toBe(answer?.status === 200);
    });
  });
}

/** The paths that careless and careful software read in a target. */
function readings(target: string): readonly string[] {
  const [raw = ""] = target.split(/[?#]/);
  const decoded = [raw, raw.replaceAll(/%([0-9a-f]{2})/gi, (_, hex) => `%${hex}`)];
  let text = raw;
  for (let layer = 0; layer < 3; layer++) {
    text = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    decoded.push(text);
  }
  return decoded.flatMap((path) => {
    const slashed = path.replaceAll("\\", "/");
    const merged = slashed.replaceAll(/\/{2,}/g, "/");
    return [path, slashed, merged, merged.replaceAll(/;[^/]*/g, "")].map(
      (one) =>
        new URL(`http://h${one.startsWith("/") ? one.replace(/^\/+/, "/") : `/${one}`}`).pathname,
    );
  });
}

/** The same credential with one bit of its signature turned. */
function forge(credential: Credential): Credential {
  const text = credential.toString();
  const at = text.length - 80;
  const changed = text[at] === "A" ? "B" : "A";
  return Credential.parse(text.slice(0, at) + changed + text.slice(at + 1));
}
