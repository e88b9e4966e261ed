/** Redirects: no credential, no body and no payment goes where nothing was asked for. [case 76] */
import { describe, expect, test } from "vitest";
import {
  ask402,
  challenger,
  failure,
  type Received,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { HttpClient } from "./client.ts";

const STATUSES = [301, 302, 303, 307, 308];

/** Anything that belongs to a credential. */
const SECRET = /L402|LSAT|[0-9a-f]{64}/;

function expectClean(received: readonly Received[]) {
  for (const { text, headers } of received) {
    expect(headers.authorization).toBeUndefined();
    expect(headers.cookie).toBeUndefined();
    expect(text).not.toMatch(SECRET);
  }
}

/** Asks for payment, and once it has a credential, redirects. */
const redirectsAfterPaying = (
  world: Town,
  status: number,
  to: (url: string) => string,
  enforced?: readonly string[],
) =>
  site(async (request, response, url) => {
    const demand = enforced === undefined ? {} : { enforced };
    if (request.headers.authorization === undefined)
      ask402(response, await challenger(world, url).demand(demand));
    else response.writeHead(status, { location: to(url) }).end();
  });

describe.each(STATUSES)("%i to another origin", (status) => {
  test("instead of a challenge: followed without a credential, and nothing is paid there", async () => {
    const world = await town();
    const thief = await site(async (_request, response, url) =>
      ask402(response, await challenger(world, url).demand()),
    );
    const shop = await site((_request, response) =>
      response.writeHead(status, { location: `${thief.url}/loot` }).end(),
    );
    const client = world.connect(world.mint());
    expect(
      await failure(client.get(`${shop.url}/a`, { headers: { cookie: "session=1" } })),
    ).toMatchObject({
      code: "ERR_PAYMENT_REQUIRED",
      spent: "no",
    });
    expect(thief.received).toHaveLength(1);
    expectClean(thief.received);
    expect(world.network.payments()).toEqual([]);
    expect(world.asked).toEqual([]);
  });

  test.each([
    ["handed over", undefined],
    ["relayed", []],
  ])("after paying, %s: what was bought stays where it was bought", async (_how, enforced) => {
    const world = await town();
    const thief = await site((_request, response) => response.end("got it"));
    const shop = await redirectsAfterPaying(world, status, () => `${thief.url}/loot`, enforced);
    const response = await world.connect(world.mint()).get(`${shop.url}/a`);
    expect(await response.text()).toBe("got it");
    expectClean(thief.received);
    expect(thief.received).toHaveLength(1);
    expect(world.paid().count).toBe(1);
  });

  test("with a body: the body is not sent there", async () => {
    const world = await town();
    const thief = await site((_request, response) => response.end("got it"));
    const shop = await redirectsAfterPaying(world, status, () => `${thief.url}/loot`);
    await world
      .connect(world.mint())
      .put(`${shop.url}/a`, "the order")
      .catch(() => {});
    for (const { text } of thief.received) expect(text).not.toContain("the order");
    expectClean(thief.received);
  });
});

test("the host, the port and the scheme each make another origin", async () => {
  const sent: string[] = [];
  const world = await town();
  const shop = await world.openShop({
    price: "10 sat",
    grants: { validFor: "1h", endpoints: ["* /**"] },
  });
  const { port } = new URL(shop.url);
  const client = world.connect(world.mint({ endpoints: ["* http://*:*/**", "* https://*:*/**"] }), {
    // Looks at what is on its way out, and answers for the shop when it is to redirect.
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const { pathname, origin, searchParams } = new URL(request.url);
      if (origin !== shop.url && origin !== world.treasury.location) {
        sent.push(`${request.headers.get("authorization")} ${origin}`);
        return new Response("elsewhere");
      }
      const location = searchParams.get("to");
      if (pathname === "/go" && location !== null)
        return new Response(null, { status: 302, headers: { location } });
      return fetch(input, init);
    },
  });
  await client.get(`${shop.url}/warm`);
  for (const other of [
    `http://localhost:${port}`,
    `http://127.0.0.1:${Number(port) + 1}`,
    `https://127.0.0.1:${port}`,
    `http://127.0.0.2:${port}`,
    `//elsewhere.example`,
  ])
    await client.get(`${shop.url}/go?to=${encodeURIComponent(`${other}/x`)}`).catch(() => {});
  expect(sent).toHaveLength(5);
  for (const line of sent) expect(line).toMatch(/^null /);
});

describe("chains and loops", () => {
  test("a chain that comes back home has no credential in between, and pays nothing more", async () => {
    const world = await town();
    const shop = await world.openShop({
      price: "10 sat",
      grants: { validFor: "1h", endpoints: ["* /**"] },
    });
    const between = await site((_request, response) =>
      response.writeHead(302, { location: `${shop.url}/end` }).end(),
    );
    shop.answers.push("serve", (response) =>
      response.writeHead(302, { location: between.url }).end(),
    );
    const client = world.connect(world.mint());
    await client.get(`${shop.url}/start`);
    const response = await client.get(`${shop.url}/start`);
    expect(response.status).toBe(200);
    expectClean(between.received);
    expect(world.paid().count).toBe(1);
  });

  test("a loop ends, and pays once at most", async () => {
    const world = await town();
    const shop = await redirectsAfterPaying(world, 302, (url) => `${url}/a`);
    expect(await failure(world.connect(world.mint()).get(`${shop.url}/a`))).toMatchObject({
      spent: "yes",
      cause: expect.objectContaining({ code: "ERR_REDIRECT" }),
    });
    expect(world.paid().count).toBe(1);
    expect(shop.received.length).toBeLessThan(50);
  });

  test("of a chain in which every redirect asks for payment, two are bought, and no more", async () => {
    for (const enforced of [undefined, []]) {
      const world = await town();
      const shop = await site(async (request, response, url) => {
        const { demand } = challenger(world, url);
        const scope = {
          endpoints: [`* ${url}${request.target}`],
          maxUses: 1,
          expiresIn: "1h",
        } as const;
        if (request.headers.authorization === undefined)
          ask402(response, await demand({ scope, ...(enforced && { enforced }) }));
        else response.writeHead(303, { location: `${url}${request.target}x` }).end();
      });
      const error = await failure(world.connect(world.mint()).get(`${shop.url}/a`));
      expect(error).toMatchObject({
        name: "PaymentError",
        code: "ERR_PAID_NOT_DELIVERED",
        spent: "yes",
      });
      expect(world.paid().count).toBe(2);
    }
  });
});

describe("what the caller said about redirects holds", () => {
  test("manual gives him the redirect, before paying and after", async () => {
    const world = await town();
    const shop = await redirectsAfterPaying(world, 307, () => "https://elsewhere.example/");
    const response = await world.connect(world.mint()).get(`${shop.url}/a`, { redirect: "manual" });
    expect(response.status).toBe(307);
    expect(response.headers.get("location")).toBe("https://elsewhere.example/");
  });

  test("error gives him an error, and follows nothing", async () => {
    const world = await town();
    const thief = await site((_request, response) => response.end());
    const shop = await redirectsAfterPaying(world, 302, () => thief.url);
    const asking = world.connect(world.mint()).get(`${shop.url}/a`, { redirect: "error" });
    expect(await failure(asking)).toMatchObject({
      spent: "yes",
      cause: expect.objectContaining({ code: "ERR_REDIRECT" }),
    });
    expect(thief.received).toEqual([]);
  });

  test("within one origin it is followed as fetch would: 303 turns a POST into a GET, 307 does not", async () => {
    const world = await town();
    const shop = await site((request, response) => {
      if (request.target === "/see") response.writeHead(303, { location: "/end" }).end();
      else if (request.target === "/keep") response.writeHead(307, { location: "/end" }).end();
      else response.end(`${request.method} ${request.body}`);
    });
    const client = world.connect(world.mint());
    expect(await (await client.post(`${shop.url}/see`, "order")).text()).toBe("GET ");
    expect(await (await client.post(`${shop.url}/keep`, "order")).text()).toBe("POST order");
  });

  test.each([
    ["percent-encoded", "/caf%C3%A9?q=%E6%97%A5"],
    ["in bytes of UTF-8", Buffer.from("/café/日本?q=ü#é").toString("latin1")],
    ["in bytes that are no UTF-8", "/caf\xe9"],
    ["in bytes of UTF-8, with a host", Buffer.from("//HOST/é").toString("latin1")],
    ["with a space", "/a b"],
  ])("within one origin a Location %s leads where fetch goes", async (_, location) => {
    const world = await town();
    const shop = await site((request, response, url) => {
      const to = location.replace("HOST", new URL(url).host);
      if (request.target === "/a") response.writeHead(302, { location: to }).end();
      else response.end();
    });
    await fetch(`${shop.url}/a`);
    await world.connect(world.mint()).get(`${shop.url}/a`);
    const [, expected, , target] = shop.received.map((one) => one.target);
    expect(shop.received).toHaveLength(4);
    expect(target).toBe(expected);
  });

  test("a target that is no URL, or none that may be asked, ends there", async () => {
    const world = await town();
    for (const location of ["http://", "ftp://127.0.0.1/x", "http://a:b@127.0.0.1/"]) {
      const shop = await site((_request, response) => response.writeHead(302, { location }).end());
      expect(await failure(world.connect(world.mint()).get(shop.url))).toMatchObject({
        code: expect.stringMatching(/^ERR_(REDIRECT|REQUEST)$/),
      });
    }
  });
});

describe.each(["macaroon", "grpc-metadata-macaroon"])("the caller's own %s", (field) => {
  test.each([
    ["a credential", (world: Town) => world.connect(world.mint())],
    ["no credential", () => new HttpClient({})],
  ])("goes along at its origin, and to no other one: a client with %s", async (_, clientOf) => {
    const world = await town();
    const thief = await site((_request, response) => response.end("loot"));
    const shop = await site((_request, response) => {
      const { url = "" } = response.req;
      if (url === "/a") response.writeHead(307, { location: "/b" }).end();
      else response.writeHead(307, { location: `${thief.url}/loot` }).end();
    });
    const headers = { [field]: "0201ab", authorization: "Bearer mine", "x-mine": "1" };
    const response = await clientOf(world).get(`${shop.url}/a`, { headers });
    expect(await response.text()).toBe("loot");
    expect(shop.received.map((one) => one.headers[field])).toEqual(["0201ab", "0201ab"]);
    expect(thief.received[0]!.headers).not.toHaveProperty(field);
    expect(thief.received[0]!.headers["x-mine"]).toBe("1");
    expectClean(thief.received);
    expect(world.asked).toEqual([]);
  });

  test("is sent as it is, with nothing added, and a 402 is the answer", async () => {
    const world = await town();
    const shop = await site((_request, response) => response.writeHead(402).end());
    const sent = { method: "POST", body: "x", headers: { [field]: "0201ab" } };
    expect((await world.connect(world.mint()).fetch(`${shop.url}/a%2fb`, sent)).status).toBe(402);
    expect(shop.received[0]!.headers).not.toHaveProperty("idempotency-key");
    expect(shop.received[0]!.headers).not.toHaveProperty("authorization");
    expect(world.asked).toEqual([]);
  });
});

describe("a redirect from another origin to a shop that was paid", () => {
  async function start(grants: object) {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat", grants });
    const client = world.connect(world.mint());
    expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    const other = await site((_request, response) =>
      response.writeHead(302, { location: `${shop.url}/a` }).end(),
    );
    return { world, shop, client, other };
  }

  test("uses up nothing of what was bought there, and the agent's own requests do", async () => {
    const { world, shop, client, other } = await start({ uses: 3 });
    expect(await failure(client.get(`${other.url}/innocent`))).toMatchObject({
      code: "ERR_PAYMENT_REQUIRED",
      spent: "no",
    });
    expect(shop.served).toHaveLength(1);
    for (let use = 0; use < 2; use++) expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    expect(world.paid().count).toBe(1);
  });

  test("is followed with a pass, which no use reduces", async () => {
    const { world, client, other } = await start({ validFor: "1h" });
    expect((await client.get(`${other.url}/moved`)).status).toBe(200);
    expect(world.paid().count).toBe(1);
  });
});
