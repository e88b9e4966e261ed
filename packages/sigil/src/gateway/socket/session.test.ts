/** WebSockets through the gateway: `ws` and Node's own client, against a vendor that runs `ws`. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import type { Credential, Scope } from "l8nt";
import { parseAmount } from "l8nt/invoice";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket as Client, WebSocketServer } from "ws";
import { CERT, KEY } from "../../../../l8nt/src/wallets/fixtures/tls.ts";
import { ManualTimer } from "../fixtures/manual-timer.ts";
import { type TownOptions, town, VENDOR_KEY } from "../fixtures/town.ts";
import type { SocketRule } from "./rule.ts";

const RULE: SocketRule = {
  path: "/v1/realtime",
  capability: "realtime",
  perConnection: parseAmount("0.01 usd"),
  perMinute: parseAmount("0.06 usd")!,
  idleMs: 600_000,
  totalMs: 3_600_000,
};
const MICRO = { connection: 10_000n, minute: 60_000n };

/** A town whose vendor plays each WebSocket; by default it says back what it is told. */
async function world(
  play: (opened: Client, incoming: IncomingMessage) => void = (opened) =>
    opened.on("message", (data: Buffer) => opened.send(data.toString())),
  { rule = {}, ...options }: TownOptions & { readonly rule?: Partial<SocketRule> } = {},
) {
  const time = new ManualTimer();
  const made = await town({ sockets: [{ ...RULE, ...rule }], after: time.after, ...options });
  const server = new WebSocketServer({ noServer: true, handleProtocols: ([first]) => first! });
  const asked: IncomingMessage[] = [];
  const atVendor: Client[] = [];
  made.vendor.on("upgrade", (incoming, socket, head) => {
    asked.push(incoming);
    server.handleUpgrade(incoming, socket, head, (opened) => {
      atVendor.push(opened);
      opened.on("error", () => {});
      play(opened, incoming);
    });
  });
  onTestFinished(() => {
    for (const opened of atVendor) opened.terminate();
  });
  const at = made.url.replace("http", "ws");
  const open = async (key: Credential, path = "/v1/realtime?model=gpt-realtime") => {
    const headers = { authorization: `Bearer ${key.toKey()}` };
    const client = new Client(at + path, [], { headers });
    onTestFinished(() => client.terminate());
    const messages: string[] = [];
    client.on("message", (data: Buffer) => messages.push(data.toString()));
    await once(client, "open");
    return { client, messages, closed: closedOf(client) };
  };
  return { ...made, at, asked, atVendor, open, passed: (ms: number) => time.pass(ms) };
}

const closedOf = async (client: Client): Promise<readonly [number, string]> => {
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  return [code, reason.toString()];
};

/** The status and the body that a WebSocket is refused with. */
async function refused(client: Client): Promise<readonly [number, string]> {
  const [, answer] = (await once(client, "unexpected-response")) as [unknown, IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return [answer.statusCode!, Buffer.concat(parts).toString()];
}

const asking = (url: string, key: string | undefined, path = "/v1/realtime"): Client => {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return new Client(url.replace("http", "ws") + path, [], { headers }).on("error", () => {});
};

describe("a WebSocket", () => {
  test("carries messages both ways, with the vendor's key in place of the credential", async () => {
    const { open, asked, mint, rows, alarms } = await world();
    const key = mint();
    const { client, messages } = await open(key);
    client.send("hello");
    client.send("x".repeat(200_000));
    await vi.waitFor(() => expect(messages).toEqual(["hello", "x".repeat(200_000)]));
    const { rawHeaders, url } = asked[0]!;
    expect(url).toBe("/v1/realtime?model=gpt-realtime");
    expect(rawHeaders).toContain(`Bearer ${VENDOR_KEY}`);
    expect(rawHeaders.join()).not.toContain("sk-sigil");
    client.close();
    await once(client, "close");
    await vi.waitFor(() => expect(rows).toHaveLength(1));
    expect(rows[0]).toMatchObject({ status: 101, route: "/v1/realtime", capability: "realtime" });
    expect(alarms).toEqual([]);
  });

  test("shows stars for the vendor's key in its messages, which no extension compresses", async () => {
    const { at, asked, atVendor, mint } = await world(undefined);
    const headers = { authorization: `Bearer ${mint().toKey()}` };
    const client = new Client(`${at}/v1/realtime`, [], { headers, perMessageDeflate: true });
    onTestFinished(() => client.terminate());
    await once(client, "open");
    expect(asked[0]!.rawHeaders.join().toLowerCase()).not.toContain("extensions");
    expect(client.extensions).toBe("");
    const messages: string[] = [];
    client.on("message", (data: Buffer) => messages.push(data.toString()));
    const vendor = atVendor[0]!;
    vendor.send(`{"error":"bad key ${VENDOR_KEY}"}`);
    vendor.send(VENDOR_KEY.slice(0, 9), { fin: false });
    vendor.send(VENDOR_KEY.slice(9), { fin: true });
    vendor.send("sk-");
    vendor.close(1000, VENDOR_KEY);
    const [code, reason] = await closedOf(client);
    const stars = "*".repeat(VENDOR_KEY.length);
    expect(messages).toEqual([`{"error":"bad key ${stars}"}`, stars, "sk-"]);
    expect([code, reason]).toEqual([1000, stars]);
  });

  test("is closed when its vendor sends what cannot be looked through", async () => {
    const { open, mint, vendor, usage } = await world();
    vendor
      .removeAllListeners("upgrade")
      .on("upgrade", (incoming: IncomingMessage, socket: Socket) => {
        socket.on("error", () => {});
        const hash = createHash("sha1").update(
          `${incoming.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
        );
        socket.write(
          `HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${hash.digest("base64")}\r\n\r\n`,
        );
        setImmediate(() => socket.write(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x60, 0x61])));
      });
    const key = mint();
    const { closed, messages } = await open(key);
    expect(await closed).toEqual([1002, expect.stringContaining("Sigil")]);
    expect(messages).toEqual([]);
    await vi.waitFor(async () => expect(await usage(key)).toEqual([[70_000n, 0n]]));
  });

  test("takes the credential as OpenAI's subprotocol, which the vendor is not offered", async () => {
    const { at, asked, mint } = await world();
    const protocols = ["realtime", `openai-insecure-api-key.${mint().toKey()}`, "openai-beta.v1"];
    // Node's own client, and a library.
    const node = new WebSocket(`${at}/v1/realtime`, protocols);
    await once(node, "open");
    expect(node.protocol).toBe("realtime");
    const [said] = await Promise.all([once(node, "message"), node.send("hi")]);
    expect((said as [MessageEvent])[0].data).toBe("hi");
    node.close();
    const client = new Client(`${at}/v1/realtime`, protocols);
    await once(client, "open");
    expect(client.protocol).toBe("realtime");
    client.terminate();
    for (const { headers, rawHeaders } of asked) {
      expect(headers["sec-websocket-protocol"]).toBe("realtime, openai-beta.v1");
      expect(rawHeaders.join()).not.toContain("sk-sigil");
    }
  });

  test("is charged for the connection and each minute that has begun", async () => {
    const { open, mint, usage, passed, rows } = await world();
    const key = mint();
    const { client } = await open(key);
    expect(await usage(key)).toEqual([[70_000n, 70_000n]]);
    await passed(54_000);
    expect(await usage(key)).toEqual([[70_000n, 70_000n]]);
    // The second minute is reserved before it begins.
    await passed(2_000);
    await vi.waitFor(async () => expect(await usage(key)).toEqual([[130_000n, 130_000n]]));
    await passed(64_000);
    await vi.waitFor(async () => expect(await usage(key)).toEqual([[190_000n, 60_000n]]));
    client.close();
    await vi.waitFor(() => expect(rows).toHaveLength(1));
    expect(await usage(key)).toEqual([[190_000n, 0n]]);
    expect(rows[0]).toMatchObject({ spent: MICRO.connection + 3n * MICRO.minute });
  });

  test("that ends before a minute that was reserved ahead gives it back", async () => {
    const { open, mint, usage, passed, rows } = await world();
    const key = mint();
    const { client } = await open(key);
    await passed(56_000);
    await vi.waitFor(async () => expect(await usage(key)).toEqual([[130_000n, 130_000n]]));
    client.close();
    await vi.waitFor(() => expect(rows).toHaveLength(1));
    expect(await usage(key)).toEqual([[70_000n, 0n]]);
  });

  test.each<readonly [code: string, scope: Scope, minutesCounted: bigint]>([
    ["budget_exhausted", { budget: "0.0699 usd" }, 0n],
    ["budget_exhausted", { budget: "0.15 usd" }, 2n],
    ["budget_missing", { budget: "1000 sat" }, 0n],
    ["model_not_allowed", { budget: "1 usd", models: ["gpt-other"] }, 0n],
  ])(
    "that would end as %s under --shadow goes on and is written down: %o",
    async (code, scope, counted) => {
      const { open, mint, usage, passed, rows } = await world(undefined, { isShadow: true });
      const key = mint(scope);
      const { client, messages } = await open(key);
      await passed(190_000);
      client.send("still here");
      await vi.waitFor(() => expect(messages).toEqual(["still here"]));
      client.close();
      await vi.waitFor(() => expect(rows).toHaveLength(1));
      expect(rows[0]).toMatchObject({ status: 101, wouldDeny: code });
      expect(rows[0]).toMatchObject({ spent: MICRO.connection + 4n * MICRO.minute });
      const used = counted === 0n ? 0n : MICRO.connection + counted * MICRO.minute;
      // A budget in another unit has nothing to count.
      expect(await usage(key)).toEqual(code === "budget_missing" ? [] : [[used, 0n]]);
    },
  );

  test.each<readonly [status: number, scope: Scope]>([
    [403, { capabilities: { openai: ["embeddings"] } }],
    [403, { budget: "1000 sat", capabilities: { openai: ["embeddings"] } }],
    [403, { models: ["gpt-other"], capabilities: { openai: ["embeddings"] } }],
    [403, { expiresIn: "1s" }],
  ])("is denied under --shadow as ever: %d for %o", async (status, scope) => {
    const { at, mint, time } = await world(undefined, { isShadow: true });
    const key = mint(scope).toKey();
    time.now += 2;
    expect((await refused(asking(at.replace("ws", "http"), key)))[0]).toBe(status);
  });

  test("that no limit is enforced for is closed when its key ends", async () => {
    const { open, mint, passed, time } = await world(undefined, { isShadow: true });
    const { closed } = await open(mint({ budget: "0.01 usd", expiresIn: "90s" }));
    time.now += 100;
    await passed(60_000);
    expect((await closed)[0]).toBe(1008);
  });

  test("without budget for another minute is closed at its end, at the vendor too", async () => {
    const { open, mint, usage, passed, atVendor } = await world();
    const key = mint({ budget: "0.15 usd" });
    const { closed } = await open(key);
    const vendorClosed = once(atVendor[0]!, "close");
    await passed(119_000);
    await vi.waitFor(async () => expect(await usage(key)).toEqual([[130_000n, 60_000n]]));
    await passed(1_000);
    const [code, reason] = await closed;
    expect([code, reason]).toEqual([1008, expect.stringContaining("too little left")]);
    await vendorClosed;
    expect(await usage(key)).toEqual([[130_000n, 0n]]);
  });

  test("of a helper is closed when its key is revoked, and its parent's stays open", async () => {
    const { open, mint, service } = await world();
    const parent = mint();
    const child = parent.delegate({ agent: "scout" });
    const above = await open(parent);
    const below = await open(child);
    await service.paywall.revoke(service.paywall.authority.verifier.authenticate(child).node.id);
    expect(await below.closed).toEqual([1008, expect.stringContaining("revoked")]);
    above.client.send("still here");
    await vi.waitFor(() => expect(above.messages).toEqual(["still here"]));
  });

  test.each([
    ["that says nothing for long", 1_200_000, { perMinute: parseAmount("0 usd")! }],
    ["that is open for long", 1_000, { totalMs: 1_000 }],
  ])("%s is closed", async (_name, ms, rule) => {
    const { open, mint, passed } = await world(undefined, { rule });
    const { closed } = await open(mint());
    await passed(ms);
    expect(await closed).toEqual([1001, expect.stringContaining("long enough")]);
  });

  test("is closed when the gateway stops, and holds it up no longer", async () => {
    const { open, mint, close, rows } = await world();
    const { closed } = await open(mint());
    await close(60_000);
    expect(await closed).toEqual([1001, expect.stringContaining("stops")]);
    await vi.waitFor(() => expect(rows).toHaveLength(1));
  });

  test("gets its close frame behind the frame that was on its way", async () => {
    let vendor!: Socket;
    const { open, mint, service } = await world((opened) => {
      vendor = opened._socket as unknown as Socket;
    });
    const key = mint();
    const { client, messages, closed } = await open(key);
    const before = client._socket.bytesRead;
    const whole = Buffer.concat([Buffer.from([0x82, 126, 0x03, 0xe8]), Buffer.alloc(1000, "a")]);
    vendor.write(whole.subarray(0, 500));
    await vi.waitFor(() => expect(client._socket.bytesRead - before).toBe(500));
    await service.paywall.revoke(service.paywall.authority.verifier.authenticate(key).node.id);
    vendor.write(Buffer.concat([whole.subarray(500), whole]));
    expect(await closed).toEqual([1008, expect.stringContaining("revoked")]);
    expect(messages).toEqual(["a".repeat(1000)]);
  });

  test.each(["client", "vendor"])("whose %s reads nothing stops the other side", async (slow) => {
    const MANY = 48;
    const PART = Buffer.alloc(1024 * 1024, "x");
    let got = 0;
    const send = (opened: Client) => {
      for (let sent = 0; sent < MANY; sent++) opened.send(PART);
    };
    const { open, mint, atVendor } = await world((opened) => {
      if (slow === "vendor") {
        opened.pause();
        opened.on("message", (data: Buffer) => {
          got += data.length;
        });
      }
    });
    const { client } = await open(mint());
    const [fast, other] = slow === "client" ? [atVendor[0]!, client] : [client, atVendor[0]!];
    if (slow === "client") {
      client.pause();
      client.on("message", (data: Buffer) => {
        got += data.length;
      });
    }
    send(fast);
    // All that buffers of the system take, and no more of it moves.
    let before = -1;
    await vi.waitFor(
      () => {
        const now = fast.bufferedAmount;
        const isStill = now === before;
        before = now;
        expect(isStill).toBe(true);
      },
      { interval: 200, timeout: 10_000 },
    );
    expect(fast.bufferedAmount).toBeGreaterThan((MANY * PART.length) / 2);
    other.resume();
    await vi.waitFor(() => expect(got).toBe(MANY * PART.length), { timeout: 20_000 });
  });
});

test.each([400, 404, 500])("a vendor's %i instead of a WebSocket hides its key", async (status) => {
  const { vendor, url, mint } = await world();
  vendor.removeAllListeners("upgrade");
  vendor.on("upgrade", ({ headers }, socket: Socket) => {
    const body = `bad key ${headers.authorization}`;
    socket.end(
      `HTTP/1.1 ${status} No\r\nX-Why: ${body}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
  const client = asking(url, mint().toKey());
  const [, answer] = (await once(client, "unexpected-response")) as [unknown, IncomingMessage];
  let body = "";
  for await (const part of answer) body += part;
  expect([answer.statusCode, answer.headers["x-why"], body]).toEqual([
    status,
    `bad key Bearer ${"*".repeat(VENDOR_KEY.length)}`,
    `bad key Bearer ${"*".repeat(VENDOR_KEY.length)}`,
  ]);
});

test("a WebSocket over TLS is carried as any other one", async () => {
  const { at, mint, asked } = await world(undefined, { tls: { cert: CERT, key: KEY } });
  const headers = { authorization: `Bearer ${mint().toKey()}` };
  expect(at).toMatch(/^wss:/);
  const client = new Client(`${at}/v1/realtime`, [], { headers, ca: CERT });
  await once(client, "open");
  const said = once(client, "message");
  client.send("hello");
  expect(String((await said)[0])).toBe("hello");
  client.close();
  await once(client, "close");
  expect(asked).toHaveLength(1);
});

describe("a WebSocket whose query names its model", () => {
  const named = { rule: { model: "query" } } as const;

  test("opens for a key of that model, and is written down with it", async () => {
    const { open, mint, asked, rows } = await world(undefined, named);
    const { client } = await open(
      mint({ models: ["gpt-realtime*"] }),
      "/v1/realtime?a=1&model=gpt-realtime-2",
    );
    expect(asked[0]!.url).toBe("/v1/realtime?a=1&model=gpt-realtime-2");
    client.close();
    await vi.waitFor(() => expect(rows).toHaveLength(1));
    expect(rows[0]).toMatchObject({ model: "gpt-realtime-2" });
  });

  test.each([
    ["no model", "", 403],
    ["another model", "?model=gpt-test", 403],
    ["a model twice", "?model=gpt-realtime&model=gpt-realtime", 400],
    ["two models", "?model=gpt-realtime&model=gpt-test", 400],
    ["a second model behind a semicolon", "?model=gpt-realtime;model=gpt-test", 400],
    ["a model behind a semicolon", "?a=1;model=gpt-realtime", 400],
    ["a list of models", "?model=gpt-realtime&model[]=gpt-test", 400],
    ["a model in another case", "?model=gpt-realtime&MODEL=gpt-test", 400],
    ["an encoded name", "?mod%65l=gpt-realtime", 400],
    ["an encoded second name", "?model=gpt-realtime&%6dodel=gpt-test", 400],
    ["a name with a space", "?model=gpt-realtime&model+=gpt-test", 400],
    ["an empty model", "?model=", 400],
    ["a model that is no name", "?model=gpt-realtime%0d%0aa", 400],
  ])("is refused with %s to a key of one model", async (_name, query, status) => {
    const { url, mint, asked } = await world(undefined, named);
    const key = mint({ models: ["gpt-realtime"] }).toKey();
    const [given] = await refused(asking(url, key, `/v1/realtime${query}`));
    expect([given, asked]).toEqual([status, []]);
  });

  test("opens without a model for a key that names none", async () => {
    const { open, mint, asked } = await world(undefined, named);
    await open(mint(), "/v1/realtime?model_version=2");
    expect(asked).toHaveLength(1);
  });
});

test("a client that leaves while the vendor opens pays only if the vendor was asked", async () => {
  // One connection to the vendor: the second request waits behind the first one.
  const { url, mint, usage, vendor, rows } = await world(undefined, { pool: 1 });
  const opening = new Promise((resolve) => {
    vendor.removeAllListeners("upgrade").on("upgrade", resolve);
  });
  const [first, second] = [mint(), mint()];
  const clients = [asking(url, first.toKey())];
  await opening;
  clients.push(asking(url, second.toKey()));
  await vi.waitFor(async () => expect(await usage(second)).toEqual([[70_000n, 70_000n]]));
  clients[1]!.terminate();
  await vi.waitFor(() => expect(rows).toHaveLength(1));
  expect(rows[0]).toMatchObject({ end: "gone", spent: 0n, isEstimated: false });
  expect(await usage(second)).toEqual([[0n, 0n]]);
  clients[0]!.terminate();
  await vi.waitFor(() => expect(rows).toHaveLength(2));
  expect(rows[1]).toMatchObject({ end: "gone", spent: 70_000n, isEstimated: true });
  expect(await usage(first)).toEqual([[70_000n, 0n]]);
});

test("a client that leaves while it waits for its turn reserves nothing, and frees its place", async () => {
  const { url, open, mint, usage, rows, denials, asked, service } = await world(undefined, {
    connections: 4,
  });
  const key = mint();
  for (let at = 0; at < 3; at++) await open(key);
  const taken = vi.spyOn(service.slots, "take");
  const waiting = asking(url, key.toKey());
  await vi.waitFor(() => expect(taken).toHaveBeenCalled());
  waiting.terminate();
  await vi.waitFor(() => expect(denials).toHaveLength(1));
  expect([rows, asked.length]).toEqual([[], 3]);
  expect(await usage(key)).toEqual([[210_000n, 210_000n]]);
});

describe("a request for a WebSocket is refused", () => {
  test.each([
    ["without a credential", 401, undefined, "/v1/realtime"],
    ["with the vendor's own key", 401, "sk-not-of-ours", "/v1/realtime"],
  ])("%s", async (_name, status, key, path) => {
    const { url, asked } = await world();
    expect(await refused(asking(url, key, path))).toEqual([
      status,
      expect.stringContaining("Sigil"),
    ]);
    expect(asked).toEqual([]);
  });

  test.each<[string, number, string, Parameters<Awaited<ReturnType<typeof world>>["mint"]>[0]]>([
    ["at a path that is not listed", 403, "/v1/models", {}],
    ["at a path that only another request is listed for", 403, "/v1/chat/completions", {}],
    ["with too little left", 402, "/v1/realtime", { budget: "0.0699 usd" }],
    ["with a budget in another unit", 402, "/v1/realtime", { budget: "1000 sat" }],
    ["with a key for other models", 403, "/v1/realtime", { models: ["gpt-test"] }],
    [
      "with a key for other capabilities",
      403,
      "/v1/realtime",
      { capabilities: { openai: ["chat"] } },
    ],
  ])("%s", async (_name, status, path, scope) => {
    const { url, asked, mint, denials } = await world();
    const [given, body] = await refused(asking(url, mint(scope).toKey(), path));
    expect([given, body]).toEqual([status, expect.stringContaining("Sigil")]);
    expect([asked, denials.length]).toEqual([[], 1]);
  });

  test("with the credential where it would reach the vendor", async () => {
    const { url, asked, mint } = await world();
    const key = mint().toKey();
    const [status, body] = await refused(asking(url, key, `/v1/realtime?key=${key}`));
    expect([status, body]).toEqual([400, expect.stringContaining("the query has an API key")]);
    expect(asked).toEqual([]);
  });

  test.each([
    [403, 502, "refused the key"],
    [404, 404, "no such session"],
  ])("by a vendor with %i, and costs nothing", async (given, status, text) => {
    const { url, mint, usage, vendor, rows } = await world();
    vendor.removeAllListeners("upgrade").on("upgrade", (_incoming, socket) => {
      const body = "no such session of sk-vendor";
      socket.end(`HTTP/1.1 ${given} No\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    const key = mint();
    const [seen, body] = await refused(asking(url, key.toKey()));
    expect([seen, body]).toEqual([status, expect.stringContaining(text)]);
    await vi.waitFor(() => expect(rows).toHaveLength(1));
    expect(await usage(key)).toEqual([[0n, 0n]]);
  });

  test.each([
    [
      "an extension that nobody asked for",
      "101 Go",
      "Sec-WebSocket-Extensions: permessage-deflate",
    ],
    ["a refusal in a coding that nobody asked for", "400 No", "Content-Encoding: gzip"],
  ])("by a vendor with %s, and costs nothing", async (_what, status, field) => {
    const { url, mint, usage, vendor } = await world();
    vendor.removeAllListeners("upgrade").on("upgrade", (_incoming, socket: Socket) => {
      socket.on("error", () => {});
      const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\n${field}\r\n\r\n`;
      socket.write(`HTTP/1.1 ${status}\r\n${fields}`);
    });
    const key = mint();
    const seen = await refused(asking(url, key.toKey()));
    expect(seen).toEqual([502, expect.stringContaining("Sigil")]);
    expect(await usage(key)).toEqual([[0n, 0n]]);
  });

  test("by a vendor that is gone, and costs nothing", async () => {
    const { url, mint, usage, vendor } = await world();
    vendor.removeAllListeners("upgrade").on("upgrade", (_incoming, socket) => socket.destroy());
    const key = mint();
    expect(await refused(asking(url, key.toKey()))).toEqual([
      502,
      expect.stringContaining("Sigil"),
    ]);
    expect(await usage(key)).toEqual([[0n, 0n]]);
  });

  test("with a body, which would be read as a part of the WebSocket", async () => {
    const { url, asked, mint } = await world();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      `GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\nAuthorization: Bearer ${mint().toKey()}\r\n\r\nabc`,
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    expect(asked).toEqual([]);
  });
});

test("a request that asks for HTTP/2 is served without", async () => {
  const { url, mint } = await world();
  const body = JSON.stringify({ model: "gpt-test", max_tokens: 9, messages: [] });
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: ${body.length}\r\nAuthorization: Bearer ${mint().toKey()}\r\n\r\n${body}`,
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
});
