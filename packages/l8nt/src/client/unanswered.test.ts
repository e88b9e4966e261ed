/**
 * A service that is paid and gives no answer, over real connections: one payment, however often the
 * agent asks, whichever way the agent pays.
 */
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Client, Credential } from "../index.ts";
import {
  ask402,
  bodyOf,
  challenger,
  failure,
  gate,
  listen,
  site,
  type Town as TestTown,
  town,
} from "../testing/fixtures/town.ts";
import { devTown } from "../testing/index.ts";
import { devWallet } from "../wallets/dev.ts";
import { patience } from "./retry.ts";

beforeEach(() => void vi.spyOn(patience, "sleep").mockResolvedValue(undefined));
afterEach(() => vi.restoreAllMocks());

type Town = Awaited<ReturnType<typeof devTown>>;

/** How the agent pays: from a credential of a treasury across HTTP, or from a wallet of its own. */
const WAYS: readonly (readonly [string, (town: Town) => Client])[] = [
  ["handed over", ({ client }) => client],
  ["relayed", (town) => town.connect(town.mint({ maxUses: 1000 }))],
  ["embedded", ({ wallet, clock }) => new Client({ wallet, clock })],
  [
    "embedded and relayed",
    ({ wallet, clock }) =>
      new Client({
        wallet,
        clock,
        limits: {
          endpoints: ["* http://127.0.0.1:*/**"],
          maxUses: 1000,
          budget: "1000 sat",
          expiresIn: "1h",
        },
      }),
  ],
];

const ENDS: readonly (readonly [string, (response: ServerResponse) => unknown])[] = [
  ["resets the connection", (response) => response.socket!.resetAndDestroy()],
  ["closes the connection", (response) => response.socket!.end()],
  ["sends half a head", (response) => response.socket!.end("HTTP/1.1 200 OK\r\nco")],
];

describe.each(WAYS)("%s", (_, clientOf) => {
  test.each(ENDS)("a service that %s after each payment is paid once", async (_how, end) => {
    await using town = await devTown();
    town.shop.answers.push(...Array(8).fill(end));
    const client = clientOf(town);
    while (town.shop.answers.length > 0) await client.get(`${town.shop.url}/a`).catch(() => {});
    expect(town.network.payments()).toHaveLength(1);
  });

  test("and once it answers, what was paid for is used", async () => {
    await using town = await devTown();
    town.shop.answers.push(...Array(3).fill((response: ServerResponse) => response.destroy()));
    const client = clientOf(town);
    const ask = () =>
      client.get(`${town.shop.url}/a`).then(
        ({ status }) => status,
        () => 0,
      );
    while ((await ask()) !== 200);
    expect(town.network.payments()).toHaveLength(1);
  });

  test("an honest service that is slower than the caller waits is not accused", async () => {
    await using town = await devTown();
    const reached = gate();
    const go = gate();
    town.shop.answers.push(async (response) => {
      reached.open();
      await go.opened;
      response.end("late");
    });
    const client = clientOf(town);
    const abort = new AbortController();
    const asking = failure(client.get(`${town.shop.url}/a`, { signal: abort.signal }));
    await reached.opened;
    abort.abort();
    expect((await asking).name).toBe("AbortError");
    go.open();
    // The late answer, if it was kept for another request with the credential, or a new one.
    for (let times = 0; times < 2; times++)
      expect((await client.get(`${town.shop.url}/a`)).status).toBe(200);
    // At most one for each call.
    expect(town.network.payments().length).toBeLessThanOrEqual(3);
  });
});

/** Serves nothing: hangs up on the first request with a credential, and asks for payment again. */
const crookIn = (world: TestTown) => {
  const seen = new Set<string>();
  return site(async ({ headers }, response, url) => {
    const text = headers.authorization?.replace(/^L402 /, "");
    const hash = text === undefined ? undefined : Credential.parse(text).paymentHash;
    if (hash === undefined || seen.has(hash)) {
      const scope = { endpoints: [`* ${url}/**`], maxUses: 1, expiresIn: "1h" } as const;
      return ask402(response, await challenger(world, url).demand({ scope }));
    }
    seen.add(hash);
    response.socket!.resetAndDestroy();
  });
};

test.each<[string, (world: TestTown) => Client]>([
  ["handed over", (world) => world.connect(world.mint())],
  ["relayed", (world) => world.connect(world.mint({ maxUses: 1000 }))],
  [
    "embedded",
    ({ network, clock }) =>
      new Client({ wallet: devWallet(network.account("treasury").url), clock }),
  ],
])(
  "a service that hangs up and then asks for payment again is paid once, %s",
  async (_, clientOf) => {
    const world = await town();
    const shop = await crookIn(world);
    const client = clientOf(world);
    const errors: unknown[] = [];
    for (let times = 0; times < 8; times++) errors.push(await failure(client.get(`${shop.url}/a`)));
    expect(world.paid().count).toBe(1);
    expect(errors.at(-1)).toMatchObject({ code: "ERR_ORIGIN_QUARANTINED", spent: "no" });
  },
);

test("an order that another process had answered accuses nobody, and is not paid again", async () => {
  const world = await town();
  const seen = new Set<string>();
  // Serves a credential once, and keeps no answers.
  const shop = await site(async ({ headers }, response, url) => {
    const text = headers.authorization?.replace(/^L402 /, "");
    const hash = text === undefined ? undefined : Credential.parse(text).paymentHash;
    if (hash !== undefined && !seen.has(hash)) {
      seen.add(hash);
      return response.end("served");
    }
    const scope = { endpoints: [`* ${url}/**`], maxUses: 1, expiresIn: "1h" } as const;
    return ask402(response, await challenger(world, url).demand({ scope }));
  });
  const credential = world.mint();
  const ask = () =>
    world.connect(credential).get(`${shop.url}/a`, { headers: { "idempotency-key": "once" } });
  expect(await (await ask()).text()).toBe("served");
  expect(await failure(ask())).toMatchObject({ code: "ERR_ANSWER_LOST", spent: "yes" });
  expect(world.paid().count).toBe(1);
  expect(world.alarms).toEqual([]);
});

test("a treasury that dies with an order is asked again, and pays once for it", async () => {
  const world = await town();
  const shop = await world.openShop();
  let cuts = 2;
  // A proxy before the treasury, which loses its answers.
  const proxy = await listen(() => async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    const { authorization = "" } = incoming.headers;
    const headers = { authorization, "content-type": "application/json" };
    const answer = await fetch(world.treasury.location + incoming.url, {
      method: "POST",
      headers,
      body,
    });
    if (cuts-- > 0) return void outgoing.writeHead(504).end();
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    outgoing.end(await answer.text());
  });
  const client = world.connect(world.mint(), {
    fetch: (input, init) => {
      const url = String(input);
      return url.startsWith(world.treasury.location)
        ? fetch(url.replace(world.treasury.location, proxy), init)
        : fetch(input, init);
    },
  });
  expect((await client.get(`${shop.url}/a`)).status).toBe(200);
  expect(world.paid().count).toBe(1);
  expect(shop.served).toHaveLength(1);
});

test("two clients that pay from one wallet in one process are each served, and pay once an answer", async () => {
  await using town = await devTown();
  const { wallet, clock, shop } = town;
  const clients = [new Client({ wallet, clock }), new Client({ wallet, clock })];
  for (let times = 0; times < 2; times++)
    for (const client of clients) expect((await client.get(shop.url)).status).toBe(200);
  const many = [...clients, ...clients].map((client) => client.get(shop.url));
  for (const { status } of await Promise.all(many)) expect(status).toBe(200);
  expect(town.network.payments()).toHaveLength(8);
  expect(shop.served).toHaveLength(8);
});
