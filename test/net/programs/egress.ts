/**
 * A forward proxy that connects to whatever it is asked for, and writes that down:
 * `egress.ts LOG PORT`.
 */
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { pipeline } from "node:stream";

const [log = "", port] = process.argv.slice(2);
appendFileSync(log, "");
const server = createServer((incoming, outgoing) => {
  appendFileSync(log, `${incoming.url}\n`);
  outgoing.writeHead(501).end();
});
server.on("connect", ({ url = "" }, socket) => {
  appendFileSync(log, `${url}\n`);
  const { hostname, port } = new URL(`https://${url}`);
  const there = connect(Number(port || 443), hostname.replace(/^\[|\]$/g, ""), () => {
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    pipeline(socket, there, () => {});
    pipeline(there, socket, () => {});
  });
  there.on("error", () => socket.destroy());
  socket.on("error", () => there.destroy());
});
server.listen(Number(port), "::", () => console.log("ready"));
