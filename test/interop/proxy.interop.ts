/**
 * aperture's whole proxy, as operators configure it: our client buys what its services sell. Its
 * invoices are those of the development network.
 */
import { Invoice } from "l8nt/invoice";
import { devWallet } from "l8nt/wallets/dev";
import { expect, test } from "vitest";
import { site, type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { type Front, Peer, type ServiceConfig } from "./peer.ts";

/** An API behind aperture, and the services that aperture makes of it. */
async function behind(
  world: Town,
  servicesOf: (address: string) => readonly ServiceConfig[],
  more: Partial<Front> = {},
) {
  world.clock.set(Date.now() / 1000);
  const api = await site(({ target }, response) => response.end(`sunny at ${target}`));
  const wallet = devWallet(world.network.account("shop").invoiceOnlyUrl);
  const invoices = await site(async ({ target }, response) => {
    const sat = BigInt(new URL(target, "http://localhost").searchParams.get("sat")!);
    const invoice = await wallet.createInvoice({ amountMsat: sat * 1000n, expirySeconds: 600 });
    response.end(JSON.stringify({ invoice, paymentHash: Invoice.decode(invoice).paymentHash }));
  });
  const services = servicesOf(new URL(api.url).host);
  const address = await Peer.start().front({ services, invoices: invoices.url, ...more });
  return { url: `http://${address}`, served: api.received };
}

const WEATHER = { pathregexp: "^/weather/.*$", auth: "on", timeout: 3600 };
const amounts = ({ network }: Town) =>
  network.payments().map(({ amountMsat }) => Number(amountMsat) / 1000);

test("each service is bought once, at its price, for all of its paths", async () => {
  const world = await town();
  const { url, served } = await behind(world, (address) => [
    { ...WEATHER, name: "weather", address, price: 10, capabilities: "forecast,history" },
    { name: "news", pathregexp: "^/news/.*$", auth: "on", address, price: 25 },
    { name: "docs", pathregexp: "^/docs/.*$", auth: "off", address },
  ]);
  const client = world.connect(world.mint());
  const paths = ["weather/a", "news/a", "docs/a", "weather/b?city=tokyo", "news/b", "weather/a"];
  for (const path of paths)
    expect(await (await client.get(`${url}/${path}`)).text()).toBe(`sunny at /${path}`);
  expect(served).toHaveLength(paths.length);
  expect(amounts(world)).toEqual([10, 25]);
  expect(world.alarms).toEqual([]);
});

test("where prices are dynamic, each path is a service of its own, and a price of 0 is free", async () => {
  const world = await town();
  const { url } = await behind(
    world,
    (address) => [
      { ...WEATHER, name: "weather", address, price: 1, dynamicprice: { enabled: true } },
    ],
    { prices: { "/weather/today": 5, "/weather/tomorrow": 40 } },
  );
  const client = world.connect(world.mint());
  for (const path of ["today", "tomorrow", "today", "never"])
    expect((await client.get(`${url}/weather/${path}`)).status).toBe(200);
  expect(amounts(world)).toEqual([5, 40]);
  expect(world.alarms).toEqual([]);
});

test("freebies are taken before anything is paid", async () => {
  const world = await town();
  const { url, served } = await behind(world, (address) => [
    { ...WEATHER, name: "weather", address, price: 10, auth: "freebie 2" },
  ]);
  const client = world.connect(world.mint());
  const paid: number[] = [];
  for (let at = 0; at < 4; at++) {
    expect((await client.get(`${url}/weather/a`)).status).toBe(200);
    paid.push(world.paid().count);
  }
  expect(paid).toEqual([0, 0, 1, 1]);
  expect(served).toHaveLength(4);
});

test("an address on the blocklist has its 403, and nothing is paid", async () => {
  const world = await town();
  const { url, served } = await behind(
    world,
    (address) => [{ ...WEATHER, name: "weather", address, price: 10 }],
    { blocklist: ["127.0.0.1"] },
  );
  const response = await world.connect(world.mint()).get(`${url}/weather/a`);
  expect([response.status, await response.text()]).toEqual([403, "access denied\n"]);
  expect([served, world.network.payments()]).toEqual([[], []]);
});

test("a token that ends before it is sold is never paid, and the origin stays open to what holds", async () => {
  const world = await town();
  const { url, served } = await behind(
    world,
    (address) => [
      { ...WEATHER, name: "weather", address, price: 10 },
      { name: "news", pathregexp: "^/news/.*$", auth: "on", address, price: 25 },
    ],
    // Two hours after its start, which is what its ends are counted from.
    { ageSeconds: 7200 },
  );
  const client = world.connect(world.mint());
  for (let at = 0; at < 3; at++)
    await expect(client.get(`${url}/weather/a`)).rejects.toMatchObject({
      code: "ERR_CHALLENGE_SCOPE",
      message: expect.stringMatching(/weather_valid_until/),
    });
  expect(world.network.payments()).toEqual([]);
  expect((await client.get(`${url}/news/a`)).status).toBe(200);
  expect(served).toHaveLength(1);
  expect(amounts(world)).toEqual([25]);
});
