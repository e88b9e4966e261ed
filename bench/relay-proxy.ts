/**
 * The process of a plain proxy: `node:http` in, undici out, and nothing else. It judges no
 * credential. A GET is sent on as it is; a POST is read as a treasury's order, and what it names is
 * requested.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { json } from "node:stream/consumers";
import { Agent, request } from "undici";

const [origin = ""] = process.argv.slice(2);
const dispatcher = new Agent();
const server = createServer(async (incoming, outgoing) => {
  const url =
    incoming.method === "POST"
      ? ((await json(incoming)) as { url: string }).url
      : origin + incoming.url;
  const { statusCode, headers, body } = await request(url, { dispatcher });
  outgoing.writeHead(statusCode, headers);
  pipeline(body, outgoing, () => {});
});
// As long as the shop says in the fields that are passed on.
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => {
  process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!({ answer: user + system });
});
process.on("disconnect", () => process.exit());
