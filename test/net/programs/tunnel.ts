/**
 * A tunnel with TLS from a port of this host's loopback: `tunnel.ts PORT HOST`. The URL of a wallet
 * on the development network names 127.0.0.1.
 */
import { createServer } from "node:net";
import { pipeline } from "node:stream";
import { connect } from "node:tls";

const [port, host] = process.argv.slice(2);
const server = createServer((socket) => {
  const there = connect({ host: host!, port: 443, servername: host! });
  pipeline(socket, there, () => {});
  pipeline(there, socket, () => {});
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
