/**
 * A proxy that resets the connection at the first byte of every other answer to a request with a
 * credential, beginning with the first. The server has served that one, and everything else is
 * passed on. `cutting.ts LOG HOST PORT…`, each to the same port of the host. The log has a line for
 * each reset.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { connect, createServer, type TLSSocket } from "node:tls";

const { CERT = "", KEY = "" } = process.env;
const [log = "", host = "", ...ports] = process.argv.slice(2);
appendFileSync(log, "");
const pair = { cert: readFileSync(CERT), key: readFileSync(KEY) };

function pass(port: number): Promise<void> {
  let answers = 0;
  const server = createServer(pair, (socket: TLSSocket) => {
    const there = connect({ host, port, servername: host });
    let isCounted = false;
    for (const side of [socket, there]) side.on("error", () => {});
    socket.on("data", (part) => {
      // Each request begins with a head, so its credential is in one part with its beginning.
      isCounted ||= /^authorization: l402 /im.test(part.toString("latin1"));
      there.write(part);
    });
    there.on("data", (part) => {
      const isFirst = isCounted;
      isCounted = false;
      if (!isFirst || answers++ % 2 === 1) return void socket.write(part);
      appendFileSync(log, `${host}:${port}\n`);
      socket.destroy();
      there.destroy();
    });
    socket.on("close", () => there.destroy());
    there.on("close", () => socket.destroy());
  });
  server.on("tlsClientError", () => {});
  return new Promise((done) => server.listen(port, "::", done));
}

await Promise.all(ports.map((port) => pass(Number(port))));
console.log("ready");
