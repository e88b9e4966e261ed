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

/** The first call loads modules, which may take seconds on a busy machine. */
const soon = (check: () => void) => vi.waitFor(check, { timeout: 30_000 });

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
    await soon(() => expect(free.arrived()).toBe("first "));
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
    await soon(() => expect(shop.received).not.toHaveLength(0));
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
    await soon(() => expect(shop.received).not.toHaveLength(0));
    abort.abort();
    expect((await failure(asking)).name).toBe("AbortError");
    await soon(() => expect(cancelled).toHaveBeenCalled());
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

const SMALL = 4;
const LARGE = 3 * 1024 * 1024;

describe.each([
  ["small", SMALL],
  ["large", LARGE],
])("a %s body that fetch sends with its length is sent with the same, and whole", (_, size) => {
  const text = "x".repeat(size);
  const form = new FormData();
  form.set("a", new Blob([text]), "f.txt");
  const fields = new FormData();
  fields.set("a", text);
  test.each<[string, BodyInit]>([
    ["text", text],
    ["a typed array", bytes(text)],
    ["an ArrayBuffer", bytes(text).buffer],
    ["a Blob", new Blob([text])],
    ["a query", new URLSearchParams({ a: text })],
    ["a form with a file", form],
    ["a form with a field", fields],
  ])("%s", async (_kind, body) => {
    const world = await town();
    const client = world.connect(world.mint());
    const init = { method: "POST", body };
    const sentBy = async (send: (url: string) => Promise<Response>) => {
      const free = await listening();
      const answer = await (await send(free.url)).text();
      const [headers] = free.headers as Record<string, string>[];
      expect(answer).toHaveLength(Number(headers!["content-length"]));
      // A boundary is random, and has the same length each time.
      const type = headers!["content-type"]?.replace(/boundary=.*/, "boundary");
      return [headers!["content-length"], headers!["transfer-encoding"], type, answer.at(-1)];
    };
    const expected = await sentBy((url) => fetch(url, init));
    expect(expected[1]).toBeUndefined();
    expect(await sentBy((url) => client.fetch(url, init))).toEqual(expected);
    expect(await sentBy((url) => client.fetch(new Request(url, init)))).toEqual(expected);
  });
});

test("a large form is sent to a fetch that takes no Request of this runtime", async () => {
  const world = await town();
  const free = await listening();
  const given: unknown[] = [];
  const client = world.connect(world.mint(), {
    fetch: (input, init) => {
      given.push(input instanceof Request);
      return fetch(input, init);
    },
  });
  const form = new FormData();
  form.set("a", new Blob(["x".repeat(LARGE)]));
  expect((await client.post(free.url, form)).status).toBe(200);
  expect(given).toEqual([false]);
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
  const textOf = async (stream: ReadableStream | Request | undefined) =>
    new Response(stream as ReadableStream).text();

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

  test("that a request sends, is kept meanwhile up to the limit, and then left", async () => {
    const twice = (parts: readonly string[], cancel?: () => void) => {
      const left = [...parts];
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          const part = left.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(bytes(part));
        },
        ...(cancel !== undefined && { cancel }),
      });
      const request = new Request("http://a.example", posted(body));
      return new StreamedBody(request.clone().body!, 10, request);
    };
    const small = twice(["ab", "cd"]);
    expect(await (small.take() as Request).text()).toBe("abcd");
    expect(new TextDecoder().decode(await small.whole())).toBe("abcd");
    expect(small.take()).toBeUndefined();
    const large = twice(["abcd", "efgh", "ijkl", "mnop"]);
    expect(await (large.take() as Request).text()).toBe("abcdefghijklmnop");
    expect(await large.whole()).toBeUndefined();
    const cancel = vi.fn();
    twice(["ab", "cd"], cancel).leave();
    await soon(() => expect(cancel).toHaveBeenCalled());
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
