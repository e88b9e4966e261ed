/**
 * A proxy that passes on everything but the first answer to a request with a credential, at whose
 * first byte it resets the connection. The service has served that one. `cutting.ts PORT…`, each to
 * the same port of dual.example.
 */
import { readFileSync } from "node:fs";
import { connect, createServer, type TLSSocket } from "node:tls";

const { CERT = "", KEY = "" } = process.env;
const pair = { cert: readFileSync(CERT), key: readFileSync(KEY) };

function pass(port: number): Promise<void> {
  let hasCut = false;
  const server = createServer(pair, (socket: TLSSocket) => {
    const there = connect({ host: "dual.example", port, servername: "dual.example" });
    let hasCredential = false;
    for (const side of [socket, there]) side.on("error", () => {});
    socket.on("data", (part) => {
      hasCredential ||= /^authorization: l402 /im.test(part.toString("latin1"));
      there.write(part);
    });
    there.on("data", (part) => {
      if (!hasCredential || hasCut) return void socket.write(part);
      hasCut = true;
      socket.destroy();
      there.destroy();
    });
    socket.on("close", () => there.destroy());
    there.on("close", () => socket.destroy());
  });
  server.on("tlsClientError", () => {});
  return new Promise((done) => server.listen(port, "::", done));
}

await Promise.all(process.argv.slice(2).map((port) => pass(Number(port))));
console.log("ready");
