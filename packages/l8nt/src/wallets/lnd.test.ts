/**
 * What lnd's own network of tests cannot answer: each as grpc-gateway 2.16 in front of it does. The
 * real one: test/lnd.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { lndWallet } from "./lnd.ts";

/** Long after its start, so that nothing of a process before this one can still be on its way. */
async function answering(status: number, body: object) {
  const server = createServer((_, response) => {
    response.writeHead(status, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const wallet = lndWallet(
    `lnd+http://127.0.0.1:${(server.address() as AddressInfo).port}?macaroon=0201`,
  );
  const later = performance.now() + 61_000;
  vi.spyOn(performance, "now").mockReturnValue(later);
  onTestFinished(() => {
    vi.restoreAllMocks();
    server.close();
  });
  return wallet;
}

test.each([
  [
    "the payment, unknown to it",
    404,
    { code: 5, message: "payment isn't initiated", details: [] },
    "never-sent",
  ],
  // An lnd that was built without its router, and whoever else is behind the gateway.
  [
    "the path, unknown to the gateway",
    404,
    { code: 5, message: "Not Found", details: [] },
    "unknown",
  ],
  ["nothing", 200, {}, "unknown"],
])("asked for a payment, %s is what it says [case 59]", async (_, status, body, expected) => {
  const wallet = await answering(status, body);
  expect(await wallet.find("cd".repeat(32))).toMatchObject({ status: expected });
});
