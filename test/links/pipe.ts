/**
 * The paid MCP server at the end of a pipe. It asks the service's journal (shop.ts) what to do with
 * each call, and dies when it is told to.
 */
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { Credential } from "l8nt";
import { paidTool, type ToolServer } from "l8nt/mcp";
import { Paywall } from "l8nt/service";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { devWallet } from "l8nt/wallets/dev";
import type { Closing } from "./cells.ts";
import { hashIn, OTHER, PRICE, THING, type Use } from "./shop.ts";

type Context = { readonly mcpReq: { readonly _meta?: Record<string, unknown> } };
type Result = { readonly _meta?: Record<string, unknown> };
type Callback = (context: Context) => Promise<Result>;

export async function servePipe(env: NodeJS.ProcessEnv): Promise<void> {
  const { INVOICER = "", SECRET = "", LOCATION = "", JOURNAL = "", LEDGER = "" } = env;
  const paywall = new Paywall({
    secret: SECRET,
    location: LOCATION,
    invoicer: devWallet(INVOICER),
    // A process that dies forgets no use.
    store: await openSqliteStore(LEDGER),
    alarm: () => {},
  });
  await paywall.ready();
  const report = async (what: string, thing: string, paymentHash?: string) => {
    const body = JSON.stringify({ thing, paymentHash });
    const response = await fetch(`${JOURNAL}/-/${what}`, { method: "POST", body });
    return (await response.json()) as { use?: Use; closing?: Closing };
  };
  const server = new McpServer({ name: "shop", version: "1.0.0" });
  let use: Use | undefined;
  let served = 0;
  const journaled: ToolServer<unknown> = {
    registerTool(thing: string, config: never, callback: never) {
      const run = callback as Callback;
      return server.registerTool(thing, config, async (context: unknown) => {
        const presented = (context as Context).mcpReq._meta?.["dev.l8nt/credential"];
        if (typeof presented !== "string") {
          await report("challenge", thing);
          const result = await run(context as Context);
          await report("challenged", thing, challengedIn(result));
          return result as never;
        }
        const { paymentHash } = Credential.parse(presented);
        ({ use } = await report("arrived", thing, paymentHash));
        const result = await run(context as Context);
        const isRefused = result._meta?.["dev.l8nt/problem"] !== undefined;
        await report(isRefused ? "refused" : (use ?? "consumed"), thing, paymentHash);
        const { closing } = await report("answer", thing, paymentHash);
        if (closing === "in the body") process.stdout.write('{"jsonrpc":"2.0","id":1,"res');
        if (closing !== undefined) process.kill(process.pid, "SIGKILL");
        return result as never;
      });
    },
  };
  for (const thing of [THING, OTHER])
    paidTool(journaled, thing, { paywall, price: PRICE }, () => {
      if (use === "released") throw new Error("busy");
      return { content: [{ type: "text", text: `served ${++served}` }] };
    });
  process.stdin.once("end", () => process.exit());
  await server.connect(new StdioServerTransport());
}

function challengedIn({ _meta }: Result): string | undefined {
  const challenge = _meta?.["dev.l8nt/challenge"] as { "www-authenticate"?: string[] } | undefined;
  return hashIn(challenge?.["www-authenticate"]?.join(", ") ?? null);
}
