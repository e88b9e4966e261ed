/** An MCP client that pays for its tool calls, over any transport. spec/8-mcp.md §5. */
import { readOrigin, sameOrigin } from "../caveat/index.ts";
import { fetchAs } from "../client/client.ts";
import { PaymentError } from "../errors.ts";
import { Client, type ClientOptions } from "../index.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type CallTool, Tunnel } from "./tunnel.ts";

/** The SDK's `Client`, of either major. */
export interface ToolCaller {
  callTool(params: never, ...rest: never[]): Promise<unknown>;
}

export interface PayOptions extends Omit<ClientOptions, "fetch" | "holderKey"> {
  /**
   * Origin of the server's paywall, such as `https://weather.example`. The endpoints in `limits`
   * are its URLs, `POST https://weather.example/mcp/tools/<name>`. A challenge for another origin
   * is not paid.
   */
  readonly location: string;
}

const OPTIONS = {
  location: true,
  credential: true,
  wallet: true,
  limits: true,
  treasury: true,
  onPayment: true,
  clock: true,
} satisfies Keys<PayOptions>;

/**
 * Longer than any time-out of an MCP client, because a call that the treasury gave up first would
 * be paid for and lost.
 */
const TIMEOUT = "1d" as const;

const paying = new WeakSet<ToolCaller>();

/**
 * Makes an MCP client pay for the tools that it calls. It changes the client in place, so that a
 * framework that already holds the client pays, too. Each server has limits and books of its own.
 *
 * @returns the `Client` that pays
 * @throws TypeError for an unknown option, for a `location` that is not an http(s) URL, and for an
 * MCP client that pays already
 * @throws PaymentError `ERR_PAYMENT_REQUIRED` for a credential that can only be spent at a
 * treasury, if there is no wallet
 * @example
 * const limits = { ...scope, budget: "500 sat" };
 * pay(mcp, { location: "https://weather.example", wallet, limits });
 */
export function pay(mcp: ToolCaller, given: PayOptions): Client {
  checkKeys(given, OPTIONS, "pay");
  const { location, ...options } = given;
  if (paying.has(mcp))
    throw new TypeError("This MCP client pays already: pay() was called with it before.");
  const tunnel = new Tunnel(location, (mcp.callTool as CallTool).bind(mcp));
  const { close } = mcp as { close?: () => Promise<void> };
  const treasury = { requestTimeout: TIMEOUT, ...options.treasury };
  const client = new Client({ ...options, treasury, fetch: tunnel.fetch });
  if (client.treasury === undefined) checkAtHome(client, tunnel.origin);
  paying.add(mcp);
  const callTool: CallTool = (params, ...rest) =>
    tunnel.call((id, url, init) => fetchAs(client, id, url, init), params, ...rest);
  mcp.callTool = callTool as ToolCaller["callTool"];
  // A call that ends because this side closes the connection was not refused by the server.
  if (typeof close === "function")
    Object.assign(mcp, { close: () => tunnel.closing(() => close.call(mcp)) });
  return client;
}

/**
 * A treasury accepts no invoices, it fetches each challenge itself. It cannot reach an MCP server
 * that is only connected to this process.
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
