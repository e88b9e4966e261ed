/**
 * Answers every request, with and without TLS, at every address that its host has, and writes a
 * line for each connection to the file that is its argument.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { createServer as createPlain, type RequestListener } from "node:http";
import { createServer } from "node:https";
import type { Socket } from "node:net";

const [log, ...ports] = process.argv.slice(2);
const { CERT = "", KEY = "" } = process.env;

const answer: RequestListener = ({ socket }, outgoing) =>
  void outgoing.end(`TRAP at ${socket.localAddress}`);
const noted = (socket: Socket): void =>
  appendFileSync(log!, `${socket.localAddress} ${socket.localPort} from ${socket.remoteAddress}\n`);

/** Where a proxy would listen. */
const PROXY = 3128;
const pair = { cert: readFileSync(CERT), key: readFileSync(KEY) };
appendFileSync(log!, "");
await Promise.all(
  ports.map(Number).map((port) => {
    const isPlain = port === 80 || port === PROXY;
    const server = isPlain ? createPlain(answer) : createServer(pair, answer);
    server.on("connection", noted);
    return new Promise<void>((done) => server.listen(port, "::", done));
  }),
);
console.log("ready");
