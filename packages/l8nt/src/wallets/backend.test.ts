/**
 * HTTP to a backend: what proves that no byte of a request left, and what an error must not repeat.
 */
import { once } from "node:events";
import { createServer } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { inspect } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { type Backend, exchange, fetchTrusting, timingOf, wholeMsat } from "./backend.ts";
import { ANOTHER, CERT, KEY } from "./fixtures/tls.ts";

/** A TLS server that never answers, behind a party in between. `received`: what reached it. */
async function wiretapped(onReceived: (client: Socket) => void) {
  const received: string[] = [];
  let client: Socket;
  const server = createServer({ key: KEY, cert: CERT }, (request) => {
    received.push(`${request.method} ${request.headers.rune}`);
    onReceived(client);
  }).listen(0, "127.0.0.1");
  const tap = createTcpServer((socket) => {
    client = socket.on("error", () => {});
    const inner = connect((server.address() as AddressInfo).port, "127.0.0.1").on(
      "error",
      () => {},
    );
    socket.pipe(inner);
    inner.pipe(socket, { end: false });
    socket.once("close", () => inner.destroy());
  }).listen(0, "127.0.0.1");
  await Promise.all([once(server, "listening"), once(tap, "listening")]);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    tap.close();
  });
  return { received, base: `https://127.0.0.1:${(tap.address() as AddressInfo).port}` };
}

const bank = (base: string, cert: string): Backend => ({
  name: "the bank",
  base,
  headers: { rune: "rune-5ec4e7" },
  fetch: fetchTrusting(cert, "the bank"),
  timing: timingOf({}, "a bank"),
});

test("bytes of a party in between do not prove that a request was not sent [case 75]", async () => {
  // A record with an impossible version of TLS: OpenSSL gives the same error as for a port without
  // TLS.
  const record = Uint8Array.of(0x17, 0x02, 0x05, 0, 5, 1, 2, 3, 4, 5);
  const { received, base } = await wiretapped((client) => client.write(record));
  const answer = await exchange(bank(base, CERT), { method: "POST", path: "/pay", json: {} });
  expect(received).toEqual(["POST rune-5ec4e7"]);
  expect(answer).toMatchObject({ got: "nothing", sent: true });
});

test("no byte of a request leaves before the certificate is verified", async () => {
  const { received, base } = await wiretapped(() => {});
  const answer = await exchange(bank(base, ANOTHER), { method: "POST", path: "/pay", json: {} });
  expect(answer).toMatchObject({ got: "nothing", sent: false });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(received).toEqual([]);
});

test("an answer that cannot be read is not repeated in the parser's error [case 112]", async () => {
  const echo: typeof fetch = async (_, init) =>
    new Response(new Headers(init!.headers).get("rune"));
  const answer = await exchange(
    { ...bank("https://bank.example", CERT), fetch: echo },
    { method: "GET", path: "" },
  );
  expect(answer).toMatchObject({ got: "nothing", sent: true });
  expect(inspect(answer, { depth: 9 })).not.toContain("rune-5ec4e7");
});

test("a line without an end is parsed once, and not again for every chunk [case 75]", async () => {
  const piece = new TextEncoder().encode(" ".repeat(16_384));
  let pieces = 512;
  const pull = (stream: ReadableStreamDefaultController) =>
    pieces-- > 0 ? stream.enqueue(piece) : stream.close();
  const endless: typeof fetch = async () => new Response(new ReadableStream({ pull }));
  const since = performance.now();
  await exchange(
    { ...bank("https://bank.example", CERT), fetch: endless },
    { method: "GET", path: "", until: () => true },
  );
  // Parsing at every chunk would read 2 GiB.
  expect(performance.now() - since).toBeLessThan(2_000);
});

test.each([
  [12, 12n],
  ["12", 12n],
  ["0", 0n],
  ["-1", undefined],
  [-1, undefined],
  [1.5, undefined],
  ["1.5", undefined],
  [2 ** 53, undefined],
  ["2100000000000000000", 2_100_000_000_000_000_000n],
  ["2100000000000000001", undefined],
  ["9999999999999999999", undefined],
  ["12msat", undefined],
  [null, undefined],
  [undefined, undefined],
])("an amount of %s is %s msat", (written, expected) => {
  expect(wholeMsat(written)).toBe(expected);
});
