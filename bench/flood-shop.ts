/** The shop of `bench -- flood`, a process of its own with the limits of a new shop. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { paid } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";

const [invoiceOnlyUrl = ""] = process.argv.slice(2);
const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const paywall = new Paywall({
  secret: randomBytes(32),
  location: url,
  invoicer: devWallet(invoiceOnlyUrl),
});
server.on(
  "request",
  paid(paywall, { price: "10 sat" }, (_request, response) => void response.end("served")),
);
process.send!({ url });
