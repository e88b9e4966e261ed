/** A page in Chromium, of an origin of its own and with a wallet, that tells what came of it. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { build } from "esbuild";
import { Hono } from "hono";
import { onTestFinished } from "vitest";
import { listener } from "../../../packages/l8nt/src/node/index.ts";

const chromium = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "chromium"))
  .find((path) => existsSync(path));
if (chromium === undefined)
  console.error("NOT RUN: test/browser needs Chromium (Debian: apt-get install chromium).");

export const hasChromium = chromium !== undefined;

const root = resolve(import.meta.dirname, "../../..");
const WITH_WALLET = `
  import { devWallet } from "l8nt/wallets/dev";
  const { wallet: url, shop } = await (await fetch("/config")).json();
  // The wallet's own API allows no other origin, so the page's server passes it on.
  const wallet = devWallet(url, {
    fetch: (to, init) => fetch("/wallet?to=" + encodeURIComponent(to), init),
  });
`;

export interface Home {
  /** The origin of the page. */
  readonly origin: string;
  /** Shows the page. Resolves with what it passed to `tell`, or with the error that ended it. */
  shows(options: {
    /** Statements of a module: `shop`, `wallet` and `tell` are there. */
    readonly script: string;
    readonly shop: string;
    /** The URL of the page's wallet. */
    readonly wallet: string;
  }): Promise<unknown>;
}

/** A server for a page, at another origin than everything on 127.0.0.1. */
export async function openHome(): Promise<Home> {
  const page = new Hono();
  const at = await listenAt(listener((request) => page.fetch(request)));
  const origin = at.replace("127.0.0.1", "localhost");
  return { origin, shows: (options) => shown(page, origin, options) };
}

async function shown(
  page: Hono,
  origin: string,
  { script, shop, wallet }: Parameters<Home["shows"]>[0],
): Promise<unknown> {
  const [imports, statements] = split(script);
  const contents = `${imports}${WITH_WALLET}
    const tell = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
    try { ${statements} } catch (error) {
      await tell({ error: String(error?.code) + " " + String(error?.message) });
    }`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    ...{ bundle: true, write: false, format: "esm", platform: "browser", target: "es2023" },
    ...{ conditions: ["l8nt-source"], external: ["node:*"], logLevel: "silent" },
  } as const);
  let told = (_: unknown): void => {};
  const result = new Promise<unknown>((done) => {
    told = done;
  });
  page
    .get("/", (c) => c.html('<!doctype html><script type="module" src="/page.js"></script>'))
    .get("/page.js", (c) =>
      c.body(outputFiles[0]!.text, 200, { "content-type": "text/javascript" }),
    )
    .get("/config", (c) => c.json({ wallet, shop }))
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
  await visit(origin);
  return result;
}

/** Opens a page in a browser of its own. It is closed when the test ends. */
export async function visit(url: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sigil-chromium-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"];
  const browser = spawn(chromium!, [...flags, `--user-data-dir=${folder}`, url], {
    stdio: "ignore",
  });
  onTestFinished(async () => {
    const ended = new Promise((done) => browser.once("close", done));
    if (browser.kill()) await ended;
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
}

/** Imports stand before everything else. */
function split(script: string): readonly [imports: string, statements: string] {
  const lines = script.split("\n");
  const isImport = (line: string): boolean => /^\s*import /.test(line);
  return [lines.filter(isImport).join("\n"), lines.filter((line) => !isImport(line)).join("\n")];
}

/** Resolves with its origin, on 127.0.0.1. It ends with its test. */
export async function listenAt(listen: RequestListener): Promise<string> {
  const server = createServer(listen);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}
