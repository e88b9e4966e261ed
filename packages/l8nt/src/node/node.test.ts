/** The paywall on bare `node:http`: the paywall contract, and its own laws. */
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { bodyText } from "../middleware/fixtures/body.ts";
import { statusAfterGone, statusAfterHangUp } from "../middleware/fixtures/gone.ts";
import { listening } from "../middleware/fixtures/listening.ts";
import { newPaywall, present } from "../middleware/fixtures/paywall.ts";
import { isCut } from "../middleware/fixtures/reply.ts";
import { fieldsSeen } from "../middleware/fixtures/seen.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paywallContract } from "../testing/paywall-contract.ts";
import { exchange } from "../testing/raw-http.ts";
import { type PaidListener, paid, wellKnown } from "./index.ts";

const logged = vi.spyOn(console, "error").mockImplementation(() => {});

/** Routes by the path of `URL`, which resolves dot segments, as many servers do. */
function pathOf({ url = "" }: IncomingMessage): string {
  return URL.canParse(url, "http://localhost") ? new URL(url, "http://localhost").pathname : "";
}

const covers = (pattern: string, path: string): boolean =>
  pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;

paywallContract(test, {
  name: "l8nt/node",
  start: async (paywall, routes) => {
    const listeners = routes.map(({ method, path, terms, second, handle }) => {
      const answerer: PaidListener = (incoming, outgoing, grant) => {
        const reply = handle(
          grant,
          () => bodyText(incoming),
          () => fieldsSeen(incoming),
        );
        const answer = (given: Awaited<typeof reply>): void => {
          if (!isCut(outgoing, given)) outgoing.writeHead(given.status).end(given.body);
        };
        return reply instanceof Promise ? reply.then(answer) : answer(reply);
      };
      const inner = second === undefined ? answerer : paid(paywall, second, answerer);
      // In a function of its own, where two guards on different terms are not found at the start.
      const unseen: PaidListener = (...given) => inner(...given);
      return { method, path, listener: paid(paywall, terms, unseen) };
    });
    const router: RequestListener = (incoming, outgoing) => {
      const method = incoming.method === "HEAD" ? "GET" : incoming.method;
      const found = listeners.find(
        (one) => one.method === method && covers(one.path, pathOf(incoming)),
      );
      if (found !== undefined) found.listener(incoming, outgoing);
      else outgoing.writeHead(404).end();
    };
    return listening(createServer(wellKnown(paywall, router)));
  },
});

test("a handler that throws answers 500 without a reason", async () => {
  const invoicer = new FakeInvoicer();
  const error = new Error("password hunter2 was refused");
  const listener = paid(newPaywall({ invoicer }), { price: "1 sat" }, () => {
    throw error;
  });
  const host = await listening(createServer(listener));
  const credential = invoicer.buy((await exchange(host.url)).lines("www-authenticate"));
  logged.mockClear();
  const response = await exchange(host.url, { fields: [present(credential)] });
  expect(response.status).toBe(500);
  expect(response.lines("content-type")).toEqual(["application/problem+json"]);
  expect(JSON.parse(response.body)).toEqual({
    type: "about:blank",
    title: "Internal server error",
    status: 500,
  });
  expect(logged.mock.calls).toEqual([[error]]);
  await host.close();
});

test("a handler that fails after its head was sent has served, and its answer is cut off", async () => {
  const invoicer = new FakeInvoicer();
  const listener = paid(newPaywall({ invoicer }), { price: "1 sat" }, async (_, outgoing) => {
    outgoing.writeHead(200, { "content-length": "100" });
    outgoing.write("half");
    throw new Error("boom");
  });
  const host = await listening(createServer(listener));
  const credential = invoicer.buy((await exchange(host.url)).lines("www-authenticate"));
  const cut = await exchange(host.url, { fields: [present(credential)] }).catch(() => undefined);
  expect(cut?.body ?? "").not.toHaveLength(100);
  expect((await exchange(host.url, { fields: [present(credential)] })).status).toBe(402);
  await host.close();
});

test("a path that only starts like the well-known path goes to the other listener", async () => {
  const host = await listening(
    createServer(wellKnown(newPaywall(), (_, outgoing) => void outgoing.end("other"))),
  );
  for (const [target, isOther] of [
    ["/.well-known/l402", false],
    ["/.well-known/l402?x=1", false],
    ["/.well-known/l402/x", false],
    ["/.well-known/l402x", true],
    ["/.well-known/l402.txt", true],
    ["/x/.well-known/l402", true],
  ] as const)
    expect((await exchange(host.url, { target })).body === "other", target).toBe(isOther);
  await host.close();
});

test("without another listener, any other path answers 404", async () => {
  const host = await listening(createServer(wellKnown(newPaywall())));
  expect((await exchange(host.url, { target: "/.well-known/l402" })).status).toBe(200);
  for (const target of ["/", "/.well-known/l402x", "/.well-known/l40", "/.well-known"])
    expect((await exchange(host.url, { target })).status).toBe(404);
  await host.close();
});

test("a client that leaves before the grant gets its use back, and the handler is not called", async () => {
  const handler = vi.fn((_: IncomingMessage, outgoing: ServerResponse) => void outgoing.end());
  expect(await statusAfterGone((paywall) => paid(paywall, { price: "1 sat" }, handler))).toBe(200);
  expect(handler).toHaveBeenCalledOnce();
});

test("HTTP/2 is served by the same rules", async () => {
  const invoicer = new FakeInvoicer();
  const store = new MemoryStore();
  const released = new Promise<void>((resolve) => {
    const release = store.release.bind(store);
    store.release = (id, at) => release(id, at).finally(resolve);
  });
  let status = 500;
  const listener = paid(newPaywall({ invoicer, store }), { price: "1 sat" }, (_, outgoing) => {
    outgoing.statusCode = status;
    outgoing.end("sunny");
  });
  const server = http2.createServer(
    listener as unknown as (incoming: http2.Http2ServerRequest) => void,
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ask = async (credential?: string) => {
    const stream = client.request({
      ":path": "/paid",
      ...(credential !== undefined && { authorization: `L402 ${credential}` }),
    });
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    await once(stream.resume(), "close");
    return headers;
  };
  const asked = await ask();
  expect(asked[":status"]).toBe(402);
  const credential = invoicer.buy(asked["www-authenticate"] as unknown as string);
  expect((await ask(credential))[":status"]).toBe(500);
  await released;
  status = 200;
  expect((await ask(credential))[":status"]).toBe(200);
  expect((await ask(credential))[":status"]).toBe(402);
  client.close();
  await new Promise((resolve) => server.close(resolve));
});

test("a client that hangs up before the head gets the use back, even if the handler fails after that [case 89]", async () => {
  const status = await statusAfterHangUp((paywall, work) =>
    paid(
      paywall,
      { price: "1 sat" },
      async (_, outgoing) => void outgoing.writeHead(await work()).end(),
    ),
  );
  expect(status).toBe(500);
});

describe("a head that was made and never sent gives the use back", () => {
  type Outgoing = Parameters<PaidListener>[1];
  /** Two requests with one use: the statuses, and 0 for a connection without an answer. */
  async function twice(first: (outgoing: Outgoing) => void) {
    const invoicer = new FakeInvoicer();
    let served = 0;
    const handler = paid(newPaywall({ invoicer }), { price: "1 sat" }, (_, outgoing) =>
      served++ === 0 ? first(outgoing) : void outgoing.writeHead(200).end("sunny"),
    );
    const server = await listening(createServer(handler));
    onTestFinished(() => server.close());
    const ask = async (credential?: string) => {
      const headers = credential === undefined ? {} : { authorization: `L402 ${credential}` };
      const response = await fetch(`${server.url}/paid`, { headers }).catch(() => undefined);
      await response?.text().catch(() => {});
      return response;
    };
    const asked = await ask();
    const credential = invoicer.buy(asked!.headers.get("www-authenticate")!);
    return [(await ask(credential))?.status ?? 0, (await ask(credential))?.status ?? 0];
  }

  test.each<readonly [string, number, (outgoing: Outgoing) => void]>([
    [
      "Node refuses a field of it, and the handler answers 500",
      500,
      (outgoing) => {
        expect(() => outgoing.writeHead(200, { "x-file": "ž" })).toThrow();
        outgoing.writeHead(500).end();
      },
    ],
    ["the handler closes the connection", 0, (outgoing) => outgoing.writeHead(200).destroy()],
    [
      "it writes nothing before it closes the connection",
      0,
      (outgoing) => {
        outgoing.writeHead(200).write("");
        outgoing.destroy();
      },
    ],
    [
      "the handler writes after the connection was closed",
      0,
      (outgoing) => {
        outgoing.writeHead(200).destroy();
        outgoing.end("late");
      },
    ],
  ])("%s", async (_, status, first) => {
    expect(await twice(first)).toEqual([status, 200]);
  });

  test.each<readonly [string, (outgoing: Outgoing) => void]>([
    ["flushed before it broke off", (outgoing) => outgoing.writeHead(200).flushHeaders()],
    ["followed by a part of the body", (outgoing) => void outgoing.writeHead(200).write("half")],
    ["made by the first part of the body", (outgoing) => void outgoing.write("half")],
  ])("but one that was %s does not", async (_, send) => {
    const [, second] = await twice((outgoing) => {
      send(outgoing);
      outgoing.socket?.end();
    });
    expect(second).toBe(402);
  });
});
