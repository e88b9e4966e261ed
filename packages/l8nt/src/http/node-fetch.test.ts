/** What a `fetch` of our own must not lose: the time-out, and the certificates. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
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
