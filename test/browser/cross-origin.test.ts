/**
 * A page of another origin with a wallet buys from a service, in Chromium: preflights, challenges
 * and answers as a browser lets a page see them. spec/3-challenge.md §5.
 */
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { expect, onTestFinished, test } from "vitest";
import { paid } from "../../packages/l8nt/src/middleware/hono.ts";
import { Paywall } from "../../packages/l8nt/src/service/index.ts";
import { DevNetwork } from "../../packages/l8nt/src/testing/index.ts";
import { devWallet } from "../../packages/l8nt/src/wallets/dev.ts";
import { hasChromium, listenAt, openHome } from "./support/page.ts";

const SCRIPT = `
  import { Client } from "l8nt";
  const limits = { endpoints: ["GET " + shop + "/**"], budget: "100 sat", expiresIn: "1h" };
  const plain = await fetch(shop + "/paid");
  const client = new Client({ wallet, limits });
  const answers = [];
  for (const path of ["/paid?n=1", "/paid?n=2"]) {
    const response = await client.get(shop + path);
    answers.push([response.status, await response.text()]);
  }
  await tell({ unpaid: [plain.status, plain.headers.get("www-authenticate") !== null], answers });
`;

test.skipIf(!hasChromium)(
  "a page of another origin reads a challenge, pays, and is served",
  async () => {
    const network = await DevNetwork.start();
    onTestFinished(() => network.stop());
    const account = network.account("page", { balanceMsat: 1_000_000n });
    const app = new Hono();
    const shop = await listenAt(getRequestListener(app.fetch));
    const paywall = new Paywall({
      secret: "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4",
      location: shop,
      invoicer: devWallet(network.account("shop", { balanceMsat: 0n }).invoiceOnlyUrl),
    });
    const asked: string[] = [];
    app.use(async (c, next) => {
      await next();
      asked.push(`${c.req.method} ${c.res.status}`);
    });
    app.use(cors({ origin: "*", allowHeaders: ["authorization"] }));
    app.get("/paid", paid(paywall, { price: "10 sat" }), (c) =>
      c.text(`answer ${c.req.query("n")}`),
    );
    const home = await openHome();
    expect(await home.shows({ script: SCRIPT, shop, wallet: account.url })).toEqual({
      unpaid: [402, true],
      answers: [
        [200, "answer 1"],
        [200, "answer 2"],
      ],
    });
    expect(asked.filter((line) => line.startsWith("OPTIONS")).length).toBeGreaterThan(0);
    expect(asked.filter((line) => line.startsWith("OPTIONS") && !line.endsWith("204"))).toEqual([]);
    expect(network.payments().filter(({ status }) => status === "paid")).toHaveLength(2);
  },
  120_000,
);
