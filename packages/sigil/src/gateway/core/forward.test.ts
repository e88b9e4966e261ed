/** One exchange through the gateway's data path, against servers and clients of raw sockets. */
import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
} from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, Socket } from "node:net";
import { Pool } from "undici";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { forUpstream } from "./fields.ts";
import { Forwarding, type ForwardingOptions, type Outcome, type Watcher } from "./forward.ts";
import { requestFault } from "./request.ts";
import { listen } from "./server.ts";
import { Shares } from "./shares.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function vendor(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  return started(server);
}

async function started(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A gateway without credentials, whose exchanges the test sees. */
async function gateway(origin: string, watcher?: () => Watcher, kept?: ForwardingOptions["kept"]) {
  const pool = new Pool(origin, { pipelining: 1, headersTimeout: 5_000, bodyTimeout: 5_000 });
  const running: Forwarding[] = [];
  const outcomes: Outcome[] = [];
  const { url, close } = await listen(async (incoming, outgoing) => {
    const fault = requestFault(incoming);
    if (fault !== undefined) {
      outgoing.writeHead(400, { connection: "close" }).end(fault);
      return;
    }
    const { method = "", url: path = "", rawHeaders } = incoming;
    const plan = { method, path, fields: forUpstream(rawHeaders), body: bodyOf(incoming) };
    const forwarding = new Forwarding(pool, outgoing, plan, watcher?.(), kept && { kept });
    running.push(forwarding);
    const outcome = await forwarding.outcome;
    outcomes.push(outcome);
    if (outcome.kind === "failed" && !outgoing.headersSent) outgoing.writeHead(502).end("failed");
  });
  closing.push(
    () => pool.destroy(),
    () => close(0),
  );
  return { url, outcomes, running };
}

const bodyOf = (incoming: IncomingMessage) =>
  incoming.headers["content-length"] !== undefined ||
  incoming.headers["transfer-encoding"] !== undefined
    ? incoming
    : undefined;

/** Sends bytes and gives all that comes back, once the connection ends or `isEnough`. */
function raw(url: string, text: string, isEnough = (_: string) => false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(text));
    let got = "";
    socket.setEncoding("latin1").on("data", (part) => {
      got += part;
      if (isEnough(got)) socket.destroy();
    });
    socket.on("close", () => resolve(got)).on("error", reject);
  });
}

/** What a socket does with one write of a stream, or with several that were held back. */
type Written = "_write" | "_writev";

const REQUEST = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/** A vendor that reads no body: what stands there is its next request, unless none follows. */
async function vendorWithoutBodies() {
  const served: string[] = [];
  const server = createTcpServer((socket) => {
    let text = "";
    socket
      .on("error", () => {})
      .on("data", (part) => {
        text += part.toString("latin1");
        for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
          const head = text.slice(0, end);
          text = text.slice(end + 4);
          served.push(head.split(" HTTP")[0]!.trim());
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
          if (!/^connection: close$/im.test(head)) continue;
          socket.removeAllListeners("data").resume().end();
          return;
        }
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => void server.close());
  return { served, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const INSIDE = "DELETE /secret HTTP/1.1\r\nHost: v\r\n\r\n";

describe("a body that is written like a request", () => {
  test.each([
    ["GET", 400],
    ["HEAD", 400],
    ["DELETE", 200],
    ["OPTIONS", 200],
    ["PROPFIND", 200],
  ])("of a %s is none to a vendor that ignores it: %i", async (method, status) => {
    const { served, origin } = await vendorWithoutBodies();
    const { url } = await gateway(origin);
    for (const [framing, body] of [
      [`Content-Length: ${INSIDE.length}`, INSIDE],
      ["Transfer-Encoding: chunked", `${INSIDE.length.toString(16)}\r\n${INSIDE}\r\n0\r\n\r\n`],
    ]) {
      const head = `${method} /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${framing}\r\n\r\n`;
      expect(await raw(url, head + body)).toMatch(`HTTP/1.1 ${status} `);
      // Behind it, so that all that the vendor has read was served.
      await raw(url, REQUEST);
    }
    const own = status === 200 ? [`${method} /a`] : [];
    expect(served).toEqual([...own, "GET /a", ...own, "GET /a"]);
  });
});

describe("a request", () => {
  test("reaches the vendor with its names, order, repetitions and bytes", async () => {
    let seen: readonly string[] = [];
    let body = "";
    const origin = await vendor(async (incoming, outgoing) => {
      seen = [incoming.method!, incoming.url!, ...incoming.rawHeaders];
      for await (const part of incoming) body += part;
      outgoing.end();
    });
    const { url } = await gateway(origin);
    await raw(
      url,
      "POST /a/b:c?q=%20x&q=2;z HTTP/1.1\r\nHost: gateway\r\nX-One: 1\r\nx-one: 2\r\nX-ODD-case:  v \r\nContent-Length: 4\r\nConnection: close\r\n\r\n\0\x01ab",
    );
    expect(seen.slice(0, 2)).toEqual(["POST", "/a/b:c?q=%20x&q=2;z"]);
    const lines = seen
      .slice(2)
      .map((part, at) => (at % 2 === 0 ? part : `=${part}`))
      .join("");
    expect(lines).toContain("X-One=1x-one=2X-ODD-case=v");
    expect(lines).toContain(`host=${new URL(origin).host}`);
    expect(body).toBe("\0\x01ab");
  });

  test.each([
    "Connection: X-Secret\r\nX-Secret: a",
    "Keep-Alive: timeout=5",
    "Proxy-Authorization: Basic abc",
    "Proxy-Connection: keep-alive",
    "TE: trailers",
    "Upgrade-Insecure: x\r\nConnection: upgrade-insecure",
    "X-HTTP-Method-Override: DELETE",
    "X-Original-URL: /v1/files",
    "X-Goog-FieldMask: candidates",
  ])("loses what is of its connection, or makes another request of it: %j", async (fields) => {
    let seen: Record<string, unknown> = {};
    const origin = await vendor((incoming, outgoing) => {
      seen = incoming.headers;
      outgoing.end();
    });
    const { url } = await gateway(origin);
    await raw(url, `GET /a HTTP/1.1\r\nHost: x\r\n${fields}\r\nConnection: close\r\n\r\n`);
    expect(Object.keys(seen).sort()).toEqual(["connection", "host"]);
  });

  test("of unknown length goes out as it comes", async () => {
    let first!: () => void;
    const firstPart = new Promise<void>((resolve) => {
      first = resolve;
    });
    const hash = createHash("sha256");
    const origin = await vendor(async (incoming, outgoing) => {
      incoming.once("data", first);
      for await (const part of incoming) hash.update(part as Buffer);
      outgoing.end(hash.digest("hex"));
    });
    const { url } = await gateway(origin);
    const parts = ["one", "two"];
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const part = parts.shift();
        if (part === undefined) return controller.close();
        controller.enqueue(new TextEncoder().encode(part));
        if (parts.length === 1) await firstPart;
      },
    });
    const response = await fetch(`${url}/a`, {
      method: "POST",
      body,
      duplex: "half",
    } as RequestInit);
    expect(await response.text()).toBe(createHash("sha256").update("onetwo").digest("hex"));
  });

  test.each([
    ["an absolute target", "GET http://evil.example/a HTTP/1.1\r\nHost: x"],
    ["dot segments", "GET /a/../b HTTP/1.1\r\nHost: x"],
    ["encoded dot segments", "GET /a/%2e%2e/b HTTP/1.1\r\nHost: x"],
    ["an encoded slash", "GET /a%2Fb HTTP/1.1\r\nHost: x"],
    ["a letter that is encoded", "GET /%61 HTTP/1.1\r\nHost: x"],
    ["a backslash", "GET /a\\b HTTP/1.1\r\nHost: x"],
    ["an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x"],
    ["TRACE", "TRACE /a HTTP/1.1\r\nHost: x"],
    ["no Host", "GET /a HTTP/1.1\r\nX: y"],
    ["two Hosts", "GET /a HTTP/1.1\r\nHost: x\r\nHost: y"],
    ["two lengths", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2"],
    ["a length that is none", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +1"],
    [
      "a length and a coding",
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
    ],
    ["another coding", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked"],
    [
      "a coding twice",
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ],
    ["a blank before the colon", "GET /a HTTP/1.1\r\nHost: x\r\nX-A : y"],
    ["a folded line", "GET /a HTTP/1.1\r\nHost: x\r\nX-A: y\r\n z"],
    ["a NUL", "GET /a HTTP/1.1\r\nHost: x\r\nX-A: y\0z"],
    ["a bare line feed in the head", "GET /a HTTP/1.1\r\nHost: x\nX-A: y\n"],
    ["another protocol", "PRI * HTTP/2.0"],
    ["CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: x"],
  ])("with %s is 400, and nothing more is read of its connection", async (_what, head) => {
    let requests = 0;
    const origin = await vendor((_incoming, outgoing) => {
      requests++;
      outgoing.end();
    });
    const { url } = await gateway(origin);
    const answer = await raw(url, `${head}\r\n\r\n${REQUEST}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(requests).toBe(0);
  });
});

describe("an answer", () => {
  test.each([200, 201, 206, 302, 304, 402, 429, 500])(
    "of %i passes with its fields, as they are",
    async (status) => {
      const origin = await vendor((_incoming, outgoing) => {
        outgoing.writeHead(status, [
          "X-A",
          "1",
          "x-a",
          "2",
          "Set-Cookie",
          "a=1",
          "Set-Cookie",
          "b=2",
          "Location",
          "https://evil.example/",
        ]);
        outgoing.end(status === 304 ? undefined : "body");
      });
      const { url, outcomes } = await gateway(origin);
      const answer = await raw(url, REQUEST);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toContain("X-A: 1\r\nx-a: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
      expect(answer.endsWith(status === 304 ? "\r\n\r\n" : "body") || answer.includes("body")).toBe(
        true,
      );
      expect(outcomes).toEqual([{ kind: "answered", status }]);
    },
  );

  test("loses what is of the vendor's connection", async () => {
    const origin = await vendor((_incoming, outgoing) => {
      outgoing.writeHead(200, [
        "Connection",
        "X-Hop",
        "X-Hop",
        "1",
        "Keep-Alive",
        "timeout=99",
        "Proxy-Authenticate",
        "x",
      ]);
      outgoing.end("a");
    });
    const { url } = await gateway(origin);
    const answer = (await raw(url, REQUEST)).toLowerCase();
    expect(answer).not.toMatch(/x-hop|timeout=99|proxy-authenticate/);
  });

  test("to HEAD has the vendor's length and no body", async () => {
    const origin = await vendor((_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-length": "1234" }).end();
    });
    const { url } = await gateway(origin);
    const answer = await raw(url, REQUEST.replace("GET", "HEAD"));
    expect(answer.toLowerCase()).toContain("content-length: 1234");
    expect(answer.endsWith("\r\n\r\n")).toBe(true);
  });

  test("whose vendor takes its time for the body has its head at once", async () => {
    let goOn!: () => void;
    const origin = await vendor((_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-length": "4" }).flushHeaders();
      goOn = () => outgoing.end("body");
    });
    const { url } = await gateway(origin);
    const text = await raw(url, REQUEST, (got) => {
      if (got.includes("\r\n\r\n")) goOn();
      return false;
    });
    expect(text).toMatch(/\r\n\r\nbody$/);
  });

  test.each([
    ["whose length is known", { "content-length": "4" }],
    ["in parts", {}],
  ])("that comes in one packet leaves in one write: %s", async (_name, fields) => {
    const origin = await vendor((_incoming, outgoing) =>
      outgoing.writeHead(200, fields).end("body"),
    );
    const { url } = await gateway(origin);
    const ports: (number | undefined)[] = [];
    const sockets = Socket.prototype as unknown as Record<Written, (...given: unknown[]) => void>;
    for (const name of ["_write", "_writev"] as const) {
      const original = sockets[name];
      vi.spyOn(sockets, name).mockImplementation(function (this: Socket, ...given) {
        ports.push(this.localPort);
        original.apply(this, given);
      });
    }
    await raw(url, REQUEST);
    vi.restoreAllMocks();
    expect(ports.filter((port) => port === Number(new URL(url).port))).toHaveLength(1);
  });

  test("of 64 MB arrives byte by byte, and a reader that stops stops the vendor", async () => {
    const part = Buffer.alloc(64 * 1024, "x");
    let written = 0;
    const hash = createHash("sha256");
    const origin = await vendor((_incoming, outgoing) => {
      const more = (): void => {
        while (written < 1024) {
          written++;
          hash.update(part);
          if (!outgoing.write(part)) return void outgoing.once("drain", more);
        }
        outgoing.end();
      };
      more();
    });
    const { url } = await gateway(origin);
    const response = await fetch(`${url}/a`);
    const reader = response.body!.getReader();
    const seen = createHash("sha256");
    seen.update((await reader.read()).value!);
    // Nobody reads: what is between the vendor and the reader fills up, and then nothing moves.
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = written === before;
          before = written;
          return isStill;
        },
        { interval: 100 },
      )
      .toBe(true);
    expect(written).toBeLessThan(512);
    for (let read = await reader.read(); !read.done; read = await reader.read())
      seen.update(read.value);
    expect(seen.digest("hex")).toBe(hash.digest("hex"));
  });
});

describe("an exchange that breaks", () => {
  const dying = (before: (socket: Socket) => void) => vendor((incoming) => before(incoming.socket));

  test("before the head of the answer has failed, and the client can be told", async () => {
    const { url, outcomes } = await gateway(await dying((socket) => socket.destroy()));
    expect(await raw(url, REQUEST.replace("GET", "POST"))).toMatch(/^HTTP\/1\.1 502 /);
    expect(outcomes[0]).toMatchObject({ kind: "failed", isUnsent: false });
  });

  test("before the vendor was reached has failed, and nothing of it was sent", async () => {
    const { url, outcomes } = await gateway("http://127.0.0.1:1");
    expect(await raw(url, REQUEST)).toMatch(/^HTTP\/1\.1 502 /);
    expect(outcomes[0]).toMatchObject({ kind: "failed", isUnsent: true });
  });

  test("inside of the answer closes the client's connection, so that it does not look complete", async () => {
    const origin = await dying((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      setTimeout(() => socket.destroy(), 20);
    });
    const { url, outcomes } = await gateway(origin);
    const answer = await raw(url, REQUEST);
    expect(answer).toContain("half");
    expect(answer).not.toContain("\r\n0\r\n");
    expect(outcomes[0]).toMatchObject({ kind: "broken", status: 200 });
  });

  test("because the client left is ended at the vendor at once", async () => {
    let closed!: () => void;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const origin = await vendor((_incoming, outgoing) => {
      outgoing.on("close", closed).writeHead(200).write("part");
    });
    const { url, outcomes } = await gateway(origin);
    await raw(url, REQUEST, (got) => got.includes("part"));
    await gone;
    await expect.poll(() => outcomes).toEqual([{ kind: "gone", status: 200, isUnsent: false }]);
  });

  test("because the client left before the head is ended at the vendor too", async () => {
    let asked!: () => void;
    const running = new Promise<void>((resolve) => {
      asked = resolve;
    });
    let closed!: () => void;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const origin = await vendor((_incoming, outgoing) => {
      outgoing.on("close", closed);
      asked();
    });
    const { url, outcomes } = await gateway(origin);
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(REQUEST));
    await running;
    socket.destroy();
    await gone;
    await expect
      .poll(() => outcomes)
      .toEqual([{ kind: "gone", status: undefined, isUnsent: false }]);
  });
});

describe("a watcher", () => {
  const watch = (mode: "stream" | "whole", over: Partial<Watcher> = {}): Watcher => ({
    mode: () => mode,
    fields: [],
    part: (bytes) => Buffer.from(bytes.toString("latin1").replaceAll("b", "")),
    ended: async () => Buffer.from("!"),
    whole: async (answer) => ({
      ...answer,
      fields: [...answer.fields, "X-Left", "1"],
      body: Buffer.from(`<${Buffer.from(answer.body)}>`),
    }),
    ...over,
  });
  const abc: RequestListener = (_incoming, outgoing) => {
    outgoing.writeHead(200, { "content-length": "3" });
    outgoing.end("abc");
  };

  test("changes the parts of a stream, and adds to its end", async () => {
    const { url } = await gateway(await vendor(abc), () => watch("stream"));
    expect(await (await fetch(`${url}/a`)).text()).toBe("ac!");
  });

  test("changes a whole answer and its fields before any of it is sent", async () => {
    const { url } = await gateway(await vendor(abc), () => watch("whole"));
    const response = await fetch(`${url}/a`);
    expect([response.headers.get("x-left"), response.headers.get("content-length")]).toEqual([
      "1",
      "5",
    ]);
    expect(await response.text()).toBe("<abc>");
  });

  test("of a whole answer that breaks off sees nothing, and the client can be told", async () => {
    const origin = await vendor((_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-length": "9" });
      outgoing.write("abc");
      setTimeout(() => outgoing.destroy(), 20);
    });
    const { url, outcomes } = await gateway(origin, () => watch("whole"));
    expect((await fetch(`${url}/a`)).status).toBe(502);
    expect(outcomes[0]).toMatchObject({ kind: "failed", isUnsent: false });
  });

  test("keeps no more of whole answers than the share of one holder, until they were read", async () => {
    const PART = 12 * 1024 * 1024;
    const origin = await vendor((_incoming, outgoing) => outgoing.end(Buffer.alloc(PART, "a")));
    const shares = new Shares(64 * 1024 * 1024);
    const kept = { shares, holder: "agent" };
    const { url, outcomes } = await gateway(origin, () => watch("whole"), kept);
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(REQUEST));
    await expect.poll(() => outcomes).toHaveLength(1);
    // Its client reads nothing of it yet.
    expect(shares.of("agent")).toBe(PART);
    const seen = await fetch(`${url}/a`);
    // There is no room for the next one: it is passed on part by part.
    expect([seen.headers.get("x-left"), (await seen.text()).length]).toEqual([null, PART + 1]);
    socket.resume();
    await expect.poll(() => shares.held).toBe(0);
    const again = await fetch(`${url}/a`);
    expect([again.headers.get("x-left"), (await again.text()).length]).toEqual(["1", PART + 2]);
    await expect.poll(() => shares.held).toBe(0);
  });

  test("of an answer that its client reads nothing of lets go of it", async () => {
    const origin = await vendor((_incoming, outgoing) => outgoing.end(Buffer.alloc(8_000_000)));
    const late = vi.spyOn(ServerResponse.prototype, "setTimeout");
    const { url, outcomes } = await gateway(origin, () => watch("whole"));
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(REQUEST));
    await expect.poll(() => outcomes).toHaveLength(1);
    const outgoing = late.mock.contexts.at(-1) as ServerResponse;
    expect(late.mock.lastCall).toEqual([300_000]);
    late.mockRestore();
    const closed = new Promise((resolve) => socket.on("close", resolve));
    outgoing.emit("timeout");
    socket.on("error", () => {}).resume();
    await closed;
  });

  test("is broken off for Node's timer of its connection alone, which ends once it is read", async () => {
    const left: string[] = [];
    const origin = await vendor((incoming, outgoing) => {
      outgoing.on("close", () => left.push(incoming.url!)).writeHead(200);
      const more = (): void => {
        while (!outgoing.destroyed && outgoing.write(Buffer.alloc(65_536)));
      };
      outgoing.on("drain", more);
      more();
    });
    // A timer of the gateway's own would not see what the system takes of one large write.
    const own = vi.spyOn(globalThis, "setTimeout");
    const late = vi.spyOn(ServerResponse.prototype, "setTimeout");
    onTestFinished(() => {
      own.mockRestore();
      late.mockRestore();
    });
    const { url, outcomes } = await gateway(origin);
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(REQUEST));
    const times = () => late.mock.calls.map(([ms]) => ms);
    await vi.waitFor(() => expect(times()[0]).toBe(300_000));
    const outgoing = late.mock.contexts[0] as ServerResponse;
    socket.on("error", () => {}).resume();
    await vi.waitFor(() => expect(times()).toContain(0));
    socket.pause();
    // In the same turn as what follows.
    await vi.waitFor(() => expect(outgoing.listenerCount("timeout")).toBe(1));
    expect(times()).toEqual(times().map((_, at) => (at % 2 === 0 ? 300_000 : 0)));
    expect(own.mock.calls.filter(([, ms]) => ms! >= 60_000 && ms! <= 300_000)).toEqual([]);
    expect([left, outcomes]).toEqual([[], []]);
    outgoing.emit("timeout");
    await vi.waitFor(() => expect(outcomes).toMatchObject([{ kind: "gone" }]));
    await vi.waitFor(() => expect(left).toEqual(["/a"]));
    socket.destroy();
  });

  test("cuts a stream with a last part, and the vendor is told at once", async () => {
    let closed!: () => void;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const origin = await vendor((_incoming, outgoing) => {
      outgoing.on("close", closed).writeHead(200).write("part");
    });
    const { url, running, outcomes } = await gateway(origin, () => watch("stream"));
    const response = await fetch(`${url}/a`);
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("part");
    running[0]!.cut(Buffer.from("error event"));
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("error event");
    expect((await reader.read()).done).toBe(true);
    await gone;
    await expect.poll(() => outcomes).toEqual([{ kind: "cut", status: 200, isUnsent: false }]);
  });

  test("that sees nothing of an answer leaves one that is cut without a last part", async () => {
    const origin = await vendor((_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-length": "8" }).write("part");
    });
    const { url, running, outcomes } = await gateway(origin);
    const response = await fetch(`${url}/a`);
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("part");
    running[0]!.cut(Buffer.from("an error event"));
    await expect(reader.read()).rejects.toThrow();
    await expect.poll(() => outcomes).toEqual([{ kind: "cut", status: 200, isUnsent: false }]);
  });
});
