/**
 * A price that rises each time that it is asked, through real treasuries: what was paid for is
 * served, once, and nobody is accused. spec/2-caveats.md §6.
 */
import type { AmountText } from "l8nt/invoice";
import { Paywall } from "l8nt/service";
import { type DevTownOptions, devTown } from "l8nt/testing";
import { expect, test } from "vitest";

/** A shop whose prices rise by 1 msat between a challenge and its use, by query and body. */
const rising = (): NonNullable<DevTownOptions["service"]> => {
  let rate = 0n;
  return ({ secret, location, invoicer, clock }) => {
    const paywall = new Paywall({
      ...{ secret, location, invoicer, clock },
      price: async ({ url, text }) => {
        const size = BigInt(url.searchParams.get("n") ?? "1") + BigInt((await text()).length);
        return `${10_000n * size + rate++} msat` as AmountText;
      },
    });
    return async (request) => {
      const decision = await paywall.authorize(request);
      if (!decision.granted) return decision.response;
      return decision.settle(new Response(`sunny ${await request.text()}`));
    };
  };
};

test.each([
  ["handed over", {}],
  ["relayed", { maxUses: 9 }],
])("a purchase at a price that rises is served, %s, and paid for once", async (_, scope) => {
  const alarms: unknown[] = [];
  await using town = await devTown({
    service: rising(),
    scope,
    treasury: { alarm: (what: string) => alarms.push(what) },
  });
  const get = await town.client.get(`${town.shop.url}/a?n=2`);
  expect([get.status, await get.text()]).toEqual([200, "sunny "]);
  const post = await town.client.post(`${town.shop.url}/a`, "xyz");
  expect([post.status, await post.text()]).toEqual([200, "sunny xyz"]);
  // The dearer request is bought by itself: nothing that is held opens it.
  const dear = await town.client.get(`${town.shop.url}/a?n=20`);
  expect(dear.status).toBe(200);
  const paid = town.network.payments().map(({ amountMsat }) => amountMsat / 10_000n);
  expect(paid.sort((a, b) => Number(a - b))).toEqual([2n, 4n, 20n]);
  expect(alarms).toEqual([]);
});
