/** Credentials that are bound to a key, at a treasury. spec/9-public-key.md §9. */
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { HolderKey } from "../holder/index.ts";
import { listener } from "../node/index.ts";
import {
  ask402,
  challenger,
  failure,
  listen,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { treasuryApi } from "./api.ts";

const SHOP = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;
const KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

async function bound() {
  const world = await town();
  const key = new HolderKey(KEY, { clock: world.clock });
  const credential = world.mint({ holder: key.thumbprint });
  return { world, key, credential };
}

describe("an agent with the key", () => {
  test("buys, signs what it was handed over, and a thief buys nothing", async () => {
    const { world, key, credential } = await bound();
    const shop = await world.openShop(SHOP);
    const thief = world.connect(credential);
    expect(await failure(thief.get(`${shop.url}/a`))).toMatchObject({ code: "ERR_HOLDER" });
    expect(world.paid().count).toBe(0);
    const agent = world.connect(credential, { fetch: key.fetch });
    expect((await agent.get(`${shop.url}/a`)).status).toBe(200);
    expect(world.paid().count).toBe(1);
    const handed = shop.received.at(-1)!.headers;
    expect(handed).toMatchObject({ "sigil-holder": key.publicKey });
    // What it was handed over is bound to the key, too.
    const { authorization } = handed as { authorization: string };
    const stolen = await fetch(`${shop.url}/a`, { headers: { authorization } });
    expect(stolen.status).toBe(403);
    expect(await stolen.json()).toMatchObject({ code: "ERR_HOLDER" });
  });

  test("buys as a client that has the key, in its options or in SIGIL_HOLDER_KEY", async () => {
    const { world, key, credential } = await bound();
    const shop = await world.openShop(SHOP);
    const agent = new HolderKey(KEY, { signatureAgent: "https://agent.example" });
    for (const holderKey of [KEY, key, agent]) {
      const client = world.connect(credential, { holderKey });
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
      expect(await client.standing()).toHaveLength(1);
      const named = shop.received.at(-1)!.headers["signature-agent"] !== undefined;
      expect(named).toBe(holderKey === agent);
    }
    vi.stubEnv("SIGIL_HOLDER_KEY", KEY);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect((await world.connect(credential).get(`${shop.url}/a`)).status).toBe(200);
    const other = new HolderKey(undefined, { clock: world.clock });
    const own = world.mint({ holder: other.thumbprint });
    expect((await world.connect(own, { holderKey: other }).standing()).length).toBe(1);
    // What is bound to no key is sent as it is.
    expect(await world.connect(world.mint()).standing()).toHaveLength(1);
    expect(world.asked.at(-1)!.headers).not.toHaveProperty("signature");
    vi.stubEnv("SIGIL_HOLDER_KEY", "no key");
    expect(await failure(world.connect(credential).get(`${shop.url}/a`))).toMatchObject({
      message: expect.stringContaining("SIGIL_HOLDER_KEY"),
    });
  });

  test("is relayed to a service that does not enforce holder", async () => {
    const { world, key, credential } = await bound();
    const service = await site(async ({ headers }, response, url) => {
      const shop = challenger(world, url);
      if (headers.authorization === undefined)
        ask402(response, await shop.demand({ enforced: ["endpoints", "valid_until"] }));
      else response.end("served");
    });
    const agent = world.connect(credential, { fetch: key.fetch });
    expect(await (await agent.get(`${service.url}/a`)).text()).toBe("served");
    expect(service.received.at(-1)!.headers).not.toHaveProperty("sigil-holder");
    expect(await failure(world.connect(credential).get(`${service.url}/a`))).toMatchObject({
      code: "ERR_HOLDER",
    });
  });

  test("asks for its own affairs, and nobody else does", async () => {
    const { world, key, credential } = await bound();
    const agent = world.connect(credential, { fetch: key.fetch });
    const thief = world.connect(credential);
    expect(await agent.standing()).toHaveLength(1);
    expect(await agent.tree()).toHaveLength(1);
    expect(await agent.receipts()).toEqual([]);
    const child = agent.delegate({ agent: "child" });
    const denied = { code: "ERR_HOLDER" };
    expect(await failure(thief.standing())).toMatchObject(denied);
    expect(await failure(thief.tree())).toMatchObject(denied);
    expect(await failure(thief.receipts())).toMatchObject(denied);
    expect(await failure(thief.revoke(child))).toMatchObject(denied);
    expect(await world.connect(child, { fetch: key.fetch }).standing()).toHaveLength(2);
    await agent.revoke(child);
    expect(await failure(world.connect(child, { fetch: key.fetch }).standing())).toMatchObject({
      code: "ERR_REVOKED",
    });
  });

  test("sends an order again whose answer was lost, with a new signature, and pays once", async () => {
    const { world, credential } = await bound();
    const shop = await world.openShop(SHOP);
    let lost = 0;
    const fetcher: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (!String(input).endsWith("/v1/purchases") || lost++ > 0) return response;
      await response.body?.cancel();
      throw Object.assign(new TypeError("lost"), { cause: { code: "ECONNRESET" } });
    };
    const signing = new HolderKey(KEY, { clock: world.clock, fetch: fetcher });
    const agent = world.connect(credential, { fetch: signing.fetch });
    expect((await agent.get(`${shop.url}/a`)).status).toBe(200);
    const orders = world.asked.filter(({ target }) => target === "/v1/purchases");
    expect(orders).toHaveLength(2);
    expect(orders[0]!.body).toBe(orders[1]!.body);
    expect(orders[0]!.headers.signature).not.toBe(orders[1]!.headers.signature);
    expect(world.paid().count).toBe(1);
  });

  test("sends nothing that is too large to be signed", async () => {
    const { world, key, credential } = await bound();
    const shop = await world.openShop(SHOP);
    const agent = world.connect(credential, { fetch: key.fetch });
    expect((await agent.post(`${shop.url}/a`, "a".repeat(2 ** 20))).status).toBe(200);
    expect(await failure(agent.post(`${shop.url}/a`, "a".repeat(2 ** 21 + 1)))).toMatchObject({
      code: "ERR_TOO_LARGE",
    });
  });

  test("reaches it behind a proxy that writes another Host", async () => {
    const { world, key, credential } = await bound();
    const api = treasuryApi(world.treasury);
    const proxied = await listen(() =>
      listener((request) => {
        const { pathname, search } = new URL(request.url);
        const headers = new Headers(request.headers);
        headers.delete("host");
        return api(new Request(`http://10.0.0.1:8080${pathname}${search}`, { headers }));
      }),
    );
    const fetcher: typeof fetch = (input, init) =>
      fetch(String(input).replace(world.treasury.location, proxied), init);
    const signing = new HolderKey(KEY, { clock: world.clock, fetch: fetcher });
    expect(await world.connect(credential, { fetch: signing.fetch }).tree()).toHaveLength(1);
    expect(key.thumbprint).toBe(signing.thumbprint);
  });
});

describe("a message", () => {
  const order = (url: string) =>
    JSON.stringify({ id: crypto.randomUUID(), method: "GET", url, headers: [] });

  const message = (
    { world, key, credential }: Awaited<ReturnType<typeof bound>>,
    body: string,
    { by = key, at = world.treasury.location, path = "/v1/purchases" } = {},
  ) => {
    const fields = { authorization: `L402 ${credential}`, "content-type": "application/json" };
    const plain = new Request(at + path, { method: "POST", headers: fields, body });
    return { url: at + path, body, headers: by.sign(plain, new TextEncoder().encode(body)) };
  };
  type Sent = { url: string; body: string; headers: Headers };
  const ask = async ({ treasury }: Town, { url, ...init }: Sent) => {
    const response = await treasuryApi(treasury)(new Request(url, { method: "POST", ...init }));
    return response.status === 200 ? "granted" : ((await response.json()) as { code: string }).code;
  };

  const ways: [string, (a: Awaited<ReturnType<typeof bound>>, url: string) => Sent][] = [
    ["with another body", (a, url) => ({ ...message(a, order(url)), body: order(url) })],
    [
      "without its digest",
      (a, url) => {
        const sent = message(a, order(url));
        sent.headers.delete("content-digest");
        return sent;
      },
    ],
    ["signed without its body", (a, url) => ({ ...message(a, ""), body: order(url) })],
    [
      "signed for another path",
      (a, url) => ({
        ...message(a, order(url), { path: "/v1/answered" }),
        url: `${a.world.treasury.location}/v1/purchases`,
      }),
    ],
    [
      "signed for another treasury",
      (a, url) => ({
        ...message(a, order(url), { at: "https://other.example" }),
        url: `${a.world.treasury.location}/v1/purchases`,
      }),
    ],
    [
      "signed by another key",
      (a, url) =>
        message(a, order(url), { by: new HolderKey(undefined, { clock: a.world.clock }) }),
    ],
    [
      "with another credential of the same key",
      (a, url) => {
        const sent = message(a, order(url));
        const other = a.credential.delegate({ agent: "x" }, { now: a.world.clock() });
        sent.headers.set("authorization", `L402 ${other}`);
        return sent;
      },
    ],
    [
      "that is old",
      (a, url) => {
        const now = a.world.clock() - 120;
        return message(a, order(url), { by: new HolderKey(KEY, { clock: () => now }) });
      },
    ],
  ];
  test.each(ways)("%s is denied, and nothing is paid", async (_name, make) => {
    const a = await bound();
    const shop = await a.world.openShop(SHOP);
    expect(await ask(a.world, make(a, `${shop.url}/a`))).toBe("ERR_HOLDER");
    expect(a.world.paid().count).toBe(0);
    expect(shop.received).toEqual([]);
    expect(await ask(a.world, message(a, order(`${shop.url}/a`)))).toBe("granted");
  });

  test("is taken once, and its order again under a new signature", async () => {
    const a = await bound();
    const shop = await a.world.openShop(SHOP);
    const body = order(`${shop.url}/a`);
    const sent = message(a, body);
    expect(await ask(a.world, sent)).toBe("granted");
    expect(await ask(a.world, sent)).toBe("ERR_HOLDER");
    expect(await ask(a.world, message(a, body))).toBe("granted");
    expect(a.world.paid().count).toBe(1);
  });

  test("without a good signature takes no room for long", async () => {
    const a = await bound();
    const shop = await a.world.openShop(SHOP);
    const sent = message(a, order(`${shop.url}/a`));
    const good = message(a, order(`${shop.url}/a`));
    sent.headers.delete("signature");
    // The part of a root is 17 MiB, and a request takes 16 kB of it.
    for (let i = 0; i < 1_100; i++) expect(await ask(a.world, sent)).toBe("ERR_HOLDER");
    expect(await ask(a.world, good)).toBe("granted");
  });

  test("of a child that is bound to a key of its own as well is denied", async () => {
    const { world, key, credential } = await bound();
    const own = new HolderKey(undefined, { clock: world.clock });
    const child = credential.delegate(
      { agent: "child", holder: own.thumbprint },
      { now: world.clock() },
    );
    for (const fetch of [key.fetch, own.fetch])
      expect(await failure(world.connect(child, { fetch }).standing())).toMatchObject({
        code: "ERR_HOLDER",
      });
  });
});
