/** What a client says about a 402 that it does not pay. */
import { expect, test } from "vitest";
import {
  ask402,
  challenger,
  type Demand,
  failure,
  forgeInvoice,
  site,
  town,
} from "../testing/fixtures/town.ts";
import { HttpClient } from "./client.ts";

async function messageAfter(demand: Demand | "nothing" | "garbage"): Promise<string> {
  const world = await town();
  const shop = await site(async (_request, response, url) => {
    if (demand === "nothing") return response.writeHead(402).end();
    if (demand === "garbage")
      return response.writeHead(402, { "www-authenticate": 'L402 macaroon="", invoice="x"' }).end();
    return ask402(response, await challenger(world, url).demand(demand));
  });
  const error = await failure(new HttpClient({ clock: world.clock }).get(`${shop.url}/a`));
  expect(error).toMatchObject({ code: "ERR_PAYMENT_REQUIRED", spent: "no" });
  return error.message.replace(shop.url, "SHOP");
}

test("the price that was asked is said", async () => {
  expect(await messageAfter({ amountMsat: 21_000n })).toMatch(
    /^SHOP asks for payment of 21 sat\. /,
  );
  expect(await messageAfter({ amountMsat: 1_500n })).toMatch(
    /^SHOP asks for payment of 1\.5 sat\. /,
  );
});

test("another scheme is named with its price, and the least of several prices is said", async () => {
  const messageOf = async (answer: Parameters<typeof site>[0]) => {
    const world = await town();
    const shop = await site(answer);
    const error = await failure(new HttpClient({ clock: world.clock }).get(`${shop.url}/a`));
    return error.message.replace(shop.url, "SHOP");
  };
  const accepts = [{ network: "base", maxAmountRequired: "10000", extra: { name: "USDC" } }];
  expect(
    await messageOf((_request, response) =>
      response
        .writeHead(402, { "content-type": "application/json" })
        .end(JSON.stringify({ x402Version: 1, accepts })),
    ),
  ).toMatch(/^SHOP asks for payment, by x402 \(10000 of the smallest unit of USDC, on base\)\. /);
  const world = await town();
  expect(
    await messageOf(async (_request, response, url) => {
      const { demand } = challenger(world, url);
      ask402(response, await demand({ amountMsat: 9_000n }), await demand({ amountMsat: 5_000n }));
    }),
  ).toMatch(/^SHOP asks for payment of 5 sat\. /);
});

test("a challenge without a price, or that cannot be read, is said to be none", async () => {
  for (const demand of ["nothing", "garbage", { invoice: "lnbcrt1nonsense" }] as const)
    expect(await messageAfter(demand)).toMatch(/^SHOP asks for payment\. /);
  const world = await town();
  const { invoice } = await challenger(world, "https://shop.example").demand();
  const amountless = forgeInvoice(invoice, { amountMsat: undefined });
  expect(await messageAfter({ invoice: amountless })).toMatch(/^SHOP asks for payment\. /);
});
