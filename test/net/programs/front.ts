/**
 * Ends TLS, and passes each connection on to a server on this host: `front.ts PORT TARGET-PORT`.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { pipeline } from "node:stream";
import { createServer } from "node:tls";

const [port, target] = process.argv.slice(2).map(Number);
const { CERT = "", KEY = "" } = process.env;
const server = createServer({ cert: readFileSync(CERT), key: readFileSync(KEY) }, (socket) => {
  const behind = connect(target!, "127.0.0.1");
  // An end or a fault of one side ends the other.
  pipeline(socket, behind, () => {});
  pipeline(behind, socket, () => {});
});
server.on("tlsClientError", () => {});
server.listen(port, "::", () => console.log("ready"));
