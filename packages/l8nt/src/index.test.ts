/** `new Client()`, as in the README: five lines, and everything else from the environment. */
import { inspect } from "node:util";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Client, DEFAULT_LIMITS } from "./index.ts";
import { listener } from "./node/index.ts";
import { failure, listen, site, type Town, town } from "./testing/fixtures/town.ts";
import { treasuryApi } from "./treasury/index.ts";

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

beforeEach(() => {
  vi.stubEnv("SIGIL_CREDENTIAL", undefined);
  vi.stubEnv("SIGIL_WALLET", undefined);
  return () => {
    vi.unstubAllEnvs();
  };
});

const walletOf = ({ network }: Town) => network.account("treasury").url;

describe("with neither a credential nor a wallet", () => {
  test("a free request is sent, and its answer returned as it is", async () => {
    const free = await site((request, response) => {
      response
        .writeHead(request.target === "/gone" ? 410 : 200, { "set-cookie": "a=1" })
        .end(`${request.method} ${request.body}`);
    });
    const client = new Client();
    expect(client.treasury).toBeUndefined();
    expect(await (await client.get(`${free.url}/a`)).text()).toBe("GET ");
    expect(await (await client.post(`${free.url}/a`, "x")).text()).toBe("POST x");
    expect((await client.head(`${free.url}/a`)).status).toBe(200);
    expect((await client.delete(`${free.url}/gone`)).status).toBe(410);
    for (const { headers } of free.received) expect(headers.authorization).toBeUndefined();
  });

  test("a 402 is an error that names what to set", async () => {
    const world = await town();
    const shop = await world.openShop();
    const error = await failure(new Client().get(`${shop.url}/a`));
    expect(error).toMatchObject({
      name: "PaymentError",
      code: "ERR_PAYMENT_REQUIRED",
      spent: "no",
    });
    expect(error.message).toContain("SIGIL_CREDENTIAL");
    expect(error.message).toContain("SIGIL_WALLET");
    expect(error.message).toContain(shop.url);
    expect(error.message).not.toMatch(/lnbcrt|macaroon/i);
  });

  test("a call that needs a credential fails at once with the same error", () => {
    const client = new Client();
    for (const ask of [
      () => client.delegate({ agent: "a" }),
      () => client.credential,
      () => client.standing(),
      () => client.tree(),
    ])
      expect(ask).toThrow(/SIGIL_CREDENTIAL/);
  });
});

describe("with SIGIL_CREDENTIAL", () => {
  test("it may hold several credentials, separated by white space; an unreadable one fails at once", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const own = shop.paywall.authority.minter.mint({
      endpoints: [`* ${shop.url}/**`],
      expiresIn: "1h",
    });
    vi.stubEnv(
      "SIGIL_CREDENTIAL",
      `\n${world.mint({ endpoints: ["GET https://a.example/**"] })}\n ${own}\n`,
    );
    expect((await new Client({ clock: world.clock }).get(`${shop.url}/a`)).status).toBe(200);
    vi.stubEnv("SIGIL_CREDENTIAL", "not-a-credential");
    expect(() => new Client()).toThrow(expect.objectContaining({ code: "ERR_TOKEN_MALFORMED" }));
  });

  test("it takes precedence over SIGIL_WALLET, so an agent cannot get around its scope", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    vi.stubEnv("SIGIL_WALLET", walletOf(world));
    vi.stubEnv(
      "SIGIL_CREDENTIAL",
      world.mint({ endpoints: ["GET https://a.example/**"] }).toString(),
    );
    const client = new Client({ clock: world.clock });
    expect(client.treasury).toBeUndefined();
    expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({ code: "ERR_ENDPOINT" });
  });
});

describe("with SIGIL_WALLET", () => {
  const embedded = (world: Town, options: object = {}) => {
    vi.stubEnv("SIGIL_WALLET", walletOf(world));
    return new Client({ clock: world.clock, ...options });
  };

  test("the client embeds a treasury, and pays", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const client = embedded(world);
    expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    expect((await client.get(`${shop.url}/b`)).status).toBe(200);
    expect(world.paid().count).toBe(1);
    expect((await client.standing())[0]!.spent).toEqual([
      { unit: "msat", value: world.paid().msat },
    ]);
  });

  test("a bare wallet has limits: more than 100 sat at once, or 1000 a day, is not paid", async () => {
    const world = await town();
    const dear = await world.openShop({ price: "101 sat" });
    const client = embedded(world);
    expect(await failure(client.get(`${dear.url}/a`))).toMatchObject({ code: "ERR_PRICE" });
    expect(world.network.payments()).toEqual([]);
    const fair = await world.openShop({ price: "100 sat" });
    let paid = 0;
    for (let at = 0; at < 12; at++)
      if (
        (await client.get(`${fair.url}/${at}`).catch((error: unknown) => error)) instanceof Response
      )
        paid++;
    expect(paid).toBe(9);
    expect(world.paid().msat).toBeLessThanOrEqual(1_000_000n);
    for (const key of ["endpoints", "maxPrice", "budget", "budgetPerDay", "expiresIn"])
      expect(DEFAULT_LIMITS).toHaveProperty(key);
  });

  test("given limits replace the default ones, and empty limits are refused", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const client = embedded(world, {
      limits: { endpoints: [`GET ${shop.url}/a`], budget: "13 sat", expiresIn: "1h" },
    });
    expect(await failure(client.get(`${shop.url}/b`))).toMatchObject({ code: "ERR_ENDPOINT" });
    expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    for (const limits of [
      {},
      { endpoints: ["* https://*:*/**"], expiresIn: "1h" },
      { budget: "1 sat", expiresIn: "1h" },
    ])
      expect(() => embedded(world, { limits: limits as never })).toThrow(TypeError);
  });

  test("a sub-agent in another client reaches it once it is served", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    vi.stubEnv("SIGIL_WALLET", walletOf(world));
    let client!: Client;
    const location = await listen((url) => {
      client = new Client({ clock: world.clock, treasury: { location: url } });
      return listener(treasuryApi(client.treasury!), { origin: url });
    });
    const child = client.delegate({
      agent: "reader",
      endpoints: [`GET ${shop.url}/docs/*`],
      budget: "20 sat",
    });
    vi.stubEnv("SIGIL_CREDENTIAL", child.toString());
    const other = new Client({ clock: world.clock });
    expect(other.treasury).toBeUndefined();
    expect((await other.get(`${shop.url}/docs/a`)).status).toBe(200);
    expect(await failure(other.get(`${shop.url}/admin`))).toMatchObject({ code: "ERR_ENDPOINT" });
    expect((await client.tree()).map(({ agent }) => agent)).toEqual([undefined, "reader"]);
    await client.revoke(child);
    expect(await failure(other.get(`${shop.url}/docs/b`))).toMatchObject({ code: "ERR_REVOKED" });
    expect(location).toBe(child.location);
  });

  test("an unknown wallet is an error that does not repeat the secret in its URL", async () => {
    vi.stubEnv("SIGIL_WALLET", "abacus://node?secret=canary0123456789");
    const world = await town();
    const shop = await world.openShop();
    const client = new Client({ clock: world.clock });
    const error = await failure(client.get(`${shop.url}/a`));
    expect(error).toMatchObject({ name: "AdapterError", code: "ERR_WALLET" });
    expect(
      inspect(error, { depth: 9 }) + inspect(client, { depth: 9, showHidden: true }),
    ).not.toContain("canary");
  });
});
