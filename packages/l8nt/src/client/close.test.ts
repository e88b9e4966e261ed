/** The end of a client: the treasury is told which orders were answered. spec/4-purchase.md §2. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { targetOfUrl } from "../caveat/index.ts";
import { Client } from "../index.ts";
import { Credential } from "../l402/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { ask402, challenger, site, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { ordersOf } from "./orders.ts";

afterEach(() => void vi.useRealTimers());

const WAYS = [
  ["handed over", {}],
  ["relayed", { maxUses: 100 }],
] as const;

const answeredAt = ({ asked }: Town) => asked.filter(({ target }) => target === "/v1/answered");
const statuses = async ({ treasury }: Town) =>
  (await treasury.owner.payments()).map(({ status }) => status);

describe.each(WAYS)("a client of a treasury, %s", (_, scope) => {
  test("tells what was answered when it is closed, once, and the purchase is used", async () => {
    const world = await town();
    const shop = await world.openShop();
    const client = world.connect(world.mint(scope));
    await (await client.get(`${shop.url}/a`)).text();
    expect(await statuses(world)).toEqual(["paid"]);
    await client.close();
    expect(await statuses(world)).toEqual(["used"]);
    await client.close();
    expect(answeredAt(world)).toHaveLength(1);
  });

  test("does not tell of a body that broke off, nor of one that is still read", async () => {
    const world = await town();
    const shop = await world.openShop();
    const client = world.connect(world.mint(scope));
    const response = await client.get(`${shop.url}/a`);
    await client.close();
    expect(await statuses(world)).toEqual(["paid"]);
    expect(answeredAt(world)).toEqual([]);
    await response.text();
    await client.close();
    expect(await statuses(world)).toEqual(["used"]);
  });

  test("tells it at the end of `await using`", async () => {
    const world = await town();
    const shop = await world.openShop();
    {
      await using client = world.connect(world.mint(scope));
      await (await client.get(`${shop.url}/a`)).text();
    }
    expect(await statuses(world)).toEqual(["used"]);
  });
});

describe.each(WAYS)("an order that was said to be answered, %s", (_, scope) => {
  const KEYED = { headers: { "idempotency-key": "order-42" } };

  test("is answered again by what the service kept for its key, and is not paid again", async () => {
    const world = await town();
    const shop = await world.openShop();
    const client = world.connect(world.mint(scope));
    for (let times = 0; times < 3; times++) {
      expect(await (await client.get(`${shop.url}/a`, KEYED)).json()).toEqual({ served: 1 });
      await client.close();
      expect(await statuses(world)).toEqual(["used"]);
    }
    expect(world.paid().count).toBe(1);
  });

  test("is lost if the service kept nothing, and is not paid again", async () => {
    const world = await town();
    const used = new Set<string>();
    const shop = await site(async ({ headers }, response, url) => {
      const text = headers.authorization?.replace(/^L402 /, "");
      const hash = text === undefined ? undefined : Credential.parse(text).paymentHash;
      if (hash !== undefined && !used.has(hash)) {
        used.add(hash);
        return response.end("served");
      }
      const grant = { endpoints: [`* ${url}/**`], maxUses: 1, expiresIn: "1h" } as const;
      return ask402(response, await challenger(world, url).demand({ scope: grant }));
    });
    const client = world.connect(world.mint(scope));
    await (await client.get(`${shop.url}/a`, KEYED)).text();
    await client.close();
    const again = client.get(`${shop.url}/a`, KEYED);
    await expect(again).rejects.toMatchObject({ code: "ERR_ANSWER_LOST", spent: "yes" });
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toEqual([]);
  });
});

test("at most 64 orders are told in one message", async () => {
  const world = await town();
  const credential = world.mint();
  const target = targetOfUrl("GET", new URL("https://here.example/a"))!;
  const ids = Array.from({ length: 70 }, (_, n) => `order-number-${n}`);
  for (const id of ids) ordersOf(credential).open(id, false, target).answered();
  await world.connect(credential).close();
  const told = answeredAt(world).map(({ body }) => (JSON.parse(body) as Told).orders);
  expect(told).toEqual([ids.slice(0, 64), ids.slice(64)]);
});

interface Told {
  readonly orders: readonly string[];
}

test("a client that ordered nothing tells nothing", async () => {
  const world = await town();
  const shop = await world.openShop();
  await world.connect(world.mint()).close();
  await new Client({ credential: [] }).close();
  expect(world.asked).toEqual([]);
  expect(shop.received).toEqual([]);
});

test("it is told to the treasury in the client's own process, too", async () => {
  const { network, clock, openShop } = await town();
  const shop = await openShop();
  const client = new Client({
    wallet: devWallet(network.account("treasury").url),
    clock,
    treasury: { store: new MemoryStore() },
  });
  await (await client.get(`${shop.url}/a`)).text();
  await client.close();
  const { owner } = await client.treasury!.open();
  expect((await owner.payments()).map(({ status }) => status)).toEqual(["used"]);
});

test("a treasury that is gone fails nothing, and is told later", async () => {
  const world = await town();
  const shop = await world.openShop();
  let isGone = false;
  const client = world.connect(world.mint(), {
    fetch: async (input, init) => {
      if (isGone) throw new TypeError("fetch failed");
      return fetch(input, init);
    },
  });
  await (await client.get(`${shop.url}/a`)).text();
  isGone = true;
  await client.close();
  expect(await statuses(world)).toEqual(["paid"]);
  isGone = false;
  await client.close();
  expect(await statuses(world)).toEqual(["used"]);
});

test("a treasury that does not answer is waited for two seconds, and its request is ended", async () => {
  const world = await town();
  const shop = await world.openShop();
  let ended = false;
  let asked = () => {};
  const asking = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const client = world.connect(world.mint(), {
    fetch: (input, init) => {
      if (!String(input).endsWith("/v1/answered")) return fetch(input, init);
      asked();
      return new Promise((_, reject) => {
        init?.signal?.addEventListener("abort", () => {
          ended = true;
          reject(init.signal!.reason);
        });
      });
    },
  });
  await (await client.get(`${shop.url}/a`)).text();
  vi.useFakeTimers();
  let isClosed = false;
  const closing = client.close().then(() => {
    isClosed = true;
  });
  await asking;
  await vi.advanceTimersByTimeAsync(1999);
  expect([isClosed, ended]).toEqual([false, false]);
  await vi.advanceTimersByTimeAsync(1);
  await closing;
  expect(ended).toBe(true);
});
