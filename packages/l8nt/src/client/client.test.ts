/**
 * The client as a program sees it: a drop-in for fetch, a credential that stays where it belongs,
 * denials before anything is sent.
 */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { Authority } from "../l402/index.ts";
import { failure, secretOf, site, type Town, town } from "../testing/fixtures/town.ts";
import { HttpClient } from "./client.ts";

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

/** A client whose every byte is counted. */
function watched(world: Town, credential: string | readonly string[]) {
  const sent: Request[] = [];
  const client = new HttpClient({
    credential,
    clock: world.clock,
    fetch: async (input, init) => {
      sent.push(new Request(input, init));
      return new Response("answered");
    },
  });
  return { client, sent };
}

describe("denied before anything is sent", () => {
  test.each(["post", "put", "patch"] as const)("%s with an object as its body", async (method) => {
    const world = await town();
    const { client, sent } = watched(world, []);
    const object = { body: "x", headers: {} } as unknown as BodyInit;
    await expect(client[method]("https://api.example/a", object)).rejects.toThrow(
      "JSON.stringify(object), and options such as headers as the third argument",
    );
    for (const body of ["x", new Uint8Array(1), new URLSearchParams("a=1"), new FormData(), null])
      await client[method]("https://api.example/a", body);
    expect(sent).toHaveLength(5);
  });

  test("a path, a method, an origin out of scope, an end, a beginning: no byte leaves", async () => {
    const world = await town();
    const scope = {
      endpoints: ["GET https://api.example/docs/*"],
      budget: "1 sat",
      expiresIn: "1h",
    } as const;
    const { client, sent } = watched(world, world.treasury.mint(scope).toString());
    const denied = async (asking: Promise<Response>, code: string) =>
      expect(await failure(asking)).toMatchObject({
        name: "DeniedError",
        code,
        refusals: [{ have: expect.any(String), need: expect.any(String) }],
      });
    await denied(client.get("https://api.example/admin"), "ERR_ENDPOINT");
    await denied(client.post("https://api.example/docs/a", "x"), "ERR_ENDPOINT");
    await denied(client.get("https://api.example:8443/docs/a"), "ERR_ENDPOINT");
    await denied(client.get("http://api.example/docs/a"), "ERR_ENDPOINT");
    await denied(client.get("https://api.example.evil.example/docs/a"), "ERR_ENDPOINT");
    world.clock.advance("3600s");
    await denied(client.get("https://api.example/docs/a"), "ERR_EXPIRED");
    expect(sent).toEqual([]);
  });

  test("plain HTTP beyond this machine: no credential is sent there, nor anything to its treasury", async () => {
    const world = await town();
    const far = new Authority({
      secret: secretOf("another treasury"),
      location: "http://api.example",
      clock: world.clock,
    });
    const { client, sent } = watched(
      world,
      far.minter.mint({ endpoints: ["* http://api.example/**"], expiresIn: "1h" }).toString(),
    );
    expect(await failure(client.get("http://api.example/a"))).toMatchObject({
      code: "ERR_REQUEST",
    });
    expect(sent).toEqual([]);
    const elsewhere = far.minter
      .mint({ endpoints: ["* https://shop.example/**"], expiresIn: "1h" })
      .toString();
    const asked: string[] = [];
    const unpaid = new HttpClient({
      credential: elsewhere,
      clock: world.clock,
      fetch: async (input) => {
        asked.push(String(input));
        return new Response(null, { status: 402 });
      },
    });
    expect(await failure(unpaid.get("https://shop.example/a"))).toMatchObject({
      code: "ERR_REQUEST",
    });
    expect(asked).toEqual(["https://shop.example/a"]);
  });

  test("an ambiguous path, unless the whole origin is in scope; it is never paid for", async () => {
    const world = await town();
    const free = await site((_request, response) => response.end("free"));
    const shop = await site((_request, response) => response.writeHead(402).end());
    const paths = ["/api/v4/projects/group%2Fproject", "/@scope%2fname", "/a/%2e%2e%2fb"];
    const client = world.connect(world.mint());
    for (const endpoint of ["/*", "/api/**", "/*/*", "/a/**"]) {
      const narrow = world.connect(world.mint({ endpoints: [`* ${free.url}${endpoint}`] }));
      for (const path of paths)
        expect(await failure(narrow.get(free.url + path))).toMatchObject({
          code: "ERR_REQUEST",
          message: expect.stringMatching(
            new RegExp(
              `The path ${path} can be read in more than one way.*whole origin.*ask for one`,
            ),
          ),
        });
    }
    expect(free.received).toEqual([]);
    for (const path of paths) {
      expect(await (await client.get(free.url + path)).text()).toBe("free");
      expect(await failure(client.get(shop.url + path))).toMatchObject({
        code: "ERR_REQUEST",
        message: expect.stringContaining(`The path ${path} can be read`),
      });
    }
    expect(free.received).toHaveLength(paths.length);
    for (const { headers } of free.received) expect(headers.authorization).toBeUndefined();
    expect(world.asked).toEqual([]);
  });

  test("credentials in a URL, another scheme", async () => {
    const world = await town();
    const wide = world.mint({ endpoints: ["* https://*:*/**", "* http://*:*/**"] }).toString();
    const { client, sent } = watched(world, wide);
    for (const url of [
      "https://api.example./a",
      "ftp://api.example/",
      "https://u@api.example/a%2fb",
    ])
      expect(await failure(client.get(url))).toBeInstanceOf(Error);
    expect(sent).toEqual([]);
  });
});

describe("a drop-in for fetch", () => {
  test("passed on as a bare function: URL, text, Request; method, headers and body arrive", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const { fetch: detached } = world.connect(world.mint());
    await detached(`${shop.url}/text`);
    await detached(new URL(`${shop.url}/url`));
    await detached(
      new Request(`${shop.url}/request`, {
        method: "PUT",
        body: "from a Request",
        headers: { "x-mine": "1" },
      }),
    );
    await detached(new Request(`${shop.url}/both`, { method: "PUT" }), {
      method: "POST",
      body: "from init",
    });
    expect(shop.served.map(({ target, body }) => `${target} ${body}`)).toEqual([
      "/text ",
      "/url ",
      "/request from a Request",
      "/both from init",
    ]);
    expect(shop.received.filter(({ target }) => target === "/request")[0]).toMatchObject({
      method: "PUT",
      headers: { "x-mine": "1" },
    });
    expect(shop.received.at(-1)!.method).toBe("POST");
    expect(world.paid().count).toBe(1);
  });

  test("a body that is a stream is read once and sent as often as it must", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const body = new Blob(["streamed"]).stream();
    await world
      .connect(world.mint())
      .fetch(`${shop.url}/a`, { method: "POST", body, duplex: "half" } as RequestInit);
    expect(shop.served.map((one) => one.body)).toEqual(["streamed"]);
  });

  test("a response streams: its head is there before its body ends", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    let finish = () => {};
    for (const scope of [{}, { maxUses: 9 }]) {
      shop.answers.push((response) => {
        response.write("first");
        finish = () => void response.end("last");
      });
      const response = await world.connect(world.mint(scope)).get(`${shop.url}/a`);
      const reader = response.body!.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("first");
      finish();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("last");
      expect((await reader.read()).done).toBe(true);
    }
  });

  test("a signal that is aborted already sends nothing; one that comes later ends the request", async () => {
    const world = await town();
    const waits = await site((_request, _response) => {});
    const client = world.connect(world.mint());
    expect((await failure(client.get(waits.url, { signal: AbortSignal.abort() }))).name).toBe(
      "AbortError",
    );
    expect(waits.received).toEqual([]);
    const abort = new AbortController();
    const shop = await site(() => abort.abort());
    expect((await failure(client.get(shop.url, { signal: abort.signal }))).name).toBe("AbortError");
  });

  test.each(["authorization", "macaroon", "grpc-metadata-macaroon"])(
    "a request with a credential of its own in %s is passed on as it is, and pays nothing",
    async (field) => {
      const world = await town();
      const shop = await world.openShop(PASS);
      const own = { authorization: "L402 mine" }[field] ?? "02ab";
      const response = await world
        .connect(world.mint())
        .get(`${shop.url}/a`, { headers: { [field]: own } });
      expect(response.status).toBe(401);
      expect(shop.received.map(({ headers }) => headers[field])).toEqual([own]);
      expect(world.network.payments()).toEqual([]);
    },
  );

  test.each(["/chunks/[id]/page.js", "/a|b", "/a;v=1"])(
    "the path %s is free, and sold",
    async (path) => {
      const world = await town();
      const free = await site((_request, response) => response.end("free"));
      const shop = await world.openShop(PASS);
      const client = world.connect(world.mint());
      expect((await client.get(free.url + path)).status).toBe(200);
      expect((await client.get(shop.url + path)).status).toBe(200);
      expect(world.paid().count).toBe(1);
    },
  );

  test("what fetch refuses, it refuses: a GET with a body, a URL that is none", async () => {
    const { client } = watched(await town(), []);
    expect(
      await failure(client.fetch("https://a.example", { method: "GET", body: "x" })),
    ).toBeInstanceOf(TypeError);
    expect(await failure(client.get("/relative"))).toBeInstanceOf(TypeError);
  });
});

describe("several credentials, separated by white space", () => {
  test("the one that covers the request is used; at its own origin it is presented as it stands", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const own = shop.paywall.authority.minter.mint({
      endpoints: [`GET ${shop.url}/members/*`],
      expiresIn: "1h",
    });
    const paying = world.mint({ endpoints: [`GET ${shop.url}/paid`] });
    const client = world.connect(`  ${paying}\n\t${own}  `);
    expect((await client.get(`${shop.url}/members/a`)).status).toBe(200);
    expect(world.asked).toEqual([]);
    expect(shop.received).toHaveLength(1);
    expect(shop.received[0]!.headers.authorization).toBe(`L402 ${own}`);
    expect((await client.get(`${shop.url}/paid`)).status).toBe(200);
    expect(world.paid().count).toBe(1);
    expect(await failure(client.get(`${shop.url}/other`))).toMatchObject({ code: "ERR_ENDPOINT" });
    for (const { text } of world.asked) expect(text).not.toContain(own.toString());
  });

  test("where the service's own is used up, another may pay; where there is none, it says so", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const own = shop.paywall.authority.minter.mint({
      endpoints: [`GET ${shop.url}/**`],
      expiresIn: "1h",
      maxUses: 1,
    });
    const alone = world.connect(own);
    await alone.get(`${shop.url}/a`);
    expect(await failure(alone.get(`${shop.url}/a`))).toMatchObject({
      code: "ERR_PAYMENT_REQUIRED",
      spent: "no",
    });
    const both = world.connect(`${own} ${world.mint()}`);
    expect((await both.get(`${shop.url}/a`)).status).toBe(200);
    expect(world.paid().count).toBe(1);
  });

  test("a text that is none fails at once, and is not repeated", () => {
    for (const text of [
      "secret-looking-text",
      "AAAA:00",
      `${"A".repeat(9000)}:${"0".repeat(64)}`,
    ]) {
      let error: unknown;
      try {
        new HttpClient({ credential: text });
      } catch (caught) {
        error = caught;
      }
      expect(error).toMatchObject({ name: "TokenError" });
      expect(inspect(error)).not.toContain(text);
    }
  });
});

describe("delegating", () => {
  test("is synchronous and offline: no request is made", async () => {
    const world = await town();
    const { client, sent } = watched(world, world.mint().toString());
    const child = client.delegate({ agent: "booker", budget: "5 sat", expiresIn: "15m" });
    expect(typeof child.toString()).toBe("string");
    expect(child).not.toBeInstanceOf(Promise);
    expect(sent).toEqual([]);
    expect(child.caveats.at(-2)).toMatchObject({
      condition: "valid_until",
      value: String(world.clock() + 900),
    });
  });

  test("what was delegated works in another client, within its own scope", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const child = world
      .connect(world.mint())
      .delegate({ agent: "reader", endpoints: [`GET ${shop.url}/docs/*`] });
    const other = world.connect(child.toString());
    expect((await other.get(`${shop.url}/docs/a`)).status).toBe(200);
    expect(await failure(other.get(`${shop.url}/admin`))).toMatchObject({ code: "ERR_ENDPOINT" });
    expect((await other.standing()).map(({ agent }) => agent)).toEqual([undefined, "reader"]);
  });
});

test("a client that is printed or serialised shows no secret", async () => {
  const world = await town();
  const shop = await world.openShop(PASS);
  const root = world.mint();
  const client = world.connect(root);
  await client.get(`${shop.url}/a`);
  const child = client.delegate({ agent: "child" });
  const [macaroon = "", preimage = ""] = root.toString().split(":");
  const shown = [
    inspect(client, { depth: 20, showHidden: true, getters: true }),
    JSON.stringify(client),
    inspect(child, { depth: 20, showHidden: true }),
    JSON.stringify(child),
    JSON.stringify(client.credential),
    `${inspect(world.treasury, { depth: 20 })}`,
    JSON.stringify(world.treasury),
  ].join("\n");
  expect(shown).not.toContain(preimage);
  expect(shown).not.toContain(macaroon.slice(-40));
  expect(shown).not.toMatch(/key=[0-9a-f]{16}/);
});
