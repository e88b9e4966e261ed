/** What a `fetch` of our own must not lose: the time-out, and the certificates. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, onTestFinished, test } from "vitest";
import { nodeFetch } from "./node-fetch.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** A server that takes a request, and answers with this. */
async function serving(answer: (response: import("node:http").ServerResponse) => void) {
  const server = createServer((_, response) => answer(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

// A Request feeds its own signal only as long as it lives itself.
test("a time-out ends a request that nobody answers, also after a collection of garbage", async () => {
  const { url, close } = await serving(() => {});
  const answer = nodeFetch({})(url, { signal: AbortSignal.timeout(400) });
  const collecting = setInterval(collectGarbage, 20);
  await expect(answer).rejects.toMatchObject({ name: "AbortError" });
  clearInterval(collecting);
  close();
});

test("a time-out ends an answer that does not end, also after a collection of garbage", async () => {
  const { url, close } = await serving((response) => response.write("half an"));
  const response = await nodeFetch({})(url, { signal: AbortSignal.timeout(400) });
  const collecting = setInterval(collectGarbage, 20);
  await expect(response.text()).rejects.toThrow();
  clearInterval(collecting);
  close();
});

describe("a connection that the server closed while it was idle", () => {
  /** Answers the first request of a connection, and resets the connection at the second one. */
  async function resetting() {
    const requests: string[] = [];
    const server = createTcpServer((socket) => {
      let seen = 0;
      socket.on("error", () => {});
      socket.on("data", (data) => {
        requests.push(data.toString().split(" ")[0]!);
        if (++seen > 1) socket.resetAndDestroy();
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
  }

  test("costs a request nothing that may be sent twice", async () => {
    const { url } = await resetting();
    const fetcher = nodeFetch({});
    for (let times = 0; times < 6; times++) {
      const init = times % 2 === 0 ? {} : { method: "POST", headers: { "idempotency-key": "k" } };
      expect(await (await fetcher(url, init)).text()).toBe("fine");
    }
  });

  test("fails a request that may not be sent twice", async () => {
    const { url, requests } = await resetting();
    const fetcher = nodeFetch({});
    await (await fetcher(url)).text();
    await expect(fetcher(url, { method: "POST" })).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(requests).toEqual(["GET", "POST"]);
  });

  test("is told from one that is reset at its first request, which is not sent again", async () => {
    let requests = 0;
    const { url, close } = await serving((response) => {
      requests++;
      response.socket!.resetAndDestroy();
    });
    await expect(nodeFetch({})(url)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(requests).toBe(1);
    close();
  });
});

describe("a kept connection that is reset after a head", () => {
  /** Answers the first request of a connection, and resets it inside the next answer. */
  async function resettingAfter(part: string) {
    const state = { requests: 0 };
    const server = createTcpServer((socket) => {
      let seen = 0;
      socket.on("error", () => {});
      socket.on("data", () => {
        state.requests++;
        if (++seen > 1) socket.write(part, () => socket.resetAndDestroy());
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, state };
  }
  const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n";

  // The second request went out unseen, and its own end ended the process of a treasury.
  test.each([
    ["before the body", "leaves it", HEAD],
    ["before the body", "aborts then", HEAD],
    ["in the body", "leaves it", `${HEAD}half an answer`],
    ["in the body", "aborts then", `${HEAD}half an answer`],
  ])("fails the body %s, and sends nothing again if the caller %s", async (_where, how, part) => {
    const { url, state } = await resettingAfter(part);
    const fetcher = nodeFetch({});
    await (await fetcher(url)).text();
    const controller = new AbortController();
    const response = await fetcher(url, { signal: controller.signal });
    const reader = response.body!.getReader();
    const read = async () => {
      while (!(await reader.read()).done);
    };
    const ended = read().catch((error: unknown) => {
      // At once, as the bounds of a relayed body do it.
      if (how === "aborts then") controller.abort();
      throw error;
    });
    await expect(ended).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await (await fetcher(url)).text()).toBe("fine");
    expect(state.requests).toBe(3);
  });
});

/** A body whose parts come one after another, in turns of the event loop. */
const slow = (...parts: string[]): ReadableStream<Uint8Array<ArrayBuffer>> =>
  new ReadableStream({
    async pull(controller) {
      for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
      const part = parts.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(part));
    },
  });

describe("a body is sent", () => {
  /** What came by the wire, and the begin of what is still coming. */
  async function wired(answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine") {
    const state = { text: "", closed: 0 };
    const server = createTcpServer((socket) => {
      socket.on("error", () => {}).once("close", () => state.closed++);
      socket.on("data", (data) => {
        state.text += data.toString("latin1");
        const isWhole = state.text.endsWith("0\r\n\r\n") || state.text.endsWith("END");
        if (isWhole || state.text.includes("REFUSE")) socket.write(answer);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, state };
  }
  const post = (body: unknown) => ({ method: "POST", body, duplex: "half" }) as RequestInit;

  test.each<[what: string, (url: string) => Parameters<typeof fetch>]>([
    ["a text", (url) => [url, post("a text, END")]],
    ["bytes", (url) => [url, post(new TextEncoder().encode("a text, END"))]],
    ["a Blob", (url) => [url, post(new Blob(["a text, END"]))]],
    ["the text of a Request", (url) => [new Request(url, post("a text, END"))]],
    ["a stream that is there at once", (url) => [url, post(new Blob(["a text, END"]).stream())]],
    ["form fields", (url) => [url, post(new URLSearchParams({ a: "b", c: "END" }))]],
  ])("with its length: %s", async (_what, request) => {
    const { url, state } = await wired();
    expect(await (await nodeFetch({})(...request(url))).text()).toBe("fine");
    const [head, body] = state.text.split("\r\n\r\n");
    expect(head!.toLowerCase()).toContain(`content-length: ${body!.length}`);
    expect(head!.toLowerCase()).not.toContain("transfer-encoding");
  });

  test("as it comes: the first part has arrived before the second one is made", async () => {
    const { url, state } = await wired();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const answer = nodeFetch({})(url, post(readable));
    await writer.write(new TextEncoder().encode("first part"));
    while (!state.text.includes("first part")) await new Promise(setImmediate);
    await writer.close();
    expect(await (await answer).text()).toBe("fine");
    expect(state.text).toMatch(/\r\nTransfer-Encoding: chunked\r\n/i);
  });

  test("also if it is long, and no more of it is read than is sent", async () => {
    const { url } = await wired();
    let made = 0;
    const body = new ReadableStream({
      pull(controller) {
        made++;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const ending = new AbortController();
    // The server reads and never answers; the kernel takes what it can.
    const answer = nodeFetch({})(url, { ...post(body), signal: ending.signal });
    while (made < 64) await new Promise(setImmediate);
    ending.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
    await new Promise(setImmediate);
    const before = made;
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
    expect(made).toBe(before);
  });

  test("to an answer that comes before its end", async () => {
    const { url, state } = await wired("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    let isCancelled = false;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("REFUSE")),
      cancel() {
        isCancelled = true;
      },
    });
    const response = await nodeFetch({})(url, post(body));
    expect(response.status).toBe(413);
    await response.text();
    while (state.closed === 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(isCancelled).toBe(true);
  });

  test("and its own failure ends the request", async () => {
    const { url, state } = await wired();
    const broken = new ReadableStream({
      async pull(controller) {
        await new Promise(setImmediate);
        await new Promise(setImmediate);
        controller.error(new Error("the disk is gone"));
      },
    });
    await expect(nodeFetch({})(url, post(broken))).rejects.toThrow("the disk is gone");
    expect(state.text.endsWith("0\r\n\r\n")).toBe(false);
  });

  test("once: a stream does not meet a kept connection that may be closed", async () => {
    const { url, state } = await wired();
    const fetcher = nodeFetch({});
    await (await fetcher(url, post("END"))).text();
    await new Promise(setImmediate);
    const response = await fetcher(url, post(slow("a", "b")));
    expect(await response.text()).toBe("fine");
    expect(state.text).toMatch(/\r\nConnection: close\r\n/i);
  });
});

describe("the length of a request's body is on the wire", () => {
  /** Answers each request by its method and the body that its head announces. */
  async function reading() {
    const seen: string[] = [];
    const server = createServer(async (request, response) => {
      const body = await text(request);
      seen.push(`${request.method} ${body}`);
      response.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
  }
  const METHODS = ["DELETE", "OPTIONS", "POST", "PUT", "PATCH", "QUERY", "PROPFIND"];
  const SMUGGLED = "GET /other HTTP/1.1\r\nHost: x\r\n\r\n";

  // Node writes no length for methods that seldom have a body: the server read it as a request of
  // its own, and the next agent got its answer.
  test.each(METHODS)("%s with a body is one request, and leaves the connection", async (method) => {
    const { url, seen } = await reading();
    const fetcher = nodeFetch({});
    await (await fetcher(url, { method, body: SMUGGLED })).text();
    await (await fetcher(url)).text();
    expect(seen).toEqual([`${method} ${SMUGGLED}`, "GET "]);
  });

  test.each(METHODS)("%s says its own length, whatever the caller's fields say", async (method) => {
    const { url, seen } = await reading();
    const headers = { "content-length": "0", "transfer-encoding": "chunked" };
    await (await nodeFetch({})(url, { method, body: SMUGGLED, headers })).text();
    expect(seen).toEqual([`${method} ${SMUGGLED}`]);
  });

  test.each(METHODS)("%s with a streamed body is one request", async (method) => {
    const { url, seen } = await reading();
    const fetcher = nodeFetch({});
    const headers = { "content-length": "0" };
    const body = slow(SMUGGLED.slice(0, 9), SMUGGLED.slice(9));
    await (await fetcher(url, { method, body, headers, duplex: "half" } as RequestInit)).text();
    await (await fetcher(url)).text();
    expect(seen).toEqual([`${method} ${SMUGGLED}`, "GET "]);
  });

  test.each(METHODS)("%s without a body is served", async (method) => {
    const { url, seen } = await reading();
    await (await nodeFetch({})(url, { method })).text();
    expect(seen).toEqual([`${method} `]);
  });
});
