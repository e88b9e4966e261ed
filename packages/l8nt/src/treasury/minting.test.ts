/**
 * Minting in place of paying, over loopback: for services that the owner listed and that say that
 * they trust the issuer, and for no other. spec/4-purchase.md §5.
 */
import { describe, expect, test } from "vitest";
import { HolderKey } from "../holder/index.ts";
import { Credential } from "../l402/index.ts";
import type { Purchase } from "../ports/treasury.ts";
import { issuedOf, KeyRing } from "../public-key/index.ts";
import { type MintingTown, mintingTown } from "../testing/fixtures/minting-town.ts";
import { failure, site } from "../testing/fixtures/town.ts";
import { Treasury } from "./index.ts";

const texts = ({ caveats }: Credential) =>
  caveats.map(({ condition, value }) => `${condition}=${value}`);
const notes = async ({ store }: MintingTown) =>
  (await store.journal(0, 100)).flatMap(({ event }) => (event.type === "note" ? event.text : []));
const statusOf = (purchase: Purchase) =>
  purchase.kind === "response" ? purchase.response.status : "handed over";

describe("a service that the owner listed and that trusts the issuer", () => {
  test("takes what is minted, and nothing is paid or counted", async () => {
    const world = await mintingTown();
    const root = world.mint();
    const agent = root.delegate({ agent: "reader", budget: "5 sat" }, { now: world.clock() });
    const credential = await world.handed(agent);
    expect(issuedOf(credential)).toEqual({
      issuer: world.treasury.location,
      keyId: 0,
      isSealed: true,
    });
    expect(await world.present(credential)).toBe("200");
    expect(world.shop.served).toHaveLength(1);
    expect(world.shop.served[0]!.grant.lineage).toHaveLength(2);
    expect(world.paid().count).toBe(0);
    expect(await world.spent(root)).toBe(0n);
    const id = (await world.treasury.standing(agent.toString())).at(-1)!.id;
    expect(await notes(world)).toEqual([
      expect.stringMatching(
        new RegExp(`^minted for ${world.shop.url}: node ${id}, grant [0-9a-f]{64}, nothing paid$`),
      ),
    ]);
  });

  test("whose client asks is sent it, and keeps it for other requests", async () => {
    const world = await mintingTown();
    const client = world.connect(world.mint());
    for (const path of ["/a", "/b", "/a"])
      expect((await client.get(world.shop.url + path)).status).toBe(200);
    expect(world.shop.served).toHaveLength(3);
    expect(world.paid().count).toBe(0);
    // What leaks from one service is of no use at another one, and nobody can narrow it.
    const asked = world.shop.received.map(({ headers }) => headers.authorization);
    expect(asked.filter(Boolean)).toHaveLength(3);
  });

  test("is asked for as many as a family needs: nothing is owed for what is minted", async () => {
    const world = await mintingTown();
    const root = world.mint();
    for (let at = 0; at < 40; at++) {
      const agent = root.delegate({ agent: `a${at}` }, { now: world.clock() });
      expect(statusOf(await world.order(agent))).toBe("handed over");
    }
    expect(world.paid().count).toBe(0);
  });

  test("which sells nothing answers 401, and is minted for all the same", async () => {
    const world = await mintingTown({ sellsNothing: true });
    const client = world.connect(world.mint());
    expect((await client.get(`${world.shop.url}/a`)).status).toBe(200);
    const body = new Blob(["x".repeat(70_000)]).stream();
    const posted = await client.fetch(`${world.shop.url}/b`, {
      method: "POST",
      body,
      duplex: "half",
    } as RequestInit);
    expect(posted.status).toBe(200);
    expect(world.served()).toEqual(["GET /a", "POST /b"]);
  });

  test("without a client's credential, its 401 is the answer", async () => {
    const world = await mintingTown({ sellsNothing: true });
    const client = world.connect(world.mint({ endpoints: ["GET https://other.example/**"] }));
    const error = await failure(client.get(`${world.shop.url}/a`));
    expect(error.code).toBe("ERR_ENDPOINT");
    expect(world.asked).toHaveLength(0);
  });
});

describe("nothing is minted", () => {
  test("for a service that says that it trusts the issuer, and is not listed", async () => {
    const world = await mintingTown({ isListed: false });
    const credential = await world.handed(world.mint());
    expect(issuedOf(credential)).toBeUndefined();
    expect(world.paid().count).toBe(1);
    const other = await mintingTown({ sellsNothing: true, isListed: false });
    expect(statusOf(await other.order(other.mint()))).toBe(401);
  });

  test("for a listed one that does not say so, or names another issuer", async () => {
    for (const trust of [[], ["https://another.example"]]) {
      const world = await mintingTown({ paywall: { trust } });
      expect(issuedOf(await world.handed(world.mint()))).toBeUndefined();
      expect(world.paid().count).toBe(1);
      expect(await notes(world)).toEqual([]);
    }
  });

  test("for an agent without an endpoint there, or that is revoked, frozen or over", async () => {
    const world = await mintingTown();
    const { clock, treasury } = world;
    const root = world.mint();
    const agent = (name: string, scope = {}) =>
      root.delegate({ agent: name, ...scope }, { now: clock() });
    const elsewhere = agent("elsewhere", { endpoints: ["* https://other.example/**"] });
    const reader = agent("reader", { endpoints: [`GET ${world.shop.url}/docs/**`] });
    const over = agent("over", { expiresIn: "1s" });
    const revoked = agent("revoked");
    const frozen = agent("frozen");
    const idOf = async (one: Credential) => (await treasury.standing(`${one}`)).at(-1)!.id;
    await treasury.owner.revoke(await idOf(revoked));
    await treasury.owner.freeze(await idOf(frozen));
    clock.advance("1s");
    const received = world.shop.received.length;
    for (const [credential, code] of [
      [elsewhere, "ERR_ENDPOINT"],
      [reader, "ERR_ENDPOINT"],
      [over, "ERR_EXPIRED"],
      [revoked, "ERR_REVOKED"],
      [frozen, "ERR_FROZEN"],
    ] as const)
      expect((await failure(world.order(credential))).code).toBe(code);
    // Only a freeze is asked about after the service was asked.
    expect(world.shop.received.length - received).toBe(1);
    expect(await notes(world)).toEqual([]);
    expect(await world.present(await world.handed(reader, "/docs/a"), "/docs/a")).toBe("200");
  });

  test("where a redirect leads, nor for the redirect", async () => {
    const world = await mintingTown();
    const away = await site((_request, response) => {
      response.writeHead(307, { location: `${world.shop.url}/a` }).end();
    });
    const options = { ...world.options, store: undefined as never };
    const treasury = new Treasury({
      ...options,
      mints: { ...world.options.mints!, services: [away.url] },
    });
    const purchase = await treasury.buy({
      id: crypto.randomUUID(),
      credential: treasury
        .mint({ endpoints: ["* http://127.0.0.1:*/**"], budget: "1 sat", expiresIn: "1h" })
        .toString(),
      method: "GET",
      url: `${away.url}/a`,
      headers: [],
    });
    expect(statusOf(purchase)).toBe(307);
  });

  test("outside of the path of a listed location", async () => {
    const world = await mintingTown();
    const services = [`${world.shop.url}/api`];
    const treasury = new Treasury({
      ...world.options,
      mints: { ...world.options.mints!, services },
    });
    const credential = treasury.mint({
      endpoints: [`* ${world.shop.url}/**`],
      budget: "50 sat",
      expiresIn: "1h",
    });
    const kinds: unknown[] = [];
    for (const path of ["/api", "/api/a", "/apis", "/"]) {
      const purchase = await treasury.buy({
        id: crypto.randomUUID(),
        credential: credential.toString(),
        method: "GET",
        url: world.shop.url + path,
        headers: [],
      });
      kinds.push(purchase.payment === undefined);
    }
    expect(kinds).toEqual([true, true, false, true]);
  });
});

describe("what is handed over", () => {
  test("allows what the agent may do at the service, and nothing more, and is closed", async () => {
    const world = await mintingTown();
    const { url } = world.shop;
    const holder = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    const agent = world.mint().delegate(
      {
        agent: "head-office",
        purpose: "the owner's secret plans",
        endpoints: [`GET ${url}/a/**`, "GET https://secret.example/**"],
        budget: "500 sat",
        maxPrice: "20 sat",
        maxDepth: 3,
        expiresIn: "2m",
      },
      { now: world.clock() },
    );
    const credential = await world.handed(agent, "/a/x");
    const now = world.clock();
    expect(texts(credential)).toEqual([
      `endpoints=* ${url}/**`,
      `valid_until=${now + 3600}`,
      expect.stringMatching(/^agent=handed-over\.[0-9a-f]{16}$/),
      expect.stringMatching(/^agent=handed-over\.[0-9a-f]{16}$/),
      `endpoints=* ${url}/**`,
      `endpoints=GET ${url}/a/**`,
      `valid_until=${now + 120}`,
    ]);
    const text = Buffer.from(credential.toString().split(":")[0]!, "base64").toString("latin1");
    for (const secret of ["head-office", "plans", "secret.example", "budget", holder])
      expect(text).not.toContain(secret);
    expect(() => credential.append(["purpose=x"])).toThrow("sealed");
    expect(await world.present(credential, "/a/y")).toBe("200");
    expect(await world.present(credential, "/b")).toBe("403 ERR_ENDPOINT");
    expect(await world.present(credential, "/a/y", "POST")).toBe("403 ERR_ENDPOINT");
    world.clock.advance("2m");
    expect(await world.present(credential, "/a/y")).toMatch(/ERR_EXPIRED$/);
  });

  test("keeps the key that an agent is bound to", async () => {
    const world = await mintingTown();
    const key = new HolderKey(undefined, { clock: world.clock });
    const agent = world
      .mint()
      .delegate({ agent: "bound", holder: key.thumbprint }, { now: world.clock() });
    const client = world.connect(agent, { fetch: key.fetch });
    expect((await client.get(`${world.shop.url}/a`)).status).toBe(200);
    const shown = world.shop.received.flatMap(({ headers }) => headers.authorization ?? []);
    expect(shown).toHaveLength(1);
    expect(await world.present(shown[0]!.slice("L402 ".length))).toBe("403 ERR_HOLDER");
    expect(world.paid().count).toBe(0);
  });

  test.each([-540, 0, 540])(
    "ends within five minutes by the clock of a service that is %i s off",
    async (skew) => {
      const service: { clock: () => number } = { clock: () => 0 };
      const world = await mintingTown({ paywall: { clock: () => service.clock() } });
      service.clock = () => world.clock() + skew;
      const credential = await world.handed(world.mint());
      expect(texts(credential).at(-1)).toBe(`valid_until=${world.clock() + skew + 300}`);
      world.clock.advance("299s");
      expect(await world.present(credential)).toBe("200");
      world.clock.advance("1s");
      expect(await world.present(credential)).toMatch(/ERR_EXPIRED$/);
      // The grant is used for 40 minutes, and the last one of it is as good.
      world.clock.advance("2095s");
      const last = await world.handed(world.mint());
      world.clock.advance("299s");
      expect(await world.present(last)).toBe("200");
    },
  );

  test("is none for a service whose clock is too far off", async () => {
    const service: { clock: () => number } = { clock: () => 0 };
    const world = await mintingTown({ paywall: { clock: () => service.clock() } });
    service.clock = () => world.clock() + 700;
    expect((await failure(world.order(world.mint()))).code).toBe("ERR_CHALLENGE_CLOCK");
  });
});

describe("a condition that no service can judge for the treasury", () => {
  test("is judged here, and the request is relayed: a limit of uses", async () => {
    const world = await mintingTown();
    const agent = world.mint().delegate({ agent: "once", maxUses: 2 }, { now: world.clock() });
    for (const path of ["/a", "/b"]) expect(statusOf(await world.order(agent, path))).toBe(200);
    expect((await failure(world.order(agent, "/c"))).code).toBe("ERR_USES");
    expect(world.shop.served).toHaveLength(2);
    expect(world.paid().count).toBe(0);
    // A service that echoes what it was sent gives the agent nothing for another request.
    const shown = world.shop.received.flatMap(({ headers }) => headers.authorization ?? []);
    expect(await world.present(shown[0]!.slice("L402 ".length), "/a")).toBe("200");
    expect(await world.present(shown[0]!.slice("L402 ".length), "/b")).toMatch(/ERR_ENDPOINT$/);
    world.clock.advance("60s");
    expect(await world.present(shown[0]!.slice("L402 ".length), "/a")).toMatch(/ERR_EXPIRED$/);
  });

  test("what the service alone can judge goes along with the request that is relayed", async () => {
    const world = await mintingTown();
    const agent = world
      .mint()
      .delegate({ agent: "reader", capabilities: { shop: ["read"] } }, { now: world.clock() });
    expect(statusOf(await world.order(agent))).toBe(200);
    const [shown] = world.shop.received.flatMap(({ headers }) => headers.authorization ?? []);
    const { caveats } = Credential.parse(shown!.slice("L402 ".length));
    expect(caveats).toContainEqual(
      expect.objectContaining({ condition: "shop_capabilities", value: "read" }),
    );
  });

  test("an order that is sent again counts once, and gets the same answer", async () => {
    const world = await mintingTown();
    const agent = world.mint().delegate({ agent: "once", maxUses: 1 }, { now: world.clock() });
    const id = "the-same-order";
    const bodies: string[] = [];
    for (let times = 0; times < 2; times++) {
      const purchase = await world.order(agent, "/a", { id });
      if (purchase.kind === "response") bodies.push(await purchase.response.text());
    }
    expect(bodies).toEqual(['{"served":1}', '{"served":1}']);
  });

  test("a line of agents that is too long for a credential is relayed", async () => {
    const world = await mintingTown();
    let agent = world.mint();
    for (let depth = 0; depth < 40; depth++)
      agent = agent.delegate({ agent: "a" }, { now: world.clock() });
    expect(statusOf(await world.order(agent))).toBe(200);
    expect(world.paid().count).toBe(0);
  });
});

describe("a service that trusts the issuer and refuses what was minted", () => {
  /** It is given another key of the issuer's. */
  const otherKeys = async (input: RequestInfo | URL): Promise<Response> => {
    const { origin: issuer } = new URL(String(input));
    return new Response(KeyRing.create({ issuer }).page(), {
      headers: { "content-type": "application/json" },
    });
  };
  const refusing = (payIfRefused: boolean) =>
    mintingTown({ mints: { payIfRefused }, paywall: { fetch: otherKeys as typeof fetch } });

  test("is not paid: ERR_ISSUER_REFUSED, nothing spent", async () => {
    const world = await refusing(false);
    const root = world.mint();
    const error = await failure(world.connect(root).get(`${world.shop.url}/a`));
    expect(error).toMatchObject({ code: "ERR_ISSUER_REFUSED", spent: "no" });
    expect(error.message).toContain(world.shop.url);
    expect(world.paid().count).toBe(0);
    expect(world.shop.served).toHaveLength(0);
    // A request that is relayed is refused in the same way.
    const once = root.delegate({ agent: "once", maxUses: 5 }, { now: world.clock() });
    expect((await failure(world.order(once))).code).toBe("ERR_ISSUER_REFUSED");
    world.clock.advance("61s");
    expect((await failure(world.order(once))).code).toBe("ERR_ISSUER_REFUSED");
  });

  test("is paid if the owner set it, once", async () => {
    const world = await refusing(true);
    const client = world.connect(world.mint());
    for (const path of ["/a", "/b"])
      expect((await client.get(world.shop.url + path)).status).toBe(200);
    expect(world.paid().count).toBe(1);
  });

  test("of an agent that lies, gets the request itself", async () => {
    const world = await mintingTown();
    const agent = world.mint();
    const credential = await world.handed(agent);
    const refused = { paymentHash: credential.paymentHash, mayBeUsed: false };
    expect(statusOf(await world.order(agent, "/a", { refused }))).toBe(200);
    expect(world.paid().count).toBe(0);
  });

  test("which sells nothing cannot be paid", async () => {
    const world = await mintingTown({
      sellsNothing: true,
      mints: { payIfRefused: true },
      paywall: { fetch: async () => new Response("[]") },
    });
    const error = await failure(world.connect(world.mint()).get(`${world.shop.url}/a`));
    expect(error).toMatchObject({ code: "ERR_ISSUER_REFUSED", spent: "no" });
  });
});

test("of a service that stops trusting, the agent gets the answer, and it is minted for again later", async () => {
  const world = await mintingTown({ sellsNothing: true });
  const client = world.connect(world.mint());
  const get = async () => (await client.get(`${world.shop.url}/a`)).status;
  expect(await get()).toBe(200);
  world.retrust(["https://another.example"]);
  expect([await get(), await get()]).toEqual([401, 401]);
  world.retrust([world.treasury.location]);
  expect(await get()).toBe(200);
  expect(world.paid().count).toBe(0);
});

test("a treasury whose keys have all ended mints nothing, and pays nothing", async () => {
  const world = await mintingTown();
  const keys = KeyRing.create({
    issuer: world.treasury.location,
    expiresIn: "1h",
    clock: () => world.clock() - 3600,
  });
  const treasury = new Treasury({ ...world.options, mints: { ...world.options.mints!, keys } });
  const bought = treasury.buy({
    id: crypto.randomUUID(),
    credential: world.mint().toString(),
    method: "GET",
    url: `${world.shop.url}/a`,
    headers: [],
  });
  expect(await failure(bought)).toMatchObject({ code: "ERR_ISSUER_REFUSED", spent: "no" });
});

test("what was bought earlier goes first", async () => {
  const world = await mintingTown();
  const bare = new Treasury({ ...world.options, mints: undefined as never });
  const root = world.mint();
  const paid = await bare.buy({
    id: crypto.randomUUID(),
    credential: root.toString(),
    method: "GET",
    url: `${world.shop.url}/a`,
    headers: [],
  });
  if (paid.kind !== "credential") throw new Error("it was relayed");
  expect(issuedOf(await world.handed(root))).toBeUndefined();
});
