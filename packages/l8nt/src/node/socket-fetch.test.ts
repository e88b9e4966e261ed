/** `socketFetch`: requests over a Unix socket do not depend on connections that were kept. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { socketFetch } from "./socket-fetch.ts";

test("a POST after one whose connection the server ends is answered", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-socket-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "owner.sock");
  const asked = new WeakSet<object>();
  let answered = 0;
  const server = createServer(({ socket }, response) => {
    // As a server does whose timer for idle connections fires while the next request arrives.
    if (asked.has(socket)) return void socket.destroy();
    asked.add(socket);
    response.end(`${++answered}`);
  }).listen(path);
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const post = socketFetch(path);
  for (const expected of ["1", "2", "3"]) {
    const response = await post("http://localhost/v1/owner/freeze", { method: "POST", body: "{}" });
    expect(await response.text()).toBe(expected);
  }
});
