/**
 * A page of another origin with a wallet buys from a service, in Chromium: preflights, challenges
 * and answers as a browser lets a page see them. spec/3-challenge.md §5.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { build } from "esbuild";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { expect, onTestFinished, test, vi } from "vitest";
import { paid } from "../../packages/l8nt/src/middleware/hono.ts";
import { listener } from "../../packages/l8nt/src/node/index.ts";
import { Paywall } from "../../packages/l8nt/src/service/index.ts";
import { DevNetwork } from "../../packages/l8nt/src/testing/index.ts";
import { devWallet } from "../../packages/l8nt/src/wallets/dev.ts";

const chromium = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "chromium"))
  .find((path) => existsSync(path));
if (chromium === undefined)
  console.error("NOT RUN: test/browser needs Chromium (Debian: apt-get install chromium).");

const PAGE = `
  import { Client } from "l8nt";
  import { devWallet } from "l8nt/wallets/dev";
  const tell = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
  const { wallet: url, shop } = await (await fetch("/config")).json();
  // The wallet's own API allows no other origin, so the page's server passes it on.
  const wallet = devWallet(url, {
    fetch: (to, init) => fetch("/wallet?to=" + encodeURIComponent(to), init),
  });
  const limits = { endpoints: ["GET " + shop + "/**"], budget: "100 sat", expiresIn: "1h" };
  try {
    const plain = await fetch(shop + "/paid");
    const client = new Client({ wallet, limits });
    const answers = [];
    for (const path of ["/paid?n=1", "/paid?n=2"]) {
      const response = await client.get(shop + path);
      answers.push([response.status, await response.text()]);
    }
    await tell({ unpaid: [plain.status, plain.headers.get("www-authenticate") !== null], answers });
  } catch (error) {
    await tell({ error: String(error?.code) + " " + String(error?.message) });
  }
`;

test.skipIf(chromium === undefined)(
  "a page of another origin reads a challenge, pays, and is served",
  async () => {
    const network = await DevNetwork.start();
    onTestFinished(() => network.stop());
    const account = network.account("page", { balanceMsat: 1_000_000n });
    const node = devWallet(network.account("shop", { balanceMsat: 0n }).invoiceOnlyUrl);
    const createInvoice = vi.fn(node.createInvoice.bind(node));

    const app = new Hono();
    const shop = await listenAt(createAdaptorServer(app) as ReturnType<typeof createServer>);
    const paywall = new Paywall({
      secret: "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4",
      location: shop,
      invoicer: { createInvoice },
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

    const { outputFiles } = await build({
      stdin: { contents: PAGE, resolveDir: resolve(import.meta.dirname, "../..") },
      ...{ bundle: true, write: false, format: "esm", platform: "browser", target: "es2023" },
      ...{ conditions: ["l8nt-source"], external: ["node:*"], logLevel: "silent" },
    } as const);
    let told = (_: unknown): void => {};
    const result = new Promise<unknown>((done) => {
      told = done;
    });
    const page = new Hono()
      .get("/", (c) => c.html('<!doctype html><script type="module" src="/page.js"></script>'))
      .get("/page.js", (c) =>
        c.body(outputFiles[0]!.text, 200, { "content-type": "text/javascript" }),
      )
      .get("/config", (c) => c.json({ wallet: account.url, shop }))
      .all("/wallet", async (c) => {
        const { method, headers } = c.req.raw;
        const body = method === "GET" ? null : await c.req.text();
        const passed = new Headers(headers);
        for (const name of ["host", "origin", "referer", "content-length", "connection"])
          passed.delete(name);
        return fetch(c.req.query("to")!, { method, headers: passed, body });
      })
      .post("/result", async (c) => {
        told(await c.req.json());
        return c.text("");
      });
    const home = await listenAt(createServer(listener((request) => page.fetch(request))));

    const folder = await mkdtemp(join(tmpdir(), "sigil-chromium-"));
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"];
    const browser = spawn(
      chromium!,
      [...flags, `--user-data-dir=${folder}`, home.replace("127.0.0.1", "localhost")],
      { stdio: "ignore" },
    );
    onTestFinished(async () => {
      const ended = new Promise((done) => browser.once("close", done));
      if (browser.kill()) await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    });
    expect(await result).toEqual({
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

async function listenAt(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}
