/**
 * A body that comes by and by is sent as it comes, and again after a 402. spec/4-purchase.md §2.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { failure, gate, town } from "../testing/fixtures/town.ts";
import { StreamedBody } from "./streamed-body.ts";

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A stream of two parts, whose second one waits. */
function twoParts() {
  const { opened, open } = gate();
  let isFirst = true;
  const cancelled = vi.fn();
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        if (isFirst) {
          isFirst = false;
          return controller.enqueue(bytes("first "));
        }
        await opened;
        controller.enqueue(bytes("second"));
        controller.close();
      },
      cancel: cancelled,
    },
    { highWaterMark: 0 },
  );
  return { stream, open, cancelled };
}

/** A free service, and what arrived there so far. */
async function listening() {
  let arrived = "";
  const headers: unknown[] = [];
  const server = createServer(async (request, response) => {
    headers.push(request.headers);
    for await (const part of request) arrived += part;
    response.end(arrived);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, arrived: () => arrived, headers };
}

const posted = (body: ReadableStream): RequestInit =>
  ({ method: "POST", body, duplex: "half" }) as RequestInit;

describe("the first part of a stream arrives before the last one is there", () => {
  test.each(["given in init", "given in a Request"])("%s", async (name) => {
    const world = await town();
    const free = await listening();
    const { stream, open } = twoParts();
    const init = posted(stream);
    const client = world.connect(world.mint());
    const asking =
      name === "given in init"
        ? client.fetch(free.url, init)
        : client.fetch(new Request(free.url, init));
    await vi.waitFor(() => expect(free.arrived()).toBe("first "));
    open();
    expect(await (await asking).text()).toBe("first second");
  });
});

describe.each([
  ["handed over", {}],
  ["relayed", { maxUses: 1000 }],
])("what was kept is sent again after a 402: %s", (_, scope) => {
  test("although the stream had not ended when the 402 came", async () => {
    const world = await town();
    const shop = await world.openShop();
    const { stream, open } = twoParts();
    const asking = world.connect(world.mint(scope)).fetch(`${shop.url}/a`, posted(stream));
    await vi.waitFor(() => expect(shop.received).not.toHaveLength(0));
    open();
    expect((await asking).status).toBe(200);
    expect(shop.served.map(({ body }) => body)).toEqual(["first second"]);
    expect(world.paid().count).toBe(1);
  });

  test("an abort ends the wait for the rest, cancels the stream, and pays nothing", async () => {
    const world = await town();
    const shop = await world.openShop();
    const { stream, cancelled } = twoParts();
    const abort = new AbortController();
    const asking = world
      .connect(world.mint(scope))
      .fetch(`${shop.url}/a`, { ...posted(stream), signal: abort.signal });
    await vi.waitFor(() => expect(shop.received).not.toHaveLength(0));
    abort.abort();
    expect((await failure(asking)).name).toBe("AbortError");
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalled());
    expect(world.paid().count).toBe(0);
  });
});

test("a stream goes out with a pass that was handed over, part by part", async () => {
  const world = await town();
  const shop = await world.openShop(PASS);
  const client = world.connect(world.mint());
  await client.get(`${shop.url}/a`);
  let sends = 0;
  const first = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      sends++;
      controller.enqueue(bytes("part"));
      if (sends === 3) controller.close();
    },
  });
  const asked = shop.received.length;
  expect((await client.fetch(`${shop.url}/a`, posted(first))).status).toBe(200);
  expect(shop.received).toHaveLength(asked + 1);
  expect(shop.received.at(-1)!.headers["transfer-encoding"]).toBe("chunked");
  expect(shop.served.at(-1)!.body).toBe("partpartpart");
  expect(world.paid().count).toBe(1);
});

test("a body that is in memory is sent with its length, also inside of a Request", async () => {
  const world = await town();
  const client = world.connect(world.mint());
  const form = new FormData();
  form.set("a", new Blob(["file"]), "f.txt");
  const bodies = ["text", bytes("bytes"), new URLSearchParams({ a: "1" }), form, new Blob(["b"])];
  for (const body of bodies)
    for (const asked of ["in init", "in a Request"]) {
      const free = await listening();
      const init = { method: "POST", body };
      const input = asked === "in init" ? [free.url, init] : [new Request(free.url, init)];
      await client.fetch(...(input as [string]));
      const [headers] = free.headers as Record<string, string>[];
      expect([asked, headers!["transfer-encoding"]]).toEqual([asked, undefined]);
      expect(headers!["content-length"]).toBe(String(free.arrived().length));
    }
});

describe("a streamed body", () => {
  const of = (parts: readonly string[], max = 10) =>
    new StreamedBody(
      new ReadableStream<Uint8Array<ArrayBuffer>>({
        start(controller) {
          for (const part of parts) controller.enqueue(bytes(part));
          controller.close();
        },
      }),
      max,
    );
  const textOf = async (stream: ReadableStream | undefined) => new Response(stream).text();

  test("is whole after it was sent, before that, and meanwhile", async () => {
    const sent = of(["ab", "cd"]);
    expect(await textOf(sent.take())).toBe("abcd");
    expect(new TextDecoder().decode(await sent.whole())).toBe("abcd");
    expect(sent.take()).toBeUndefined();
    const first = of(["ab", "cd"]);
    await first.whole();
    expect(await textOf(first.take())).toBe("abcd");
    const both = of(["ab", "cd"]);
    const [text, whole] = await Promise.all([textOf(both.take()), both.whole()]);
    expect([text, new TextDecoder().decode(whole)]).toEqual(["abcd", "abcd"]);
  });

  test("of more than the limit is never whole, and is sent once, with all that was read", async () => {
    for (const before of [true, false]) {
      const large = of(["abcd", "efgh", "ijkl", "mnop"]);
      if (before) expect(await large.whole()).toBeUndefined();
      expect(await textOf(large.take())).toBe("abcdefghijklmnop");
      expect(await large.whole()).toBeUndefined();
    }
  });

  test("that fails, fails where it is read", async () => {
    const broken = () =>
      new StreamedBody(
        new ReadableStream<Uint8Array<ArrayBuffer>>({
          pull(controller) {
            controller.error(new Error("the disk is gone"));
          },
        }),
        10,
      );
    expect((await failure(broken().whole())).message).toBe("the disk is gone");
    expect((await failure(textOf(broken().take()))).message).toBe("the disk is gone");
  });
});
