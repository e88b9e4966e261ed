/**
 * Services that sell by L402 and have an `Authorization` of their own: every kind of service, and
 * every way to pay. spec/4-purchase.md §2.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { fingerprintOf } from "../http/fingerprint.ts";
import { Client } from "../index.ts";
import { presentedIn, readPresented } from "../l402/presented.ts";
import type { Terms } from "../service/index.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import { openDevShop } from "../testing/dev-shop.ts";
import {
  ask402,
  challenger,
  failure,
  type Received,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";

const OWN = "Bearer sk-of-the-api";

type Read = (headers: Headers) => string | undefined;

const inAnyField: Read = (headers) => readPresented(presentedIn(headers));
const inAuthorization: Read = (headers) =>
  /^L402 (\S+)$/.exec(headers.get("authorization") ?? "")?.[1];

interface Kind {
  readonly read: Read;
  /** Whether the API behind it answers 401 without its own `Authorization`. */
  readonly wantsOwn?: boolean;
  readonly maxUses?: number;
}

const headersOf = ({ headers }: Received): Headers =>
  new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** A service of another make, which says nothing of why it refuses. */
const foreign = (world: Town, { read, wantsOwn = false, maxUses }: Kind) => {
  const used = new Map<string, number>();
  return site(async (request, response, url) => {
    const { authority, demand } = challenger(world, url);
    const text = read(headersOf(request));
    const proven = text === undefined ? undefined : authority.verifier.authenticate(text);
    const count = used.get(proven?.paymentHash ?? "") ?? 0;
    if (proven === undefined || count >= (maxUses ?? Infinity)) {
      const scope = { endpoints: [`* ${url}/**`], expiresIn: "1h", ...(maxUses && { maxUses }) };
      return ask402(response, await demand({ scope: scope as never }));
    }
    if (wantsOwn && request.headers.authorization !== OWN)
      return void response.writeHead(401, { "www-authenticate": "Bearer" }).end("who are you?");
    used.set(proven.paymentHash, count + 1);
    response.end(String(request.headers.authorization));
  });
};

async function ours(world: Town, terms: Terms) {
  const shop = await openDevShop(
    { network: world.network, clock: world.clock, account: "shop" },
    { ...terms, handler: ({ headers }) => new Response(headers.get("authorization")) },
  );
  onTestFinished(() => shop.close());
  return shop;
}

const SERVICES = {
  "our paywall": async (world: Town) =>
    ours(world, { grants: { validFor: "1h", endpoints: ["* /**"] } }),
  "our paywall, one use": async (world: Town) => ours(world, {}),
  "one that reads every field": (world: Town) => foreign(world, { read: inAnyField }),
  "one that reads every field, one use": (world: Town) =>
    foreign(world, { read: inAnyField, maxUses: 1 }),
  "one that reads Authorization alone": (world: Town) => foreign(world, { read: inAuthorization }),
  "one that reads Authorization alone, one use": (world: Town) =>
    foreign(world, { read: inAuthorization, maxUses: 1 }),
  "an API with keys behind one that reads every field": (world: Town) =>
    foreign(world, { read: inAnyField, wantsOwn: true }),
} as const;
type Service = keyof typeof SERVICES;

const WAYS = {
  "own wallet": (world: Town) =>
    new Client({
      wallet: world.network.account("treasury").url,
      treasury: { clock: world.clock, alarm: (what: string) => world.alarms.push(what) },
      clock: world.clock,
    } as never),
  "handed over": (world: Town) => world.connect(world.mint()),
  relayed: (world: Town) => world.connect(world.mint({ maxUses: 1000 })),
} as const;
type Way = keyof typeof WAYS;

const CELLS = (Object.keys(WAYS) as Way[]).flatMap((way) =>
  (Object.keys(SERVICES) as Service[]).map((service) => [service, way] as const),
);

const own = { headers: { authorization: OWN } };

describe("with an Authorization of its own a request is paid for once at", () => {
  test.each(CELLS)("%s: %s", async (service, way) => {
    const world = await town();
    const shop = await SERVICES[service](world);
    const client = WAYS[way](world);
    for (const asked of [1, 2]) {
      const response = await client.get(`${shop.url}/a`, own);
      expect(response.status).toBe(200);
      const seen = await response.text();
      if (service.includes("Authorization alone")) expect(seen).toMatch(/^L402 /);
      else expect(seen).toBe(OWN);
      expect(world.paid().count).toBe(service.includes("one use") ? asked : 1);
    }
    // Whatever is sent has the caller's own, until a service has refused it with that.
    if (!service.includes("Authorization alone"))
      for (const { headers } of shop.received) expect(headers.authorization).toBe(OWN);
    expect(world.alarms).toEqual([]);
  });
});

describe("without one nothing has changed at", () => {
  test.each(CELLS)("%s: %s", async (service, way) => {
    const world = await town();
    const shop = await SERVICES[service](world);
    const response = await WAYS[way](world).get(`${shop.url}/a`);
    expect(response.status).toBe(service.includes("API with keys") ? 401 : 200);
    for (const { headers } of shop.received) expect(headers.macaroon).toBeUndefined();
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toEqual([]);
  });
});

describe.each(Object.keys(WAYS) as Way[])("%s", (way) => {
  test("a service that takes both in no way is paid once, nobody is accused, and the error helps", async () => {
    const world = await town();
    const shop = await foreign(world, { read: inAuthorization, wantsOwn: true });
    const client = WAYS[way](world);
    for (const spent of ["yes", "no"]) {
      const error = await failure(client.get(`${shop.url}/a`, own));
      expect(error).toMatchObject({ code: "ERR_PAID_NOT_DELIVERED", spent });
      expect(error.message).toMatch(/Authorization alone.*HTTP 401.*the field Macaroon/);
      expect(world.paid().count).toBe(1);
    }
    expect(world.alarms).toEqual([]);
  });

  test("a service that refuses both is doubted, and not accused or paid again", async () => {
    const world = await town();
    const shop = await foreign(world, { read: () => undefined });
    const client = WAYS[way](world);
    const error = await failure(client.get(`${shop.url}/a`, own));
    expect(error).toMatchObject({ code: "ERR_PAID_NOT_DELIVERED", spent: "yes" });
    expect(error.message).toMatch(/Send the request without it/);
    expect(await failure(client.get(`${shop.url}/b`, own))).toMatchObject({ spent: "no" });
    expect(world.paid().count).toBe(1);
    expect(world.alarms.join()).not.toMatch(/did not deliver/);
  });

  test("the price, and a 401, may depend on it", async () => {
    const world = await town();
    const shop = await site(async ({ headers }, response, url) => {
      const { authority, demand } = challenger(world, url);
      if (headers.authorization !== OWN) return void response.writeHead(401).end();
      if (headers.macaroon === undefined)
        return ask402(response, await demand({ amountMsat: 77_000n }));
      authority.verifier.authenticate(inAnyField(headersOf({ headers } as never))!);
      response.end("served");
    });
    const client = WAYS[way](world);
    const other = { headers: { authorization: "Bearer another" } };
    expect((await client.get(`${shop.url}/a`, other)).status).toBe(401);
    expect(await (await client.get(`${shop.url}/a`, own)).text()).toBe("served");
    expect(world.network.payments().map(({ amountMsat }) => amountMsat)).toEqual([77_000n]);
  });

  test("it goes to its own origin alone, also behind a redirect of what was paid for", async () => {
    const world = await town();
    const elsewhere = await site((_, response) => void response.end("elsewhere"));
    const shop = await site(async (request, response, url) => {
      if (request.headers.macaroon === undefined)
        return ask402(response, await challenger(world, url).demand());
      response.writeHead(302, { location: elsewhere.url }).end();
    });
    const response = await WAYS[way](world).get(`${shop.url}/a`, own);
    expect(await response.text()).toBe("elsewhere");
    for (const { text } of elsewhere.received) expect(text).not.toMatch(/sk-of-the-api|macaroon/i);
  });

  test("a 402 of an account, which is no challenge, is the answer", async () => {
    const world = await town();
    const shop = await site((_, response) => void response.writeHead(402).end("top up"));
    const client = WAYS[way](world);
    const response = await client.get(`${shop.url}/a`, own);
    expect([response.status, await response.text()]).toEqual([402, "top up"]);
    expect(shop.received).toHaveLength(1);
    expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({
      code: "ERR_CHALLENGE_MISSING",
    });
  });

  test.each(["L402 AgJC:00", "Bearer x, L402 AgJC:00"])(
    "a credential of the caller's own, %s, is sent as it is, and nothing is paid",
    async (authorization) => {
      const world = await town();
      const shop = await foreign(world, { read: () => undefined });
      const response = await WAYS[way](world).get(shop.url, { headers: { authorization } });
      expect(response.status).toBe(402);
      expect(shop.received.map(({ headers }) => headers.authorization)).toEqual([authorization]);
      expect(world.paid().count).toBe(0);
    },
  );
});

describe("an order", () => {
  const order = (world: Town, url: string, authorization: string, id = crypto.randomUUID()) => ({
    id,
    credential: world.mint({ maxUses: 1000 }).toString(),
    method: "GET",
    url,
    headers: [["Authorization", authorization]] as const,
  });

  test("with another Authorization is another request: no answer of the first is given to it", async () => {
    const world = await town();
    const shop = await foreign(world, { read: inAnyField });
    const first = order(world, `${shop.url}/a`, OWN);
    const bought = await world.treasury.buy(first);
    if (bought.kind !== "response") throw new Error("it was handed over");
    expect(await bought.response.text()).toBe(OWN);
    const second = { ...first, headers: [["authorization", "Bearer another"]] as const };
    expect(await failure(world.treasury.buy(second))).toMatchObject({ code: "ERR_REQUEST" });
  });

  test("loses a credential of ours, and keeps what is beside it", async () => {
    const world = await town();
    const shop = await foreign(world, { read: inAnyField });
    const credential = world.mint().toString();
    await world.treasury.buy(order(world, `${shop.url}/a`, `${OWN}, L402 ${credential}`));
    for (const { headers } of shop.received) expect(headers.authorization).toBe(OWN);
  });

  test.skipIf(process.getBuiltinModule("node:sqlite") === undefined)(
    "leaves neither it nor a plain hash of it in the books",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "sigil-own-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const store = await openSqliteStore(join(folder, "books.db"));
      onTestFinished(() => store.close());
      const world = await town({ store });
      const shop = await foreign(world, { read: inAnyField });
      const basic = `Basic ${btoa("alice:hunter2")}`;
      const asked = order(world, `${shop.url}/a`, basic);
      await world.treasury.buy(asked);
      expect(world.paid().count).toBe(1);
      const plain = fingerprintOf(asked, new URL(asked.url));
      for (const file of readdirSync(folder))
        for (const text of [btoa("alice:hunter2"), "hunter2", plain])
          expect(readFileSync(join(folder, file)).includes(text)).toBe(false);
    },
  );
});
