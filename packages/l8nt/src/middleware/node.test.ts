/** The paywall on bare `node:http`: the laws of every paywall, and what stands in no framework. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { expect, test, vi } from "vitest";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paywallContract } from "../testing/paywall-contract.ts";
import { exchange } from "../testing/raw-http.ts";
import { bodyText } from "./fixtures/body.ts";
import { statusAfterGone } from "./fixtures/gone.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { paid, wellKnown } from "./node.ts";

const logged = vi.spyOn(console, "error").mockImplementation(() => {});

/** Routes by what `URL` makes of the target, as many a server does: it resolves dot segments. */
function pathOf({ url = "" }: IncomingMessage): string {
  return URL.canParse(url, "http://localhost") ? new URL(url, "http://localhost").pathname : "";
}

const covers = (pattern: string, path: string): boolean =>
  pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;

paywallContract(test, {
  name: "l8nt/node",
  start: async (paywall, routes) => {
    const listeners = routes.map(({ method, path, terms, handle }) => ({
      method,
      path,
      listener: paid(paywall, terms, (incoming, outgoing, grant) => {
        const reply = handle(grant, () => bodyText(incoming));
        const answer = ({ status, body }: Awaited<typeof reply>): void =>
          void outgoing.writeHead(status).end(body);
        return reply instanceof Promise ? reply.then(answer) : answer(reply);
      }),
    }));
    const router: RequestListener = (incoming, outgoing) => {
      const method = incoming.method === "HEAD" ? "GET" : incoming.method;
      const found = listeners.find((one) => one.method === method && covers(one.path, pathOf(incoming)));
      if (found !== undefined) found.listener(incoming, outgoing);
      else outgoing.writeHead(404).end();
    };
    return listening(createServer(wellKnown(paywall, router)));
  },
});

test("a handler that throws answers 500, and not a word of why", async () => {
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

test("a handler that breaks off after its head was sent has served: half an answer is cut, not ended", async () => {
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

test("what merely begins like the well-known path is another's", async () => {
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

test("without another listener, the well-known path is all there is", async () => {
  const host = await listening(createServer(wellKnown(newPaywall())));
  expect((await exchange(host.url, { target: "/.well-known/l402" })).status).toBe(200);
  for (const target of ["/", "/.well-known/l402x", "/.well-known/l40", "/.well-known"])
    expect((await exchange(host.url, { target })).status).toBe(404);
  await host.close();
});

test("who is gone before he was let in was not served: the use comes back, and the handler is not called", async () => {
  const handler = vi.fn((_: IncomingMessage, outgoing: ServerResponse) => void outgoing.end());
  expect(await statusAfterGone((paywall) => paid(paywall, { price: "1 sat" }, handler))).toBe(200);
  expect(handler).toHaveBeenCalledOnce();
});
