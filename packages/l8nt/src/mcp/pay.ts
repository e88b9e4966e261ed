/**
 * An MCP client that pays, over whatever it is connected by: its `callTool`, with a wallet behind
 * it. spec/8-mcp.md §5.
 */
import { readOrigin, sameOrigin } from "../caveat/index.ts";
import { PaymentError } from "../errors.ts";
import { Client, type ClientOptions } from "../index.ts";
import { type CallTool, Tunnel } from "./tunnel.ts";

/** `Client` of either major. */
export interface ToolCaller {
  callTool(params: never, ...rest: never[]): Promise<unknown>;
}

export interface PayOptions extends Omit<ClientOptions, "fetch"> {
  /**
   * The origin of the server's paywall, such as `https://weather.example`: `limits` are of its
   * URLs, `POST https://weather.example/mcp/tools/<name>`, and a challenge for another place is not
   * paid.
   */
  readonly location: string;
}

/**
 * Beyond any time-out that an MCP client has of its own: a call that a treasury gave up would be
 * paid for, and lost.
 */
const TIMEOUT_SECONDS = 86_400;

const paying = new WeakSet<ToolCaller>();

/**
 * Lets an MCP client pay for what it calls: in place, so that a framework that holds the client
 * pays too. Each server has limits and books of its own. Gives the client whose budget it is.
 *
 * @throws PaymentError `ERR_PAYMENT_REQUIRED` without a wallet, where the credential would have to
 * be spent at a treasury
 * @example
 * pay(mcp, { location: "https://weather.example", wallet, limits: { ...limits, budget: "500 sat" } });
 */
export function pay(mcp: ToolCaller, { location, ...options }: PayOptions): Client {
  if (paying.has(mcp)) throw new TypeError("this MCP client pays already");
  const tunnel = new Tunnel(location, (mcp.callTool as CallTool).bind(mcp));
  const treasury = { requestTimeoutSeconds: TIMEOUT_SECONDS, ...options.treasury };
  const client = new Client({ ...options, treasury, fetch: tunnel.fetch });
  if (client.treasury === undefined) checkAtHome(client, tunnel.origin);
  paying.add(mcp);
  const callTool: CallTool = (params, ...rest) => tunnel.call(client.fetch, params, ...rest);
  mcp.callTool = callTool as ToolCaller["callTool"];
  return client;
}

/**
 * No API takes an invoice: a treasury fetches each challenge itself, and this one comes through a
 * pipe that only we hold.
 */
function checkAtHome({ credential }: Client, origin: string): void {
  const home = readOrigin(credential.location);
  if (home !== undefined && sameOrigin(home, readOrigin(origin)!)) return;
  throw new PaymentError(
    "ERR_PAYMENT_REQUIRED",
    "no",
    "This credential is spent at a treasury, which fetches every challenge itself and cannot reach an MCP server behind this client. Give pay() a wallet, or call the server over HTTP with a transport whose fetch is a client's.",
  );
}
