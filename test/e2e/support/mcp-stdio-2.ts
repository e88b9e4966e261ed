/**
 * A paid MCP server over stdio, 2.x of the SDK: `INVOICER` makes its invoices, `NOW` is its time.
 */
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { equip } from "./mcp-stdio.ts";

serveStdio(() => {
  const server = new McpServer({ name: "weather", version: "1.0.0" });
  equip(server);
  return server;
});
