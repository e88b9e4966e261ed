/** The snippets of docs/guides/mcp.md, run unchanged between a preamble and assertions. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, Credential } from "l8nt";
import { Authority } from "l8nt/l402";
import type { ToolServer } from "l8nt/mcp";
import type { Served } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { secretOf, type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { freePort } from "./support/free-port.ts";
import { type Caller, CHALLENGE, majors } from "./support/mcp.ts";

const LOCATION = "https://weather.example";
const page = readFileSync(join(import.meta.dirname, "../../docs/guides/mcp.md"), "utf8");
const SNIPPET = /<!-- run: (\w+) -->\n```ts\n([\s\S]*?)```/g;
const snippets = new Map(
  [...page.matchAll(SNIPPET)].map(([, name = "", text = ""]) => [name, text]),
);

test("no snippet is longer than eight lines, and each snippet is tested", () => {
  expect([...snippets.keys()]).toEqual(["tool", "tools", "endpoint", "narrow", "http", "pay"]);
  expect(page.match(/```ts/g)).toHaveLength(snippets.size);
  for (const text of snippets.values())
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(8);
});

/**
 * Runs a snippet as its own module, with `given` in scope; returns the values named by `made`.
 */
async function run(name: string, given: Record<string, unknown>, made?: string): Promise<unknown> {
  const folder = mkdtempSync(join(import.meta.dirname, "snippet-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const text =
    made === undefined ? snippets.get(name) : `${snippets.get(name)}\nexport { ${made} };\n`;
  const file = join(folder, "snippet.ts");
  writeFileSync(file, text!);
  for (const [key, value] of Object.entries(given)) vi.stubGlobal(key, value);
  onTestFinished(() => void vi.unstubAllGlobals());
  const module = (await import(/* @vite-ignore */ file)) as Record<string, unknown>;
  return made === undefined ? undefined : module[made];
}

const paywallOf = ({ network, clock }: Town, location = LOCATION): Paywall =>
  new Paywall({
    authority: new Authority({ secret: secretOf("the docs"), location, service: "weather", clock }),
    invoicer: devWallet(network.account("shop").invoiceOnlyUrl),
    clock,
  });

const say = (text: string) => ({ content: [{ type: "text", text }] });

describe.each(majors)("docs/guides/mcp.md with $name", (major) => {
  const register = (server: ToolServer<unknown>, ...of: unknown[]) =>
    (server as unknown as { registerTool(...of: unknown[]): void }).registerTool(...of);

  async function serverOf(
    equip: (server: ToolServer<unknown>) => void | Promise<void>,
  ): Promise<Caller> {
    const server = major.server();
    await equip(server);
    return major.connected(server);
  }

  test("a tool, and a client that pays for it", async () => {
    const here = await town();
    // The client of the snippet has the system's clock.
    here.clock.set(Math.floor(Date.now() / 1000));
    const mcp = await serverOf(
      (server) => run("tool", { server, paywall: paywallOf(here) }) as Promise<void>,
    );
    const wallet = devWallet(here.network.account("treasury").url);
    const client = (await run("pay", { mcp, wallet }, "client")) as Client;
    const answer = await mcp.callTool({ name: "forecast", arguments: { city: "Tokyo" } });
    expect(answer.content).toEqual([{ type: "text", text: "Tokyo: sunny" }]);
    expect(here.paid().count).toBe(1);
    expect((await client.standing()).at(-1)?.spent).toEqual([
      { unit: "msat", value: here.paid().msat },
    ]);
  });

  test("every tool", async () => {
    const here = await town();
    const mcp = await serverOf(async (server) => {
      await run("tools", { server, paywall: paywallOf(here) });
      register(server, "status", {}, () => say("up"));
      register(server, "dear", {}, () => say("no"));
    });
    expect((await mcp.callTool({ name: "status", arguments: {} })).content).toEqual(
      say("up").content,
    );
    expect((await mcp.callTool({ name: "dear", arguments: {} }))._meta).toHaveProperty([CHALLENGE]);
  });

  test("a whole server over HTTP, a client of it, and a credential for one tool", async () => {
    const here = await town();
    here.clock.set(Math.floor(Date.now() / 1000));
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const url = `${origin}/mcp`;
    const paywall = paywallOf(here, origin);
    const handler = major.handler((server) => {
      for (const name of ["forecast", "status", "report"])
        register(server, name, {}, () => say(name));
    });
    const http = (await run("endpoint", { paywall, handler, port }, "http")) as Served;
    onTestFinished(() => http.close());

    vi.stubEnv("SIGIL_CREDENTIAL", here.mint().toString());
    onTestFinished(() => void vi.unstubAllEnvs());
    const mcp = major.unconnected();
    onTestFinished(() => mcp.close());
    await run("http", { mcp, url, StreamableHTTPClientTransport: major.HttpTransport });
    const call = (name: string) => mcp.callTool({ name, arguments: {} });
    expect((await call("status")).content).toEqual(say("status").content);
    expect(here.paid().count).toBe(0);
    expect((await call("forecast")).content).toEqual(say("forecast").content);
    expect(here.paid().count).toBe(1);

    const credential = paywall.authority.minter.mint({
      endpoints: [`POST ${url}`],
      expiresIn: "1h",
    });
    const reader = (await run("narrow", { credential }, "reader")) as Credential;
    const ask = (name: string) =>
      fetch(url, {
        method: "POST",
        headers: {
          authorization: `L402 ${reader}`,
          accept: "application/json, text/event-stream",
          "content-type": "application/json",
        },
        body: JSON.stringify({
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name, arguments: {} },
        }),
      });
    expect((await ask("forecast")).status).toBe(200);
    const denied = await ask("report");
    expect(denied.status).toBe(403);
    expect(denied.headers.get("www-authenticate")).toBeNull();
  });
});
