/** What is sent again over a connection that was closed, with the platform's own `fetch`. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { isOfRepeated } from "./repeated.ts";
import { resending } from "./resending.ts";

/** How a server ends a connection on which a request has just arrived. */
const ENDS = {
  FIN: (socket: Socket) => void socket.end(),
  RST: (socket: Socket) => void socket.resetAndDestroy(),
  "half a head": (socket: Socket) => void socket.end("HTTP/1.1 200 OK\r\nco"),
} as const;
type End = keyof typeof ENDS;

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/**
 * A server whose connections end in this way.
 *
 * @param kept how many requests of each connection are answered before that
 * @param ending how many connections end like that; later ones are answered
 */
async function serving(end: End, kept: number, ending: number) {
  const methods: string[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    let left = ++connections > ending ? Infinity : kept;
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.on("data", (data) => {
      methods.push(String(data).split(" ")[0]!);
      if (left-- > 0) socket.write(OK);
      else ENDS[end](socket);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, methods };
}

/** One request that is answered, after which its connection waits for another one. */
async function answered(send: typeof fetch, url: string) {
  await (await send(url)).arrayBuffer();
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const CASES = (Object.keys(ENDS) as End[]).flatMap((end) =>
  ["GET", "HEAD", "POST", "PUT", "DELETE"].map((method) => [end, method] as const),
);

test.each(CASES)("on a kept connection that ends with %s, %s", async (end, method) => {
  const { url, methods } = await serving(end, 1, 1);
  const send = resending(fetch);
  await answered(send, url);
  const asked = send(url, { method });
  if (method === "GET" || method === "HEAD") {
    const response = await asked;
    expect([response.status, isOfRepeated(response)]).toEqual([200, true]);
    expect(methods).toEqual(["GET", method, method]);
  } else {
    await expect(asked).rejects.toThrow(TypeError);
    expect(methods).toEqual(["GET", method]);
  }
});

test.each(CASES)(
  "on a connection to an origin that never answered, which ends with %s, %s is sent once",
  async (end, method) => {
    const { url, methods } = await serving(end, 0, 9);
    await expect(resending(fetch)(url, { method })).rejects.toThrow(TypeError);
    expect(methods).toEqual([method]);
  },
);

test("a request that fails twice fails, and an abort is not sent again", async () => {
  const { url, methods } = await serving("FIN", 1, 1);
  const send = resending(async (input, init) => {
    if (methods.length > 1) throw Object.assign(new TypeError("failed"), { code: "ECONNRESET" });
    return fetch(input, init);
  });
  await answered(send, url);
  await expect(send(url)).rejects.toThrow(TypeError);
  const aborted = AbortSignal.abort();
  await expect(send(url, { signal: aborted })).rejects.toThrow();
  expect(methods.length).toBeLessThanOrEqual(3);
});

test("a Request is sent again", async () => {
  const { url, methods } = await serving("FIN", 1, 1);
  const send = resending(fetch);
  await answered(send, url);
  expect((await send(new Request(url))).status).toBe(200);
  expect(methods).toEqual(["GET", "GET", "GET"]);
});
