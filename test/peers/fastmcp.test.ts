/** PyPI's fastmcp: a host of `sigil mcp`, a client of paid tools, a server behind our paywall. */
import { join } from "node:path";
import { Authority, Challenge } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import { paidEndpoint, paidTools } from "l8nt/mcp";
import { listener } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { describe, expect, test } from "vitest";
import {
  listen,
  secretOf,
  type Town,
  town,
} from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { childEnv } from "../e2e/support/child-env.ts";
import { CHALLENGE, CREDENTIAL, majors, PROBLEM } from "../e2e/support/mcp.ts";
import { sigilArgs } from "../e2e/support/mcp-hosts.ts";
import { payFrom } from "../interop/pay.ts";
import { python, started } from "./python/venv.ts";

const interpreter = python(join(import.meta.dirname, "python/requirements-fastmcp.txt"));

interface Answer {
  readonly error?: string;
  readonly isError?: boolean;
  readonly texts?: readonly string[];
  readonly meta?: Readonly<Record<string, unknown>> | null;
}

/** A client of fastmcp, connected to a URL or to a program. */
function host(target: object) {
  const { ask } = started(interpreter!, "host.py", JSON.stringify(target));
  return {
    tools: async () => (await ask<{ tools: readonly string[] }>({ do: "list" })).tools,
    call: (name: string, args: object = {}, meta?: object) =>
      ask<Answer>({ do: "call", name, arguments: args, meta }),
  };
}

/** The program has the system's clock, so the town has its time. */
async function townOfToday(): Promise<Town> {
  const made = await town();
  made.clock.set(Math.floor(Date.now() / 1000));
  return made;
}

/** Pays a challenge, as the text of the credential. */
async function bought(world: Town, lines: readonly string[]): Promise<string> {
  const { macaroon, invoice } = Challenge.parse(lines);
  const preimage = await payFrom(world)(invoice);
  return `${Buffer.from(Macaroon.encode(macaroon)).toString("base64")}:${preimage}`;
}

const paywallOf = ({ clock, network }: Town, location: string) =>
  new Paywall({
    authority: new Authority({
      secret: secretOf("the MCP shop"),
      location,
      service: "weather",
      clock,
    }),
    invoicer: devWallet(network.account("shop").invoiceOnlyUrl),
    clock,
  });

describe.skipIf(interpreter === undefined)("fastmcp", () => {
  test("as a host of `sigil mcp` fetches and pays once, sees the budget, and is told why it is denied", async () => {
    const world = await townOfToday();
    const shop = await world.openShop({ price: "10 sat" });
    const credential = world.mint({ budget: "15 sat", endpoints: [`GET ${shop.url}/**`] });
    const agent = host({
      command: process.execPath,
      args: sigilArgs("mcp", "--allow-private"),
      env: childEnv({ SIGIL_CREDENTIAL: credential.toString() }),
    });
    expect(await agent.tools()).toEqual(["fetch", "budget", "delegate", "receipts"]);
    const { isError, texts = [] } = await agent.call("fetch", { url: `${shop.url}/a` });
    expect(isError, texts.join()).toBe(false);
    expect(JSON.parse(texts[0]!)).toMatchObject({
      status: 200,
      paid: [{ origin: shop.url, amount: "10 sat" }],
    });
    expect(texts[1]).toBe('{"served":1}');
    expect((await agent.call("budget")).texts?.join()).toMatch(/\(active\): spent 10/);
    for (const [url, code] of [
      [`${shop.url}/b`, "ERR_BUDGET"],
      ["http://127.0.0.1:1/", "ERR_ENDPOINT"],
    ]) {
      const denied = await agent.call("fetch", { url });
      expect([denied.isError, denied.texts?.join()]).toEqual([
        true,
        expect.stringContaining(code!),
      ]);
    }
    expect([world.paid().count, shop.served.length]).toEqual([1, 1]);
  });

  test.each(majors)(
    "as a client of paid tools on $name shows the price, and is served once for a credential in `_meta`",
    async (major) => {
      const world = await town();
      const url = await listen((origin) => {
        const paywall = paywallOf(world, origin);
        const serve = major.handler((server) => {
          paidTools(server, { paywall, price: "10 sat" });
          const { registerTool } = server as unknown as { registerTool(...of: unknown[]): void };
          registerTool("report", {}, () => ({ content: [{ type: "text", text: "it will rain" }] }));
        });
        return listener(serve, { origin });
      });
      const client = host({ url: `${url}/mcp` });
      expect(await client.tools()).toEqual(["report"]);
      const ask = (credential?: string) =>
        client.call("report", {}, credential === undefined ? {} : { [CREDENTIAL]: credential });
      const unpaid = await ask();
      expect([unpaid.isError, unpaid.texts?.join()]).toEqual([
        true,
        expect.stringContaining("10 sat"),
      ]);
      const challenge = unpaid.meta?.[CHALLENGE] as { "www-authenticate": string[] };
      const credential = await bought(world, challenge["www-authenticate"]);
      expect(await ask(credential)).toMatchObject({ isError: false, texts: ["it will rain"] });
      const again = await ask(credential);
      expect(again.meta?.[PROBLEM]).toMatchObject({ status: 402, code: "ERR_USES" });
      expect(world.network.payments()).toHaveLength(1);
    },
  );

  test.each(majors)(
    "as a server behind our paywall is paid by our client on $name, and a client of fastmcp is shown the price",
    async (major) => {
      const world = await town();
      const { url: behind } = await started(interpreter!, "tool_server.py").read<{ url: string }>();
      const url = await listen((origin) => {
        const paywall = paywallOf(world, origin);
        const paid = paidEndpoint(
          { paywall, price: "10 sat", tools: { status: "0 sat" } },
          (request) => fetch(new Request(behind, request)),
        );
        return listener(paid, { origin });
      });
      const caller = await major.http(`${url}/mcp`, world.connect(world.mint()).fetch);
      expect((await caller.listTools()).tools.map(({ name }) => name)).toEqual([
        "forecast",
        "status",
      ]);
      const call = (name: string, args = {}) => caller.callTool({ name, arguments: args });
      expect((await call("status")).content).toMatchObject([{ text: "up" }]);
      expect(world.paid().count).toBe(0);
      expect((await call("forecast", { city: "Tokyo" })).content).toMatchObject([
        { text: "Tokyo: sunny" },
      ]);
      expect(world.paid().count).toBe(1);

      const poor = host({ url: `${url}/mcp` });
      expect(await poor.tools()).toEqual(["forecast", "status"]);
      expect(await poor.call("status")).toMatchObject({ isError: false, texts: ["up"] });
      expect((await poor.call("forecast", { city: "Oslo" })).error).toContain("10 sat");
      expect(world.paid().count).toBe(1);
    },
  );
});
