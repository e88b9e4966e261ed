/**
 * What crosses a treasury that relays: nothing of one hop, nobody's identity, no credential. [cases
 * 93, 94]
 */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ask402, challenger, failure, site, type Town, town } from "../testing/fixtures/town.ts";

type Fields = readonly (readonly [string, string])[];

async function echo(world: Town, answer: Record<string, string | string[]> = {}) {
  return site(async (request, response, url) => {
    if (request.headers.authorization === undefined)
      ask402(response, await challenger(world, url).demand({ enforced: undefined }));
    else response.writeHead(200, answer).end("served");
  });
}

const order = (world: Town, url: string, headers: Fields = [], more: object = {}) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: world.mint().toString(),
    method: "GET",
    url,
    headers,
    ...more,
  });

describe("to the service", () => {
  test.each([
    ["authorization", "LSAT AAAA:00"],
    ["Authorization", "L402 AAAA:00"],
    ["Macaroon", "02ab"],
    ["Grpc-Metadata-Macaroon", "02ab"],
    ["grpc-metadata-authorization", "L402 AAAA:00"],
    ["proxy-authorization", "Basic eDp5"],
    ["cookie", "session=1"],
    ["host", "internal.example"],
    ["connection", "keep-alive"],
    ["keep-alive", "timeout=5"],
    ["te", "trailers"],
    ["trailer", "x"],
    ["transfer-encoding", "chunked"],
    ["upgrade", "websocket"],
    ["expect", "100-continue"],
    ["content-length", "3"],
    ["forwarded", "for=127.0.0.1"],
    ["x-forwarded-for", "10.0.0.1"],
    ["X-Forwarded-Host", "internal.example"],
    ["x-real-ip", "10.0.0.1"],
    ["x-client-ip", "10.0.0.1"],
    ["true-client-ip", "10.0.0.1"],
    ["cf-connecting-ip", "10.0.0.1"],
    ["via", "1.1 proxy"],
    ["origin", "https://internal.example"],
    ["referer", "https://internal.example/secret"],
    ["sigil-relayed", "1"],
    ["x-sigil-agent", "root"],
    ["x-http-method-override", "DELETE"],
    ["x-method-override", "DELETE"],
    ["x-original-url", "/admin"],
    ["x-rewrite-url", "/admin"],
  ])("%s is not passed on", async (name, value) => {
    const world = await town();
    const shop = await echo(world);
    const canary = `${value} canary`;
    await order(world, `${shop.url}/a`, [[name, name === "content-length" ? value : canary]]);
    expect(shop.received).toHaveLength(2);
    for (const { text } of shop.received) expect(text).not.toContain("canary");
    expect(shop.received[0]!.headers.authorization).toBeUndefined();
    expect(shop.received[1]!.headers.authorization).toMatch(/^L402 [A-Za-z0-9+/=]+:[0-9a-f]{64}$/);
  });

  test("fields that Connection names are not passed on", async () => {
    const world = await town();
    const shop = await echo(world);
    await order(world, `${shop.url}/a`, [
      ["connection", "X-Private, close"],
      ["x-private", "canary"],
      ["x-public", "kept"],
    ]);
    for (const { text, headers } of shop.received) {
      expect(text).not.toContain("canary");
      expect(headers["x-public"]).toBe("kept");
    }
  });

  test("what decides a price or an answer is passed on, with the body, both times [case 83]", async () => {
    const world = await town();
    const shop = await echo(world);
    const body = new TextEncoder().encode('{"amount":"ü"}');
    const fields: Fields = [
      ["accept", "text/csv"],
      ["content-type", "application/json"],
      ["accept-language", "de"],
      ["idempotency-key", "k1"],
    ];
    await order(world, `${shop.url}/a?q=1`, fields, { method: "POST", body });
    expect(shop.received).toHaveLength(2);
    for (const request of shop.received) {
      expect(request).toMatchObject({ method: "POST", target: "/a?q=1" });
      expect(request.body).toBe(Buffer.from(body).toString("latin1"));
      for (const [name, value] of fields) expect(request.headers[name]).toBe(value);
    }
  });

  test("the treasury's credential is never sent to a service [case 94]", async () => {
    const world = await town();
    const shop = await echo(world);
    const root = world.mint();
    const credential = root.toString();
    await world.treasury.buy({
      id: crypto.randomUUID(),
      credential,
      method: "GET",
      url: `${shop.url}/a`,
      headers: [["x-note", credential]],
    });
    const [macaroon = "", preimage = ""] = credential.split(":");
    for (const { headers } of shop.received) {
      expect(headers.authorization ?? "").not.toContain(macaroon);
      expect(headers.authorization ?? "").not.toContain(preimage);
    }
  });
});

describe("to the agent", () => {
  test("cookies, hop-by-hop fields and Sigil's own fields are removed; the rest arrives", async () => {
    const world = await town();
    const shop = await echo(world, {
      "set-cookie": ["a=canary", "b=canary"],
      "proxy-authenticate": "Basic canary",
      "sigil-payment": "canary",
      "sigil-relayed": "canary",
      "x-answer": "kept",
      etag: '"1"',
    });
    const purchase = await order(world, `${shop.url}/a`);
    if (purchase.kind !== "response") throw new Error("it was handed over");
    expect(JSON.stringify([...purchase.response.headers])).not.toContain("canary");
    expect(purchase.response.headers.get("x-answer")).toBe("kept");
    expect(purchase.response.headers.get("etag")).toBe('"1"');
    expect(await purchase.response.text()).toBe("served");
  });

  test.each([
    ["gzip", gzipSync("plain"), "plain"],
    ["deflate", deflateSync("plain"), "plain"],
    ["br", brotliCompressSync("plain"), "plain"],
    ["aes128gcm", Buffer.from("sealed"), "sealed"],
  ])("a paid answer in %s arrives, and nobody is accused", async (encoding, body, text) => {
    const world = await town();
    const shop = await site(async (request, response, url) => {
      if (request.headers.authorization === undefined)
        ask402(response, await challenger(world, url).demand({ enforced: undefined }));
      else response.writeHead(200, { "content-encoding": encoding }).end(body);
    });
    const purchase = await order(world, `${shop.url}/a`);
    if (purchase.kind !== "response") throw new Error("it was handed over");
    const { status, headers } = purchase.response;
    expect([status, headers.get("content-encoding")]).toEqual([
      200,
      text === "plain" ? null : encoding,
    ]);
    expect(await purchase.response.text()).toBe(text);
    expect(shop.received).toHaveLength(2);
  });
});

describe("what cannot be requested is refused before anything is sent", () => {
  test.each([
    ["plain HTTP beyond this machine", "http://api.example/x", "ERR_REQUEST"],
    ["credentials in the URL", "http://user:secret@127.0.0.1:1/x", "ERR_REQUEST"],
    ["another scheme", "file:///etc/passwd", "ERR_REQUEST"],
    ["no URL", "/x", "ERR_REQUEST"],
    ["an ambiguous path", "http://127.0.0.1:1/a%2fb", "ERR_REQUEST"],
  ])("%s", async (_what, url, code) => {
    const sent: unknown[] = [];
    const world = await town({
      fetch: async (input) => {
        sent.push(input);
        return new Response();
      },
    });
    const credential = world
      .mint({ endpoints: ["* http://*:*/**", "* https://*:*/**"] })
      .toString();
    for (const method of ["GET", "POST"])
      expect(
        await failure(
          world.treasury.buy({ id: crypto.randomUUID(), credential, method, url, headers: [] }),
        ),
      ).toMatchObject({
        code,
      });
    expect(sent).toEqual([]);
  });

  test.each(["CONNECT", "TRACE", "get", "GET /x", "G\r\nX: y", ""])(
    "method %j [case 38]",
    async (method) => {
      const world = await town();
      const shop = await echo(world);
      const buying = world.treasury.buy({
        id: crypto.randomUUID(),
        credential: world.mint().toString(),
        method,
        url: `${shop.url}/a`,
        headers: [],
      });
      expect(await failure(buying)).toMatchObject({ code: "ERR_REQUEST" });
      expect(shop.received).toEqual([]);
    },
  );
});
