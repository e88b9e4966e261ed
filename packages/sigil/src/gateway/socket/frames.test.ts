/** Where frames end, against the frames that `ws` makes and reads. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { closeFrame, Frames } from "./frames.ts";

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** The bytes of a server's frames, as they leave it. */
async function framesOf(play: (opened: WebSocket) => void): Promise<Buffer> {
  const server = createServer();
  const parts: Buffer[] = [];
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (incoming, socket, head) =>
    sockets.handleUpgrade(incoming, socket, head, (opened) => {
      const seen = new PassThrough().on("data", (part) => parts.push(part));
      const { write } = opened._socket;
      opened._socket.write = function (this: unknown, ...given: unknown[]) {
        seen.write(given[0]);
        return Reflect.apply(write, this, given);
      } as typeof write;
      play(opened);
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closing.push(() => {
    client.terminate();
    server.close();
    server.closeAllConnections();
  });
  await once(client, "close");
  return Buffer.concat(parts);
}

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];

describe("frames", () => {
  test("of every length and in every cut end where they end", async () => {
    const bytes = await framesOf((opened) => {
      for (const size of SIZES) opened.send(Buffer.alloc(size, 0x82));
      opened.send("in two", { fin: false });
      opened.send(" parts", { fin: true });
      opened.close(1000);
    });
    for (const cut of [1, 2, 3, 7, 1000, bytes.length]) {
      const frames = new Frames();
      let ends = 0;
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + cut);
        at += frames.take(part, "end of frame");
        if (frames.isBetween) ends++;
      }
      expect(ends).toBe(SIZES.length + 3);
      expect(frames.isClosed).toBe(true);
      const again = new Frames();
      let taken = 0;
      for (let at = 0; at < bytes.length; at += cut)
        taken += again.take(bytes.subarray(at, at + cut));
      expect([taken, again.isBetween]).toEqual([bytes.length, true]);
    }
  });

  test.each([
    ["", ""],
    ["out of budget", "out of budget"],
    ["a".repeat(200), "a".repeat(123)],
    ["é".repeat(100), "é".repeat(61)],
  ])("to close are read by ws: %s", async (reason, read) => {
    const server = createServer().on("upgrade", (incoming, socket, head) =>
      new WebSocketServer({ noServer: true }).handleUpgrade(incoming, socket, head, () =>
        socket.end(closeFrame(1008, reason)),
      ),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => server.close());
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [code, text] = (await once(client, "close")) as [number, Buffer];
    expect([code, text.toString()]).toEqual([1008, read]);
  });
});
