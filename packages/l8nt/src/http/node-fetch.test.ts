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

  test.each(METHODS)("%s without a body is served", async (method) => {
    const { url, seen } = await reading();
    await (await nodeFetch({})(url, { method })).text();
    expect(seen).toEqual([`${method} `]);
  });
});
