/**
 * A Web-standard handler on `node:http`: the requests that it gets, the responses that leave it,
 * and what is refused.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { type Source, streamOf } from "../http/source.ts";
import { listening } from "../middleware/fixtures/listening.ts";
import { exchange, open } from "../testing/raw-http.ts";
import { type Handler, listener, type Served, serve } from "./index.ts";

const logged = vi.spyOn(console, "error").mockImplementation(() => {});

const served: Served[] = [];
async function start(handler: Handler): Promise<string> {
  const one = await serve(handler);
  served.push(one);
  return one.url;
}
afterEach(async () => {
  await Promise.all(served.splice(0).map((one) => one.close()));
  logged.mockClear();
});

const later = <Value>() => {
  let resolve = (_: Value): void => {};
  const promise = new Promise<Value>((done) => {
    resolve = done;
  });
  return { promise, resolve };
};

test("a request with two `Host` fields is answered 400, and reaches no handler", async () => {
  const handler = vi.fn(() => new Response("served"));
  const url = await start(handler);
  for (const second of ["api.example", "evil.example"]) {
    const fields = [
      ["host", "api.example"],
      ["Host", second],
    ] as const;
    expect((await exchange(url, { fields })).status).toBe(400);
  }
  expect(handler).not.toHaveBeenCalled();
  expect((await exchange(url, { fields: [["host", "api.example"]] })).status).toBe(200);
});

test("a handler gets the request as it was sent, under the fixed origin", async () => {
  const url = await start(async (request, client) =>
    Response.json({
      method: request.method,
      url: request.url,
      authorization: request.headers.get("authorization"),
      cookie: request.headers.get("cookie"),
      body: await request.text(),
      client,
    }),
  );
  const { body } = await exchange(url, {
    method: "PUT",
    target: "/a%20b/%7E?x=1&x=2",
    fields: [
      ["host", "evil.example:1/x?"],
      ["authorization", "L402 a"],
      ["authorization", "LSAT b"],
      ["cookie", "c=d"],
    ],
    body: "forecast, please",
  });
  expect(JSON.parse(body)).toEqual({
    method: "PUT",
    url: `${url}/a%20b/%7E?x=1&x=2`,
    authorization: "L402 a, LSAT b",
    cookie: "c=d",
    body: "forecast, please",
    client: { address: "127.0.0.1" },
  });
});

test("the `origin` option sets the origin of URLs", async () => {
  const echo = listener(({ url }) => new Response(url), { origin: "https://api.example" });
  const host = await listening(createServer(echo));
  expect((await exchange(host.url, { target: "/a?b" })).body).toBe("https://api.example/a?b");
  await host.close();
});

test("a target that `URL` would read as another path is refused before the handler [case 30]", async () => {
  const handler = vi.fn(() => new Response("served"));
  const url = await start(handler);
  for (const target of [
    ...[
      "/a/../b",
      "/a/%2e%2e/b",
      "/./a",
      "/a/.",
      "/a\\b",
      "/a#b",
      "/#",
      '/a"b',
      "/a<b",
      "/a`b",
      "*",
    ],
    ...["http://evil.example/a", "//..", "@evil.example/a", ":80/a", "evil.example/a"],
  ])
    expect((await exchange(url, { target })).status, target).toBe(400);
  expect(handler).not.toHaveBeenCalled();
  for (const target of ["/", "//a", "/a//b", "/a%2fb", "/?a=../b", "/a?b='\"", "/%zz"])
    expect((await exchange(url, { target })).status, target).toBe(200);
});

test("a response keeps its fields, its cookies and both lines of a challenge", async () => {
  const url = await start(() => {
    const headers = new Headers([
      ["set-cookie", "a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT"],
      ["set-cookie", "b=2"],
      ["www-authenticate", 'LSAT macaroon="AgE=", invoice="lnbcrt1"'],
      ["www-authenticate", 'L402 macaroon="AgE=", invoice="lnbcrt1", version="0"'],
      ["x-list", "1"],
      ["x-list", "2"],
    ]);
    return new Response("pay", { status: 402, headers });
  });
  const response = await exchange(url);
  expect(response.status).toBe(402);
  expect(response.lines("set-cookie")).toEqual([
    "a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
    "b=2",
  ]);
  expect(response.lines("www-authenticate")).toEqual([
    'LSAT macaroon="AgE=", invoice="lnbcrt1"',
    'L402 macaroon="AgE=", invoice="lnbcrt1", version="0"',
  ]);
  expect(response.lines("x-list")).toEqual(["1, 2"]);
  expect(response.body).toBe("pay");
});

test("a body that is there whole leaves with its length, and one that comes by and by without", async () => {
  const bytes = new TextEncoder().encode("served");
  let isRead = false;
  const whole: Source = {
    read: () => {
      const part = isRead ? undefined : bytes;
      isRead = true;
      return part;
    },
    cancel() {},
  };
  const url = await start(({ url: asked }) => {
    const stream = asked.endsWith("/whole") ? streamOf(whole) : new Response("served").body;
    return new Response(stream);
  });
  const here = await exchange(url, { target: "/whole" });
  expect([here.body, here.lines("content-length"), here.lines("transfer-encoding")]).toEqual([
    ...["served", ["6"]],
    [],
  ]);
  const later = await exchange(url);
  expect([later.body, later.lines("content-length")]).toEqual(["served", []]);
});

test("a response to HEAD and a 204 have no content", async () => {
  const cancelled = vi.fn();
  const url = await start(({ url: asked }) =>
    asked.endsWith("/204")
      ? new Response(null, { status: 204 })
      : new Response(new ReadableStream({ cancel: cancelled }), {
          headers: { "content-length": "7" },
        }),
  );
  expect(await exchange(url, { target: "/204" })).toMatchObject({ status: 204, body: "" });
  const head = await exchange(url, { method: "HEAD" });
  expect([head.status, head.body, head.lines("content-length")]).toEqual([200, "", ["7"]]);
  expect(cancelled).toHaveBeenCalledOnce();
});

test("a handler that throws or returns nothing answers 500 without a reason", async () => {
  const bad: Handler[] = [
    () => {
      throw new Error("hunter2");
    },
    async () => Promise.reject(new Error("hunter2")),
    () => undefined as unknown as Response,
    () => Response.error(),
  ];
  for (const handler of bad) {
    const url = await start(handler);
    const response = await exchange(url);
    expect(response.status).toBe(500);
    expect(JSON.parse(response.body)).toEqual({
      type: "about:blank",
      title: "Internal server error",
      status: 500,
    });
    expect(response.lines("cache-control")).toEqual(["no-store"]);
  }
  expect(logged).toHaveBeenCalledTimes(bad.length);
});

test("a response whose body fails is cut off, not ended", async () => {
  const url = await start(
    () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode("half")),
          pull: (controller) => controller.error(new Error("boom")),
        }),
      ),
  );
  const socket = open(url);
  let text = "";
  socket.on("data", (part) => {
    text += part;
  });
  socket.on("error", () => {});
  await once(socket, "close");
  expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
});

test("the head arrives of a response whose body fails before its first byte", async () => {
  const url = await start(
    () =>
      new Response(
        new ReadableStream({
          pull: () => Promise.reject(new Error("upstream")),
        }),
      ),
  );
  const response = await fetch(url);
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow();
});

test("bodies stream in both directions: the first part arrives before the last is sent", async () => {
  const url = await start((request) => new Response(request.body));
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(
    "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n",
  );
  let text = "";
  const seen = async (part: string) => {
    while (!text.includes(part)) text += (await once(socket, "data"))[0];
  };
  await seen("first");
  socket.write("6\r\nsecond\r\n0\r\n\r\n");
  await seen("second");
  await once(socket, "close");
});

test("a body is not read faster than the client takes it", async () => {
  const part = new Uint8Array(65_536);
  const total = 512;
  let made = 0;
  const cancelled = later<void>();
  const url = await start(
    () =>
      new Response(
        new ReadableStream(
          {
            pull(controller) {
              if (++made > total) controller.close();
              else controller.enqueue(part);
            },
            cancel: () => cancelled.resolve(),
          },
          { highWaterMark: 0 },
        ),
      ),
  );
  const socket = open(url);
  await once(socket, "readable");
  // 32 MiB exceed the buffers of a socket: the rest waits until the client reads or leaves.
  socket.destroy();
  await cancelled.promise;
  expect(made).toBeLessThan(total);
});

test("a client that hangs up aborts the request, and nothing is logged", async () => {
  const began = later<void>();
  const aborted = later<string>();
  const url = await start(async ({ signal }) => {
    began.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    aborted.resolve("aborted");
    throw signal.reason;
  });
  const socket = open(url);
  await began.promise;
  socket.destroy();
  expect(await aborted.promise).toBe("aborted");
  expect(logged).not.toHaveBeenCalled();
});

test("an answered request is not aborted", async () => {
  let signal: AbortSignal | undefined;
  const url = await start((request) => {
    signal = request.signal;
    return new Response("done");
  });
  await exchange(url);
  expect(signal?.aborted).toBe(false);
});

test("a request that could hide a second one is refused [case 40]", async () => {
  const handler = vi.fn(async (request: Request) => new Response(await request.text()));
  const url = await start(handler);
  const smuggled = "5\r\nhello\r\n0\r\n\r\n";
  for (const fields of [
    [
      ["content-length", "5"],
      ["transfer-encoding", "chunked"],
    ],
    [
      ["content-length", "5"],
      ["content-length", "6"],
    ],
    [["transfer-encoding", "chunked, identity"]],
    [["transfer-encoding ", "chunked"]],
    [["content-length", "+5"]],
  ] as [string, string][][])
    expect(
      (
        await exchange(url, {
          method: "POST",
          fields: [...fields, ["x-body", smuggled.slice(0, 1)]],
        })
      ).status,
    ).toBe(400);
  for (const method of ["TRACE", "get", "G\0T"])
    expect((await exchange(url, { method })).status, method).toBe(400);
  expect(handler).not.toHaveBeenCalled();
});

test("fields of more than 16 KiB are refused [case 115]", async () => {
  const handler = vi.fn(() => new Response());
  const url = await start(handler);
  const fields = [["x-large", "a".repeat(16_384)]] as const;
  expect((await exchange(url, { fields })).status).toBe(431);
  expect(handler).not.toHaveBeenCalled();
});

test("closing lets an answer finish, and accepts no new request", async () => {
  const began = later<void>();
  const answer = later<void>();
  const { url, close } = await serve(async () => {
    began.resolve();
    await answer.promise;
    return new Response("done");
  });
  const asked = exchange(url);
  await began.promise;
  const closed = close();
  await expect(exchange(url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  answer.resolve();
  expect((await asked).body).toBe("done");
  await closed;
});

test("an address in use is an error at once", async () => {
  const url = await start(() => new Response());
  await expect(
    serve(() => new Response(), { port: Number(new URL(url).port) }),
  ).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

test("a server listens on IPv6, if the machine has it", async () => {
  const one = await serve(() => new Response("six"), { host: "::1" }).catch(
    (error: { code?: string }) => error,
  );
  if (!("url" in one)) return expect(one.code).toMatch(/EADDRNOTAVAIL|EAFNOSUPPORT/);
  expect(one.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await exchange(one.url)).body).toBe("six");
  await one.close();
});

test("connections without a request keep no request out, and close none that is under way [case 115]", async () => {
  const { promise: held, resolve: release } = later<void>();
  const one = await serve(
    async ({ url: asked }) => {
      if (asked.endsWith("/held")) await held;
      return new Response("served");
    },
    { maxConnections: 8 },
  );
  served.push(one);
  const slow = exchange(one.url, { target: "/held" });
  const { hostname, port } = new URL(one.url);
  const idle = Array.from({ length: 40 }, () => connect(Number(port), hostname));
  for (const socket of idle) {
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nx: ");
  }
  for (let at = 0; at < 5; at++)
    expect(await exchange(one.url, { target: `/${at}` })).toMatchObject({ body: "served" });
  release();
  expect(await slow).toMatchObject({ body: "served" });
  for (const socket of idle) socket.destroy();
});
