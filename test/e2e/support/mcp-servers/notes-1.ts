/** A small real MCP server on the official SDK 1.x. Each tool that runs is written to stderr. */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import * as z from "zod";

const server = new McpServer({ name: "notes", version: "1" }, { capabilities: { logging: {} } });
const ran = (name: string) => void process.stderr.write(`ran ${name}\n`);
const said = (text: string) => ({ content: [{ type: "text" as const, text }] });

server.registerTool("read", { inputSchema: { text: z.string().optional() } }, ({ text = "" }) => {
  ran("read");
  return said(`read ${text}`);
});
server.registerTool("delete", { inputSchema: {} }, () => {
  ran("delete");
  return said("deleted");
});
server.registerTool("fail", { inputSchema: {} }, () => {
  throw new Error("out of order");
});
server.registerTool("environment", { inputSchema: {} }, () =>
  said(Object.keys(process.env).join(" ")),
);
server.registerTool("wait", { inputSchema: {} }, async (_, { signal, sendNotification, _meta }) => {
  const { progressToken } = _meta ?? {};
  if (progressToken !== undefined)
    await sendNotification({
      method: "notifications/progress",
      params: { progressToken, progress: 1 },
    });
  process.stderr.write("waits\n");
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  process.stderr.write("cancelled\n");
  return said("");
});
server.registerTool("ask", { inputSchema: {} }, async () => {
  const answer = await server.server.createMessage({
    messages: [{ role: "user", content: { type: "text", text: "what?" } }],
    maxTokens: 10,
  });
  return said(`it said ${answer.content.type === "text" ? answer.content.text : ""}`);
});
server.registerResource("note", "note://1", {}, () => ({
  contents: [{ uri: "note://1", text: "a note" }],
}));
server.registerPrompt("summary", {}, () => ({
  messages: [{ role: "user", content: { type: "text", text: "sum it up" } }],
}));
await server.connect(new StdioServerTransport());
