/**
 * Answers of grpc-gateway 2.16 in front of lnd that test/lnd, which runs the real one, cannot
 * produce.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { TurnedTime } from "./fixtures/turned-time.ts";
import { lndWallet } from "./lnd.ts";

/** 61 s after the start of the wallet, when no request of an earlier process can be under way. */
async function answering(status: number, body: object) {
  const server = createServer((_, response) => {
    response.writeHead(status, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const time = new TurnedTime(0);
  const wallet = lndWallet(
    `lnd+http://127.0.0.1:${(server.address() as AddressInfo).port}?macaroon=0201`,
    time,
  );
  time.advance(61);
  return wallet;
}

test.each([
  [
    "that lnd does not know the payment",
    404,
    { code: 5, message: "payment isn't initiated", details: [] },
    "never-sent",
  ],
  // An lnd that was built without its router, or another server behind the gateway.
  [
    "that the gateway does not know the path",
    404,
    { code: 5, message: "Not Found", details: [] },
    "unknown",
  ],
  ["nothing", 200, {}, "unknown"],
])(
  "a look-up that answers %s finds what that proves [case 59]",
  async (_, status, body, expected) => {
    const wallet = await answering(status, body);
    expect(await wallet.find("cd".repeat(32))).toMatchObject({ status: expected });
  },
);
