/** Which side ended an exchange, over real connections. spec/4-purchase.md §4.5. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Ending, endingOf, wasNotSent } from "./ending.ts";
import { nodeFetch } from "./node-fetch.ts";
import { howEnded, send } from "./outbound.ts";

/** A server that does this with the first request of each connection. */
async function serving(act: (socket: Socket) => unknown): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => act(socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const LIMITS = {
  headSeconds: 5,
  body: { maxBytes: 1000, idleSeconds: 5, totalSeconds: 5 },
};

const ENDS: readonly (readonly [string, Ending, (socket: Socket) => unknown])[] = [
  ["a reset", "hung up", (socket) => socket.resetAndDestroy()],
  ["an end before a head", "hung up", (socket) => socket.end()],
  ["half a head", "hung up", (socket) => socket.end("HTTP/1.1 200 OK\r\nco")],
  ["what is no HTTP", "unreadable", (socket) => socket.end("nonsense\r\n\r\n")],
  ["another version", "unreadable", (socket) => socket.end("HTTP/9.9 nonsense\r\n\r\n")],
  [
    "a head of 20 kB",
    "unreadable",
    (socket) => socket.end(`HTTP/1.1 200 OK\r\nlink: ${"x".repeat(20_000)}\r\n\r\n`),
  ],
  [
    "a field whose name HTTP does not have",
    "unreadable",
    (socket) => socket.end("HTTP/1.1 200 OK\r\nb@d name: 1\r\n\r\n"),
  ],
  [
    "two lengths",
    "unreadable",
    (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
  ],
  [
    "the status 999",
    "unreadable",
    (socket) => socket.end("HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n"),
  ],
];

const FETCHES = [
  ["the platform's fetch", fetch],
  ["a fetch over node:http", nodeFetch({})],
] as const;

describe.each(FETCHES)("with %s", (_, fetcher) => {
  const failing = async (url: string, signal?: AbortSignal): Promise<Error> => {
    const asked = { method: "GET", url: new URL(url), headers: [], ...(signal && { signal }) };
    const sent = send(fetcher, asked, {}, LIMITS);
    return sent.then(
      () => {
        throw new Error("it was answered");
      },
      (error: Error) => error,
    );
  };

  test.each(ENDS)("%s is %s", async (_how, ending, act) => {
    expect(howEnded(await failing(await serving(act)))).toBe(ending);
  });

  test("nobody that listens is hung up", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(howEnded(await failing(`http://127.0.0.1:${port}/`))).toBe("hung up");
  });

  test("an abort of the caller is given up", async () => {
    const abort = new AbortController();
    const url = await serving(() => abort.abort());
    expect(howEnded(await failing(url, abort.signal))).toBe("given up");
  });
});

test("a switch to another protocol ends a request over node:http, and is unreadable", async () => {
  const url = await serving((socket) =>
    socket.write("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  );
  const error: unknown = await nodeFetch({})(url).catch((thrown: unknown) => thrown);
  expect(endingOf(error)).toBe("unreadable");
});

test("an error of a browser, which tells no reason, is hung up", () => {
  expect(endingOf(new TypeError("Failed to fetch"))).toBe("hung up");
});

describe("an exchange of which nothing was sent is hung up, and says so", () => {
  const causedBy = (cause: object) =>
    Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("x"), cause) });

  test("a certificate that is not trusted, and a server without TLS", async () => {
    const plain = (await serving((socket) => socket.end("HTTP/1.1 400 Bad\r\n\r\n"))).slice(5);
    const closing = (await serving((socket) => socket.end())).slice(5);
    for (const rest of [plain, closing])
      for (const fetcher of [fetch, nodeFetch({})]) {
        const error: unknown = await fetcher(`https:${rest}`).catch((thrown: unknown) => thrown);
        expect([wasNotSent(error), endingOf(error)]).toEqual([true, "hung up"]);
      }
  });

  test.each([
    // Of Node's agent behind a proxy that refuses a tunnel, and of undici's.
    { code: "ERR_PROXY_TUNNEL" },
    { code: "UND_ERR_ABORTED", message: "Proxy response (403) !== 200 when HTTP Tunneling" },
    { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
    { code: "ERR_TLS_CERT_ALTNAME_INVALID" },
    { code: "ENOTFOUND", syscall: "getaddrinfo" },
    { code: "ETIMEDOUT", syscall: "connect" },
  ])("%j", (cause) => {
    for (const error of [causedBy(cause), causedBy({ cause })])
      expect([wasNotSent(error), endingOf(error)]).toEqual([true, "hung up"]);
  });

  test.each([
    { code: "ECONNRESET", syscall: "read" },
    { code: "EPIPE", syscall: "write" },
    { code: "UND_ERR_SOCKET" },
    { code: "UND_ERR_ABORTED" },
    { code: "ETIMEDOUT", syscall: "read" },
  ])("but not %j", (cause) => {
    expect(wasNotSent(causedBy(cause))).toBe(false);
  });
});
