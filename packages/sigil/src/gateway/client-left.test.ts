/** Clients that leave: each way of HTTP/1.1 and HTTP/2, at each point of a request. */
import { once } from "node:events";
import type { Server } from "node:http";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Credential } from "l8nt";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { CERT, KEY } from "../../../l8nt/src/wallets/fixtures/tls.ts";
import { answers, completion, type Play, type Town, town } from "./fixtures/town.ts";
import type { Rule } from "./routes.ts";

const TLS = { cert: CERT, key: KEY };
const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR } = constants;

interface Asking {
  readonly path: string;
  readonly authorization: string;
  readonly body: string;
  /** Whether all of the body is sent. */
  readonly isWhole: boolean;
  readonly method: string;
}

/** A request on its way, and how its client leaves. */
interface Client {
  leave(): unknown;
  /** Resolves when the first bytes of an answer are there. */
  readonly answered: Promise<unknown>;
}

type Way = (url: string, asking: Asking) => Client;

const first = (connection: (url: string) => Socket, leave: (socket: Socket) => unknown): Way => {
  return (url, { path, authorization, body, isWhole, method }) => {
    const socket = connection(url).on("error", () => {});
    onTestFinished(() => void socket.destroy());
    const length = `Content-Length: ${Buffer.byteLength(body) + (isWhole ? 0 : 10)}\r\n`;
    const head = `Host: x\r\nAuthorization: ${authorization}\r\n`;
    socket.write(`${method} ${path} HTTP/1.1\r\n${head}${length}\r\n${body}`);
    return { leave: () => leave(socket), answered: once(socket, "data") };
  };
};

const tcp = (url: string): Socket => connectTcp(Number(new URL(url).port), "127.0.0.1");
const tls = (url: string, ALPNProtocols?: string[]): TLSSocket =>
  connectTls({
    ...(ALPNProtocols && { ALPNProtocols }),
    port: Number(new URL(url).port),
    host: "127.0.0.1",
    ca: CERT,
    servername: "localhost",
  });

const second = (leave: (session: ClientHttp2Session, socket: TLSSocket) => unknown): Way => {
  return (url, { path, authorization, body, isWhole, method }) => {
    const socket = tls(url, ["h2"]).on("error", () => {});
    const session = connect(url, { createConnection: () => duplexOf(socket) });
    session.on("error", () => {});
    onTestFinished(() => void socket.destroy());
    const isEmpty = body === "";
    const stream = session.request(
      { ":method": method, ":path": path, authorization },
      { endStream: isEmpty },
    );
    stream.on("error", () => {});
    if (!isEmpty) stream[isWhole ? "end" : "write"](body);
    return { leave: () => leave(session, socket), answered: once(stream, "data").catch(() => {}) };
  };
};

/** So that a frame of the test's own can follow those of the session. */
const duplexOf = (socket: TLSSocket): Duplex => Duplex.from({ readable: socket, writable: socket });

/** RFC 9113 §6.4, of the first stream. Node's client ends a body before it resets its stream. */
const reset = (code: number) =>
  second((_session, socket) =>
    socket.write(Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, code])),
  );

const WAYS: readonly (readonly [string, Way, typeof TLS | undefined])[] = [
  ["HTTP/1.1: its connection closes", first(tcp, (socket) => socket.destroy()), undefined],
  [
    "HTTP/1.1: its connection is reset",
    first(tcp, (socket) => socket.resetAndDestroy()),
    undefined,
  ],
  ["HTTP/1.1: it sends nothing more", first(tcp, (socket) => socket.end()), undefined],
  [
    "HTTP/1.1 over TLS: its connection closes",
    first(
      (url) => tls(url),
      (socket) => socket.destroy(),
    ),
    TLS,
  ],
  [
    "HTTP/1.1 over TLS: it sends nothing more",
    first(
      (url) => tls(url),
      (socket) => socket.end(),
    ),
    TLS,
  ],
  ["HTTP/2: the stream is cancelled", reset(NGHTTP2_CANCEL), TLS],
  ["HTTP/2: the stream is reset without an error", reset(NGHTTP2_NO_ERROR), TLS],
  ["HTTP/2: the stream is reset with an error", reset(NGHTTP2_INTERNAL_ERROR), TLS],
  ["HTTP/2: its connection closes", second((_session, socket) => socket.destroy()), TLS],
  ["HTTP/2: its connection sends nothing more", second((_session, socket) => socket.end()), TLS],
  ["HTTP/2: the session is destroyed", second((session) => session.destroy()), TLS],
  [
    "HTTP/2: the session goes away with an error",
    second((session) => session.goaway(NGHTTP2_INTERNAL_ERROR)),
    TLS,
  ],
];

const CHAT = JSON.stringify({
  model: "gpt-test",
  max_tokens: 100,
  stream: true,
  messages: [{ role: "user", content: "hi" }],
});

/** What the vendor does, and what is asked for there. */
interface Point {
  readonly path?: string;
  readonly method?: string;
  readonly play: Play;
  readonly isWhole?: boolean;
  /** Whether the vendor is asked at all, and when the client leaves. */
  readonly until: "asked" | "answered" | "waiting" | "reading" | "sending";
}

const hangs: Play = () => {};
const drips: Play = (_request, answer) => {
  answer.writeHead(200, { "content-type": "text/event-stream" });
  answer.write('data: {"choices":[]}\n\n');
};
const POINTS: readonly (readonly [string, Point])[] = [
  ["before the head of its answer", { play: hangs, until: "asked" }],
  ["in the stream", { play: drips, until: "answered" }],
  ["while it waits for a slot", { play: hangs, until: "waiting" }],
  ["while its body is read", { play: hangs, isWhole: false, until: "reading" }],
  [
    "while its body goes out unread",
    { path: "/own", isWhole: false, play: hangs, until: "sending" },
  ],
  [
    "before the head of an answer to HEAD",
    { path: "/own", method: "HEAD", play: hangs, until: "asked" },
  ],
];

/** A route whose bodies no meter reads. */
const OWN: Rule = {
  methods: undefined,
  path: "/own",
  access: "credential",
  price: "free",
  capability: "call",
  isKeyed: true,
  freePerDay: undefined,
};

const CASES = WAYS.flatMap(([way, leave, secured]) =>
  POINTS.map(([when, point]) => [way, when, leave, point, secured] as const),
);

/** What reached the vendor, and whether its client is still there. */
function watched({ vendor }: Town) {
  const log = { asked: 0, under: 0, whole: 0 };
  (vendor as Server).prependListener("request", (incoming, answer) => {
    log.asked++;
    log.under++;
    incoming.once("end", () => log.whole++);
    answer.once("close", () => log.under--);
  });
  return log;
}

const CONNECTIONS = 4;
/** All connections, each for another holder. */
const taken = ({ service }: Town) =>
  [...Array(CONNECTIONS).keys()].map((holder) => service.slots.take(`holder ${holder}`));

describe("a client that leaves is noticed", () => {
  test.each(CASES)("%s %s", async (_way, _when, leave, point, secured) => {
    const { path = "/v1/chat/completions", method = "POST", play, isWhole = true, until } = point;
    const world = await town({
      play,
      connections: CONNECTIONS,
      rules: [OWN, { ...OWN, path: "/**", price: undefined, capability: undefined }],
      ...(secured && { tls: secured }),
    });
    const log = watched(world);
    const key = world.mint();
    const others = until === "waiting" ? taken(world) : [];
    const take = vi.spyOn(world.service.slots, "take");
    const body = method === "HEAD" ? "" : isWhole ? CHAT : CHAT.slice(0, 20);
    const client = leave(world.url, {
      path,
      method,
      body,
      isWhole,
      authorization: `Bearer ${key.toKey()}`,
    });
    if (until === "answered") await client.answered;
    else if (until === "reading") await expect.poll(() => world.bodies.held).toBeGreaterThan(0);
    else if (until === "waiting")
      await expect.poll(() => take.mock.results[0]?.value.free !== undefined).toBe(true);
    else await expect.poll(() => log.asked).toBe(1);
    await client.leave();
    const isAsked = until !== "waiting" && until !== "reading";
    // No request of the services before is left, as after a SIGHUP.
    await world.replaced();
    for (const slot of others) slot.release();
    await expect.poll(() => log.under).toBe(0);
    expect(log).toEqual({
      asked: isAsked ? 1 : 0,
      under: 0,
      whole: until === "sending" ? 0 : log.asked,
    });
    expect((await world.usage(key))[0]![1]).toBe(0n);
    expect(world.bodies.held).toBe(0);
    // All slots are free.
    expect(taken(world).map(({ free }) => free)).toEqual(Array(CONNECTIONS).fill(undefined));
    if (until !== "reading") expect(world.rows).toMatchObject([{ end: "gone" }]);
  });
});

const asking = (key: Credential, path = "/v1/chat/completions"): Asking => ({
  path,
  authorization: `Bearer ${key.toKey()}`,
  body: CHAT,
  isWhole: true,
  method: "POST",
});

test("a client that leaves is noticed by each request that it sent on one connection", async () => {
  const COUNT = 12;
  const warned = vi.spyOn(process, "emitWarning");
  onTestFinished(() => warned.mockRestore());
  const world = await town({ play: hangs });
  const log = watched(world);
  const key = world.mint();
  const socket = tcp(world.url).on("error", () => {});
  const { authorization, body } = asking(key);
  const head = `Host: x\r\nAuthorization: ${authorization}\r\nContent-Length: ${body.length}\r\n`;
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${head}\r\n${body}`.repeat(COUNT));
  await expect.poll(() => log.asked).toBe(COUNT);
  socket.destroy();
  await world.replaced();
  expect(world.rows.map(({ end }) => end)).toEqual(Array(COUNT).fill("gone"));
  expect(warned).not.toHaveBeenCalled();
  await expect.poll(() => log.under).toBe(0);
});

describe("a client of HTTP/2 is still there", () => {
  test.each<[string, (session: ClientHttp2Session) => unknown]>([
    ["goes away once it has its answers", (session) => session.close()],
    [
      "gives up another request",
      (session) => session.request({ ":path": "/" }).close(NGHTTP2_CANCEL),
    ],
  ])("that %s", async (_what, act) => {
    const answering: (() => void)[] = [];
    const world = await town({
      tls: TLS,
      play: (request, answer) =>
        answering.push(() => answers(completion(10, 20))(request, answer, undefined!)),
    });
    const session = connect(world.url, { ca: CERT });
    onTestFinished(() => session.destroy());
    const { authorization, body, path, method } = asking(world.mint());
    const stream = session.request({ ":method": method, ":path": path, authorization });
    stream.end(body);
    await expect.poll(() => answering.length).toBe(1);
    act(session);
    // What follows on the connection is there once this has its answer.
    if (!session.closed) await new Promise<void>((resolve) => session.ping(() => resolve()));
    answering[0]!();
    let text = "";
    for await (const part of stream) text += part;
    expect(text).toBe(completion(10, 20));
    expect(world.rows.at(-1)).toMatchObject({ end: "answered", spent: 210n });
  });
});

test("an answer that breaks off does not end quietly over HTTP/2", async () => {
  const world = await town({
    tls: TLS,
    play: async (_request, answer, incoming) => {
      drips(_request, answer, incoming);
      await asked;
      answer.destroy();
    },
  });
  const { authorization, body, path, method } = asking(world.mint());
  const session = connect(world.url, { ca: CERT });
  onTestFinished(() => session.destroy());
  const stream = session.request({ ":method": method, ":path": path, authorization });
  stream.end(body);
  const asked = once(stream, "data");
  await expect(once(stream, "end")).rejects.toThrow("NGHTTP2_INTERNAL_ERROR");
});
