/**
 * Serves the key page of whatever issuer it is asked as, over TLS at one port and every address of
 * its host, and writes a line for each connection to a file: `issuer-site.ts PORT FILE`.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { Socket } from "node:net";

const [port, log] = process.argv.slice(2);
const { CERT = "", KEY = "" } = process.env;

appendFileSync(log!, "");
createServer({ cert: readFileSync(CERT), key: readFileSync(KEY) }, ({ headers }, outgoing) => {
  const key = { algorithm: "ed25519", key_bytes: "5d".repeat(32), key_id: 1 };
  outgoing
    // A kept connection would need no look-up.
    .writeHead(200, {
      "content-type": "application/json",
      "cache-control": "max-age=60",
      connection: "close",
    })
    .end(JSON.stringify([{ ...key, issuer: `https://${headers.host}` }]));
})
  .on("connection", (socket) => appendFileSync(log!, `${(socket as Socket).localAddress}\n`))
  .listen(Number(port), "::", () => console.log("ready"));
