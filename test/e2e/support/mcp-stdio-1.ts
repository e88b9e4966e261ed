/**
 * A paid MCP server over stdio, 1.x of the SDK: `INVOICER` makes its invoices, `NOW` is its time.
 */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { equip } from "./mcp-stdio.ts";

const server = new McpServer({ name: "weather", version: "1.0.0" });
equip(server);
await server.connect(new StdioServerTransport());
