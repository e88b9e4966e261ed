/** The same on the official SDK 2.x, in both eras of the protocol. */
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import * as z from "zod";

const ran = (name: string) => void process.stderr.write(`ran ${name}\n`);
const said = (text: string) => ({ content: [{ type: "text" as const, text }] });

serveStdio(() => {
  const server = new McpServer({ name: "notes", version: "2" });
  const none = z.object({});
  server.registerTool(
    "read",
    { inputSchema: z.object({ text: z.string().optional() }) },
    ({ text = "" }) => {
      ran("read");
      return said(`read ${text}`);
    },
  );
  server.registerTool("delete", { inputSchema: none }, () => {
    ran("delete");
    return said("deleted");
  });
  server.registerTool("fail", { inputSchema: none }, () => {
    throw new Error("out of order");
  });
  server.registerTool("environment", { inputSchema: none }, () =>
    said(Object.keys(process.env).join(" ")),
  );
  server.registerTool(
    "wait",
    { inputSchema: none },
    async (_, { mcpReq: { signal, notify, _meta } }) => {
      const { progressToken } = _meta ?? {};
      if (progressToken !== undefined)
        await notify({ method: "notifications/progress", params: { progressToken, progress: 1 } });
      process.stderr.write("waits\n");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      process.stderr.write("cancelled\n");
      return said("");
    },
  );
  server.registerResource("note", "note://1", {}, () => ({
    contents: [{ uri: "note://1", text: "a note" }],
  }));
  server.registerPrompt("summary", {}, () => ({
    messages: [{ role: "user", content: { type: "text", text: "sum it up" } }],
  }));
  return server;
});
