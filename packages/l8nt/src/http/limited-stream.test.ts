/**
 * A relay is a whole request path: what streams, streams; what is too much or too long ends, at
 * both ends. [case 79]
 */
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import {
  ask402,
  challenger,
  failure,
  gate,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { limited } from "./limited-stream.ts";

/** Paid for once, then answers as told; a service that enforces nothing, so that it is relayed. */
async function relayedSite(world: Town, answer: (response: ServerResponse) => void) {
  return site(async (request, response, url) => {
    if (request.headers.authorization === undefined)
      ask402(response, await challenger(world, url).demand({ enforced: undefined }));
    else answer(response);
  });
}

const text = new TextDecoder();

describe("through the treasury's HTTP API", () => {
  test("a part arrives before the next one is made", async () => {
    const world = await town();
    const next = gate();
    const shop = await relayedSite(world, async (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: one\n\n");
      await next.opened;
      response.end("data: two\n\n");
    });
    const response = await world.connect(world.mint()).get(`${shop.url}/events`);
    const reader = response.body!.getReader();
    expect(text.decode((await reader.read()).value)).toBe("data: one\n\n");
    next.open();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read())
      rest += text.decode(part.value);
    expect(rest).toBe("data: two\n\n");
  });

  test("an agent that goes away inside a large answer ends the request at the service", async () => {
    const world = await town();
    const gone = gate();
    const shop = await relayedSite(world, (response) => {
      response.writeHead(200).write("x".repeat(200_000));
      response.once("close", gone.open);
    });
    const response = await world.connect(world.mint()).get(`${shop.url}/endless`);
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await gone.opened;
    expect(world.paid().count).toBe(1);
  });

  test("an answer that its agent did not wait for is kept for the same order, which pays and asks once [case 82]", async () => {
    const world = await town();
    const [asked, go] = [gate(), gate()];
    let served = 0;
    const shop = await relayedSite(world, async (response) => {
      served++;
      asked.open();
      await go.opened;
      response.end("served");
    });
    const credential = world.mint().toString();
    const abort = new AbortController();
    const id = crypto.randomUUID();
    const body = JSON.stringify({ id, method: "GET", url: `${shop.url}/slow`, headers: [] });
    const order = (signal?: AbortSignal) =>
      fetch(`${world.treasury.location}/v1/purchases`, {
        method: "POST",
        headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
        body,
        ...(signal && { signal }),
      });
    const first = order(abort.signal);
    await asked.opened;
    abort.abort();
    await failure(first);
    // It waits for the first pass, and the service answers that one.
    const second = order();
    go.open();
    expect(await (await second).text()).toBe("served");
    expect((await second).headers.get("sigil-payment")).toContain("msat 10000");
    expect(served).toBe(1);
    expect(world.paid().count).toBe(1);
  });

  test("more than the cap ends it: the agent is told by a broken body, never by a whole one", async () => {
    const world = await town({ maxRelayBytes: 100_000 });
    const gone = gate();
    const shop = await relayedSite(world, (response) => {
      response.writeHead(200);
      response.once("close", gone.open);
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const response = await world.connect(world.mint()).get(`${shop.url}/flood`);
    await failure(response.text());
    await gone.opened;
  });

  test("the length that a service says is said to the agent, and an answer that falls short of it is broken", async () => {
    const world = await town();
    const bytes = 300_000;
    const shop = await relayedSite(world, (response) => {
      response.writeHead(200, { "content-length": bytes });
      if (response.req.url === "/whole") response.end("x".repeat(bytes));
      else response.write("x".repeat(bytes - 1), () => response.destroy());
    });
    const client = world.connect(world.mint());
    const whole = await client.get(`${shop.url}/whole`);
    expect(whole.headers.get("content-length")).toBe(String(bytes));
    expect((await whole.text()).length).toBe(bytes);
    const short = await client.get(`${shop.url}/short`);
    expect(short.headers.get("content-length")).toBe(String(bytes));
    await failure(short.text());
  });

  test("a bomb counts by what it unpacks to", async () => {
    const world = await town({ maxRelayBytes: 100_000 });
    const shop = await relayedSite(world, (response) => {
      response
        .writeHead(200, { "content-encoding": "gzip" })
        .end(gzipSync(Buffer.alloc(10_000_000)));
    });
    const response = await world.connect(world.mint()).get(`${shop.url}/bomb`);
    await failure(response.text());
  });

  test("a challenge's own body is not read: it may never end", async () => {
    const world = await town();
    const shop = await site(async (request, response, url) => {
      if (request.headers.authorization !== undefined) return void response.end("served");
      const challenge = await challenger(world, url).demand({ enforced: undefined });
      const { Challenge } = await import("../l402/index.ts");
      response.sendDate = false;
      response
        .writeHead(402, { "www-authenticate": [...Challenge.format(challenge)] })
        .write("and so on");
    });
    expect(await (await world.connect(world.mint()).get(`${shop.url}/a`)).text()).toBe("served");
  });
});

describe("a body that is limited", () => {
  const never = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({ pull: () => new Promise(() => {}) });
  const parts = (...list: readonly number[]) =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        for (const bytes of list) controller.enqueue(new Uint8Array(bytes));
        controller.close();
      },
    });
  const wide = { maxBytes: 1000, idleSeconds: 3600, totalSeconds: 3600 };
  const read = (body: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(body).arrayBuffer();

  test("passes up to its size, and not a byte more", async () => {
    expect((await read(limited(parts(600, 400), wide, () => {}))).byteLength).toBe(1000);
    let aborted = 0;
    expect(await failure(read(limited(parts(600, 401), wide, () => void aborted++)))).toMatchObject(
      {
        code: "ERR_TOO_LARGE",
      },
    );
    expect(aborted).toBe(1);
  });

  test.each([
    ["idle", { ...wide, idleSeconds: 0 }],
    ["in all", { ...wide, totalSeconds: 0 }],
  ])("ends a service that is too slow: %s", async (_, limits) => {
    let aborted = 0;
    expect(await failure(read(limited(never(), limits, () => void aborted++)))).toMatchObject({
      code: "ERR_SERVICE_UNREACHABLE",
    });
    expect(aborted).toBe(1);
  });
});
