/** A paywall before an MCP server over HTTP, which is somewhere else on this machine. */
import { paidEndpoint } from "l8nt/mcp";
import { serve } from "l8nt/node";
import { Paywall, type PaywallOptions } from "l8nt/service";
import { Line } from "./line.ts";

export interface McpWishes {
  /** The price of every tool. */
  readonly price: `${number} sat`;
  /** The origin of the MCP server. */
  readonly upstream: string;
}

/** Returns the line to the paywall, and what closes it. */
export async function openMcp(
  { price, upstream }: McpWishes,
  options: Omit<PaywallOptions, "location">,
): Promise<{ line: Line; close: () => Promise<void> }> {
  const line = await Line.open();
  const paywall = new Paywall({ location: line.url, ...options });
  const forward = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    for (const name of ["host", "connection", "content-length", "transfer-encoding"])
      headers.delete(name);
    const body = request.body === null ? null : await request.arrayBuffer();
    const { method, signal } = request;
    const url = new URL(pathname + search, upstream);
    const answer = await fetch(url, { method, headers, body, signal });
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  };
  const server = await serve(paidEndpoint({ paywall, price }, forward), { origin: line.url });
  line.upstream = server.url;
  const close = async () => {
    await line.close();
    paywall.close();
    await server.close();
  };
  return { line, close };
}
