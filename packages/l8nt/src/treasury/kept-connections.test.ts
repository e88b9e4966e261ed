/** Services that close the connections which a treasury keeps to them. spec/4-purchase.md §4. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { town } from "../testing/fixtures/town.ts";

test("six requests to a service that resets each kept connection are answered six times", async () => {
  const server = createServer((socket) => {
    let requests = 0;
    socket.on("error", () => {});
    socket.on("data", () => {
      if (++requests > 1) socket.resetAndDestroy();
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { mint, treasury } = await town();
  const credential = mint().toString();
  const answers: unknown[] = [];
  for (let times = 0; times < 6; times++) {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${times}`;
    const id = crypto.randomUUID();
    const bought = await treasury.buy({ id, credential, method: "GET", url, headers: [] });
    const response = (bought as { readonly response: Response }).response;
    answers.push([response.status, await response.text()]);
  }
  expect(answers).toEqual(Array(6).fill([200, "fine"]));
});
