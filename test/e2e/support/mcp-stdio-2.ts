/** The same with 2.x of the SDK. */
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { equip } from "./mcp-stdio.ts";

serveStdio(() => {
  const server = new McpServer({ name: "weather", version: "1.0.0" });
  equip(server);
  return server;
});
