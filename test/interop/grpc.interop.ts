/**
 * aperture's client over real gRPC, at our paywall on `node:http2`: it reads our refusal, pays, and
 * its calls are counted by their status.
 */
import { mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paid } from "l8nt/node";
import { Paywall, type Terms } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { expect, onTestFinished, test } from "vitest";
import { secretOf, type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { payFrom } from "./pay.ts";
import { Peer } from "./peer.ts";

const METHOD = "/weather.Weather/Forecast";
type Listener = (incoming: http2.Http2ServerRequest, outgoing: http2.Http2ServerResponse) => void;

/** A message of gRPC that holds a `google.protobuf.StringValue`. */
function message(text: string): Buffer {
  const value = Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]);
  return Buffer.concat([Buffer.from([0, 0, 0, 0, value.length]), value]);
}

interface Answer {
  readonly messages: readonly string[];
  readonly status: string;
}

/** A gRPC server behind the paywall, whose next answers are given. */
async function weather(world: Town, terms: Terms, answers: Answer[]) {
  const paywall = new Paywall({
    secret: secretOf("the weather"),
    location: "https://weather.example",
    invoicer: devWallet(world.network.account("shop").invoiceOnlyUrl),
    clock: world.clock,
  });
  const serve = (_: unknown, given: ServerResponse): void => {
    const outgoing = given as unknown as http2.Http2ServerResponse;
    const { messages, status } = answers.shift()!;
    outgoing.setHeader("content-type", "application/grpc");
    for (const text of messages) outgoing.write(message(text));
    if (messages.length === 0) outgoing.setHeader("grpc-status", status);
    else outgoing.addTrailers({ "grpc-status": status });
    outgoing.end();
  };
  const server = http2.createServer(paid(paywall, terms, serve) as unknown as Listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function tokens(): string {
  const folder = mkdtempSync(join(tmpdir(), "sigil-interop-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const SUNNY: Answer = { messages: ["sunny"], status: "0" };
const NOT_FOUND: Answer = { messages: [], status: "5" };
const never = () => Promise.reject(new Error("it paid twice"));

test("the interceptor buys by one call, and its next calls pay nothing", async () => {
  const [world, peer] = [await town(), Peer.start()];
  const terms: Terms = { price: "21 sat", grants: { validFor: "1h" } };
  const address = await weather(world, terms, [SUNNY, SUNNY]);
  const call = { address, method: METHOD, folder: tokens() };
  const sunny = { messages: ["sunny"], code: "OK", message: "" };
  expect(await peer.call(call, payFrom(world))).toEqual(sunny);
  expect(await peer.call(call, never)).toEqual(sunny);
  expect(world.paid()).toMatchObject({ count: 1 });
});

test("a call with another status than OK gives the use back, and one with an answer uses it up", async () => {
  const [world, peer] = [await town(), Peer.start()];
  const address = await weather(world, { price: "21 sat" }, [NOT_FOUND, NOT_FOUND, SUNNY]);
  const call = { address, method: METHOD, folder: tokens() };
  const codes: string[] = [];
  for (let at = 0; at < 4; at++)
    codes.push((await peer.call(call, at === 0 ? payFrom(world) : never)).code);
  // What is used up is for sale again, which the interceptor, with one token, does not buy.
  expect(codes).toEqual(["NotFound", "NotFound", "OK", "Internal"]);
  expect(world.paid()).toMatchObject({ count: 1 });
});

test("a stream is one use, also if it ends with an error after its first message", async () => {
  const [world, peer] = [await town(), Peer.start()];
  const broken: Answer = { messages: ["sunny", "cloudy"], status: "14" };
  const terms: Terms = { price: "21 sat", grants: { uses: 2 } };
  const address = await weather(world, terms, [SUNNY, broken]);
  const call = { address, method: METHOD, folder: tokens() };
  await peer.call(call, payFrom(world));
  const streamed = { ...call, stream: true };
  expect(await peer.call(streamed, never)).toMatchObject({
    messages: ["sunny", "cloudy"],
    code: "Unavailable",
  });
  expect(await peer.call(streamed, never)).toEqual({
    messages: [],
    code: "Internal",
    message: "payment required",
  });
});

test("a token for another method is refused as unpaid, and what a call may not do with its own code", async () => {
  const [world, peer] = [await town(), Peer.start()];
  const terms: Terms = { price: "21 sat", grants: { validFor: "1h" } };
  const address = await weather(world, terms, [SUNNY]);
  const call = { address, method: METHOD, folder: tokens() };
  await peer.call(call, payFrom(world));
  expect(await peer.call({ ...call, method: "/weather.Weather/History" }, never)).toEqual({
    messages: [],
    code: "Internal",
    message: "payment required",
  });
  // No path that a caveat can name.
  const { code, message: said } = await peer.call({ ...call, method: "/weather/%2f" }, never);
  expect([code, said]).toEqual(["InvalidArgument", expect.stringMatching(/\(ERR_REQUEST\)$/)]);
});
