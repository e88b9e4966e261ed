/**
 * A page of another origin at `sigil gateway`, in Chromium: it buys tokens of a model with a wallet
 * of its own if the service names its origin, and reads and sends nothing if not.
 */
import { expect, test } from "vitest";
import { ASKED, METERED_MSAT, openSelling, PREPAID_MSAT } from "../e2e/support/selling.ts";
import { hasChromium, openHome } from "./support/page.ts";

const { json, "stream of events": stream } = ASKED;

const BUYS = `
  import { Client } from "l8nt";
  const init = (body) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const plain = await fetch(shop + "${json.path}", init(${JSON.stringify(json.body)}));
  const { price } = await plain.json();
  const unpaid = [plain.status, plain.headers.has("www-authenticate"), price];
  const limits = { endpoints: ["POST " + shop + "/**"], budget: "100 sat", expiresIn: "1h" };
  const client = new Client({ wallet, limits });
  const answer = await client.fetch(shop + "${json.path}", init(${JSON.stringify(json.body)}));
  const left = answer.headers.get("sigil-budget");
  const text = await answer.text();
  const streamed = await client.fetch(shop + "${stream.path}", init(${JSON.stringify(stream.body)}));
  const events = await streamed.text();
  const refused = await fetch(shop + "/unlisted", { headers: { authorization: "Bearer x" } });
  await tell({ unpaid, left, text, events, refused: refused.status });
`;

test.skipIf(!hasChromium)(
  "a page that is allowed reads the price, buys, and reads an answer and a stream",
  async () => {
    const home = await openHome();
    const shop = await openSelling("metered", { cors: { origins: [home.origin] } });
    const told = await home.shows({ script: BUYS, shop: shop.url, wallet: shop.wallet });
    expect(told).toEqual({
      unpaid: [402, true, "50 sat"],
      left: 'cost="1.04 sat", left=("48.96 sat";of="50 sat")',
      text: expect.stringMatching(json.shows),
      events: expect.stringMatching(stream.shows),
      refused: 403,
    });
    expect(shop.paid()).toEqual([PREPAID_MSAT]);
    await expect.poll(shop.spent).toEqual([METERED_MSAT, METERED_MSAT]);
    expect(shop.seen.map(({ url }) => url)).toEqual([json.path, stream.path]);
  },
);

const ASKS = `
  const failed = async (ask) => ask().then(({ status }) => status, ({ name }) => name);
  const body = JSON.stringify(${JSON.stringify(json.body)});
  const type = { "content-type": "application/json" };
  await tell([
    await failed(() => fetch(shop + "${json.path}", { method: "POST", headers: type, body })),
    await failed(() => fetch(shop + "/api/tags", { headers: { authorization: "Bearer x" } })),
    await failed(() => fetch(shop + "/api/tags")),
  ]);
`;

test.skipIf(!hasChromium).each([
  ["no page is", undefined],
  ["another page is", { origins: ["https://app.example"] }],
])("a page that is not allowed reads nothing, where %s", async (_where, cors) => {
  const home = await openHome();
  const shop = await openSelling("metered", cors && { cors });
  const told = await home.shows({ script: ASKS, shop: shop.url, wallet: shop.wallet });
  expect(told).toEqual(["TypeError", "TypeError", "TypeError"]);
  // The last one needs no preflight: it is sent, and its answer is kept from the page.
  expect(shop.seen.map(({ url }) => url)).toEqual(["/api/tags"]);
});
