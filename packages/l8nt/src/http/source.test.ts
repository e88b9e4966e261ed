/** The source of a stream: found, read past it, and told apart from what is still to come. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { failure } from "../testing/fixtures/town.ts";
import { nodeFetch } from "./node-fetch.ts";
import { readableSource } from "./readable-source.ts";
import { type Source, sourceOf, streamOf } from "./source.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function parts(...texts: readonly string[]): Source & { cancelled: number } {
  const left = [...texts];
  return {
    cancelled: 0,
    read: () => (left.length > 0 ? bytes(left.shift()!) : undefined),
    cancel() {
      this.cancelled++;
    },
  };
}

test("a stream is read past by its source, and by nobody else then", async () => {
  const source = parts("a", "b");
  const stream = streamOf(source);
  const { body } = new Response(stream);
  expect(sourceOf(body!)).toBe(source);
  expect(() => sourceOf(stream)).toThrow(TypeError);
  await expect(new Response("x").text()).resolves.toBe("x");
});

test("what was read from the stream before is not read again", async () => {
  const stream = streamOf(parts("a", "b", "c"));
  const reader = stream.getReader();
  expect((await reader.read()).value).toEqual(bytes("a"));
  reader.releaseLock();
  expect(sourceOf(stream).read()).toEqual(bytes("b"));
});

test("both branches of a stream that was copied have all of it", async () => {
  const response = new Response(streamOf(parts("a", "b")));
  const copy = response.clone();
  const source = sourceOf(response.body!);
  expect(await source.read()).toEqual(bytes("a"));
  expect(await copy.text()).toBe("ab");
  expect(await source.read()).toEqual(bytes("b"));
});

test("a stream of the platform has a source too, which cancels it", async () => {
  let cancelled = 0;
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue(bytes("a")),
    cancel: () => void cancelled++,
  });
  const source = sourceOf(stream);
  expect(await source.read()).toEqual(bytes("a"));
  source.cancel();
  expect(cancelled).toBe(1);
});

test("a stream that is cancelled cancels its source", async () => {
  const source = parts("a");
  await streamOf(source).cancel();
  expect(source.cancelled).toBe(1);
});

test("a message that is whole is told at once; one that may go on is a promise", async () => {
  const through = new PassThrough();
  let isComplete = false;
  const source = readableSource(through, { isComplete: () => isComplete });
  through.write("a");
  expect(source.read()).toEqual(bytes("a"));
  const next = source.read();
  expect(next).toBeInstanceOf(Promise);
  through.write("b");
  expect(await next).toEqual(bytes("b"));
  isComplete = true;
  expect(source.read()).toBeUndefined();
});

test("a message that breaks off says so, also if nobody waited", async () => {
  const through = new PassThrough();
  const source = readableSource(through);
  const waiting = source.read();
  through.destroy(new Error("cut"));
  expect(await failure(waiting as Promise<unknown>)).toMatchObject({ message: "cut" });
  expect(() => source.read()).toThrow("cut");
});

test.each([
  ["that says its length", { "content-length": "200000" }, 200_000],
  ["without a length", {}, undefined],
  ["in an encoding", { "content-encoding": "gzip", "content-length": "200000" }, undefined],
] as const)("the length of an answer %s", async (_, fields, length) => {
  const server = createServer((_request, response) => {
    response.writeHead(200, fields).write(Buffer.alloc(100, 0x1f));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const { body } = await nodeFetch({})(`http://127.0.0.1:${port}/`);
  const source = sourceOf(body!);
  expect(source.length).toBe(length);
  source.cancel();
});
